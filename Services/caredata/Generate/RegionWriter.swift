import Clinical
import Foundation

/// Writes the synthetic region of a seed: the same seed and number of patients give the same bytes.
///
/// ```
/// gp/A81001/{patients,events}.csv …   hospital/{RXA,RXB}/episodes.csv   community/RY1/contacts.csv
/// national-list.dat   canaries.csv    region.json (`RegionDescription`)
/// ```
struct RegionWriter {
  /// Fewer leave no room for canaries and the rest.
  static let patients = 20...900_000
  static let descriptionFile = "region.json"
  static let nationalListFile = "national-list.dat"
  static let canariesFile = "canaries.csv"

  let population: SyntheticPopulation
  let folder: String
  var description: RegionDescription

  /// Replaces a region that the folder holds. Throws when it holds anything else.
  static func write(patients: Int, seed: UInt64, to folder: String) throws -> RegionDescription {
    var writer = RegionWriter(patients: patients, seed: seed, folder: folder)
    try writer.clear()
    try writer.writePractices()
    try writer.writeCare()
    try writer.writeNationalList()
    try writer.writeObjectionCanaries()
    return try writer.writeDescription()
  }

  private init(patients: Int, seed: UInt64, folder: String) {
    population = SyntheticPopulation(count: patients, seed: seed)
    self.folder = folder
    let canaries = (0..<population.canaries).map { [population] index in
      let person = population.person(index)
      return RegionDescription.Canary(
        nhsNumber: person.nhsNumber, dateOfBirth: person.born.iso, postcode: person.postcode)
    }
    description = RegionDescription(
      seed: seed, patients: patients, period: SyntheticPopulation.period.text, organisations: [], canaries: canaries,
      nationalList: Self.nationalListFile)
  }

  private func clear() throws {
    let files = FileManager.default
    try createFolder(folder)
    guard let present = try? files.contentsOfDirectory(atPath: folder) else {
      throw GenerateError(file: folder, reason: "the folder cannot be read")
    }
    guard present.isEmpty || present.contains(Self.descriptionFile) else {
      throw GenerateError(file: folder, reason: "the folder is not empty and holds no region")
    }
    let own: Set = [
      "gp", "hospital", "community", Self.nationalListFile, Self.canariesFile, Self.descriptionFile, "objections.csv",
    ]
    for name in present where own.contains(name) {
      try files.removeItem(atPath: "\(folder)/\(name)")
    }
  }

  /// Foundation's own error has several lines.
  private func createFolder(_ path: String) throws(GenerateError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw GenerateError(file: path, reason: "the folder cannot be created")
    }
  }

  func organisation(_ code: String, _ source: ExtractSource) throws -> RegionDescription.Organisation {
    let path = "\(source.rawValue)/\(code)"
    try createFolder("\(folder)/\(path)")
    return RegionDescription.Organisation(code: code, source: source, period: description.period, path: path)
  }

  func writer(_ path: String, _ columns: [String], order: Int) throws -> CSVFileWriter {
    try CSVFileWriter(
      file: "\(folder)/\(path)", columns: columns, order: SplitMix64(seed: population.seed, .order, order))
  }

  func code(ofPractice practice: Int) -> String { "A\(81001 + practice)" }

  private func writeDescription() throws -> RegionDescription {
    var bytes = try Self.json(description)
    bytes.append(UInt8(ascii: "\n"))
    let file = "\(folder)/\(Self.descriptionFile)"
    try bytes.write(to: URL(fileURLWithPath: file))
    return description
  }

  static func json(_ description: RegionDescription) throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(description)
  }

  static func read(_ folder: String) throws -> RegionDescription {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(
      RegionDescription.self, from: Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(descriptionFile)")))
  }
}
