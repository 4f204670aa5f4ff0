import Clinical
import Contracts
import Cryptography
import Disclosure
import Foundation
import Linking
import Specification
import Yams

/// Reads one dataset definition; goes through the whole file and collects what is wrong.
struct DefinitionReader {
  typealias Fields = YAMLReader.Fields

  var yaml: YAMLReader
  let library: DatasetLibrary
  let store: CodeListStore
  var files: Set<String> = []

  init(file: String, library: DatasetLibrary, store: CodeListStore) {
    yaml = YAMLReader(file: file)
    self.library = library
    self.store = store
  }

  private static let keys = [
    "title", "purpose", "recipients", "legal_basis", "class", "exclusions", "minimum_rank", "grain", "months",
    "population", "dimensions", "age_bands", "split", "tally", "events", "linkage", "columns", "levels", "totals",
    "disclosure",
  ]

  mutating func read(name: String) -> DatasetDefinition? {
    guard let source = FileManager.default.contents(atPath: yaml.file).map({ [UInt8]($0) }) else {
      return yaml.fault(line: nil, "cannot be read")
    }
    guard let root = yaml.root(source, keys: Self.keys) else { return nil }
    yaml.checkName(name, nil, "the file's name")
    let texts = ["title", "purpose", "legal_basis", "exclusions"].map { key in yaml.text(root, key) }
    let recipients = yaml.values(root, "recipients", known: []) { $0 }?.map(\.value)
    let releaseClass = choice(
      root, "class", DatasetDefinition.ReleaseClass.self, default: .aggregate)
    let grain = choice(root, "grain", DatasetDefinition.Grain.self)
    let population = choice(root, "population", DatasetDefinition.Population.self)
    let subject = subject(root)
    let (split, tally) = (split(root, subject), tally(root))
    let dimensions = dimensions(root, split: split, tally: tally, grain: grain, subject: subject)
    let bands = dimensions?.contains(.ageBand) ?? true ? ageBands(root) : []
    let columns = columns(root, subject, hasSplit: split != nil)
    let (levels, totals) = (levels(root, dimensions), totals(root, dimensions))
    let rule = rule(root)
    let (rank, months) = (minimumRank(root, subject), months(root, subject))
    checkStandardised(root, columns, dimensions, totals, bands)
    guard yaml.faults.isEmpty, let recipients, let releaseClass, let grain, let population, let subject, let dimensions,
      let bands, let columns, let levels, let totals, let rule
    else { return nil }
    let known = texts.map { $0 ?? "" }
    var definition = DatasetDefinition(
      name: name, title: known[0], purpose: known[1], recipients: recipients, legalBasis: known[2],
      releaseClass: releaseClass, exclusionPurpose: known[3], minimumRank: rank, grain: grain, months: months,
      population: population, dimensions: dimensions, ageBands: bands, split: split, tally: tally, subject: subject,
      columns: columns, levels: levels, totals: totals, rule: rule, digest: [])
    definition.digest = digest(source, definition)
    return definition
  }

  // MARK: - Single values

  private mutating func choice<T: RawRepresentable & CaseIterable>(
    _ fields: Fields, _ key: String, _ type: T.Type, default standard: T? = nil
  ) -> T? where T.RawValue == String {
    if fields[key] == nil, let standard { return standard }
    return yaml.required(fields, key).flatMap {
      yaml.choice($0, fields.path(key), known: T.allCases.map(\.rawValue), T.init(rawValue:))
    }
  }

  private mutating func minimumRank(_ root: Fields, _ subject: DatasetDefinition.Subject?) -> Int? {
    guard let node = root["minimum_rank"] else { return nil }
    if subject == .linkage { yaml.fault(node, "minimum_rank does not belong to a dataset about linkage itself") }
    return yaml.number(node, "minimum_rank", 1...LinkPass.allCases.count)
  }

  private mutating func months(_ root: Fields, _ subject: DatasetDefinition.Subject?) -> Int? {
    guard let node = root["months"] else { return nil }
    if let subject, !subject.isOfEvents { yaml.fault(node, "months belongs to datasets of events") }
    return yaml.number(node, "months", 1...120)
  }

  private mutating func rule(_ root: Fields) -> DisclosureRule? {
    guard let node = yaml.required(root, "disclosure") else { return nil }
    if let text = node.scalar?.string {
      switch text {
      case "hes": return .hes
      case "midpoint6": return .midpoint6
      default:
        return yaml.fault(
          node, "disclosure: '\(text)' is not known",
          hint: "known are hes, midpoint6 and {cell_key: TABLE.csv, threshold: 10}")
      }
    }
    guard let fields = yaml.fields(node, "disclosure", keys: ["cell_key", "threshold"]),
      let file = yaml.text(fields, "cell_key"), let limit = yaml.required(fields, "threshold"),
      let threshold = yaml.number(limit, "disclosure.threshold", 1...100)
    else { return nil }
    guard let bytes = store.content(file) else {
      return yaml.fault(node, "\(file) cannot be read", hint: "files are looked for below \(store.directory)")
    }
    files.insert(file)
    do throws(PerturbationTable.Fault) {
      return .cellKey(try PerturbationTable(csv: String(decoding: bytes, as: UTF8.self), threshold: threshold))
    } catch {
      return yaml.fault(node, "disclosure.cell_key: \(file): \(error)")
    }
  }

  // MARK: - Bands

  private mutating func ageBands(_ root: Fields) -> [Band]? { bands(root, "age_bands") }

  /// From 0 without gap, the last one open: `[0-17, 18-64, 65+]`, `[0, 1, 2+]`.
  mutating func bands(_ fields: Fields, _ key: String) -> [Band]? {
    guard let nodes = yaml.nodes(fields, key) else { return nil }
    let path = fields.path(key)
    var bands: [Band] = []
    var next: Int? = 0
    for node in nodes {
      guard let label = yaml.text(node, path) else { return nil }
      let isOpen = label.hasSuffix("+")
      let bounds = isOpen ? [label.dropLast()] : label.split(separator: "-", omittingEmptySubsequences: false)
      let numbers = bounds.compactMap { Int($0) }
      guard numbers.count == bounds.count, 1...2 ~= numbers.count, numbers[0] <= numbers.last! else {
        return yaml.fault(node, "\(path): '\(label)' is neither like 18-39 nor like 80+")
      }
      if numbers[0] != next { yaml.fault(node, "\(path): '\(label)' does not begin where the band before it ends") }
      next = isOpen ? nil : numbers.last! + 1
      bands.append(Band(label: label, lower: numbers[0]))
    }
    if next != nil { yaml.fault(nodes.last, "\(path): the last band is not open", hint: "end with one like 80+") }
    return bands
  }

  // MARK: - Dimensions

  private mutating func dimensions(
    _ root: Fields, split: DatasetDefinition.Split?, tally: DatasetDefinition.Tally?, grain: DatasetDefinition.Grain?,
    subject: DatasetDefinition.Subject?
  ) -> [DatasetDefinition.Dimension]? {
    if subject == .linkage {
      if let node = root["dimensions"] {
        yaml.fault(node, "dimensions does not belong to a dataset about linkage itself")
      }
      return [.property, .value, .source]
    }
    var own: [String: DatasetDefinition.Dimension] = [:]
    if let split { own[split.column] = .split }
    if let tally { own[tally.column] = .tally }
    if let grain, grain != .snapshot { own[grain.rawValue] = .period }
    let isOfEvents = subject?.isOfEvents ?? true
    let standing = DatasetDefinition.Dimension.ofPeople + (isOfEvents ? [.gpRecord] : [])
    let known = standing.map(\.rawValue) + own.keys.sorted()
    guard
      let values = yaml.values(
        root, "dimensions", known: known,
        { name in
          own[name] ?? standing.first { $0.rawValue == name }
        })
    else { return nil }
    let dimensions = values.map(\.value)
    for (column, dimension) in own.sorted(by: { $0.key < $1.key }) where !dimensions.contains(dimension) {
      yaml.fault(root["dimensions"], "dimensions: '\(column)' is declared and missing here")
    }
    if dimensions.count > CellKey.capacity {
      yaml.fault(root["dimensions"], "dimensions: more than \(CellKey.capacity)")
    }
    if dimensions.contains(.period), !isOfEvents {
      yaml.fault(root["grain"], "grain: people are counted on one day", hint: "use snapshot")
    }
    if dimensions.contains(.gpRecord) {
      if case .cohorts = split?.values {
      } else {
        yaml.fault(
          root["dimensions"], "dimensions: gp_record asks for cohorts", hint: "split: {column: …, cohorts: […]}")
      }
    }
    return dimensions
  }

  private mutating func levels(
    _ root: Fields, _ dimensions: [DatasetDefinition.Dimension]?
  ) -> [DatasetDefinition.Level]? {
    guard let node = root["levels"] else { return [] }
    let known = DatasetDefinition.Level.allCases
    guard
      let levels = yaml.values(root, "levels", known: known.map(\.rawValue), DatasetDefinition.Level.init)?
        .map(\.value)
    else { return nil }
    if let dimensions, !dimensions.contains(.practice) { yaml.fault(node, "levels asks for the dimension practice") }
    if levels != Array(known.prefix(levels.count)) {
      yaml.fault(node, "levels: every level but the last is asked for, in order", hint: "[practice, sub_icb, icb]")
    }
    return levels
  }

  private mutating func totals(
    _ root: Fields, _ dimensions: [DatasetDefinition.Dimension]?
  ) -> [DatasetDefinition.Dimension]? {
    guard root["totals"] != nil else { return [] }
    // What overlaps does not add up, nor do people over periods; practices add up to their levels.
    let known = (dimensions ?? []).filter { ![.split, .gpRecord, .practice, .period].contains($0) }
    return yaml.values(
      root, "totals", known: known.map(\.rawValue),
      { name in
        known.first { $0.rawValue == name }
      })?.map(\.value)
  }
}

extension DatasetDefinition.Dimension {
  static let ofPeople: [Self] = [.practice, .sex, .ageBand, .ethnicCategory, .area, .commissioner]
}
