import Clinical
import Tables

/// Reads a lookup of postcodes: a CSV file with the columns of the Office for National Statistics, such as the
/// National Statistics Postcode Lookup, the Postcode Directory, or a best-fit lookup.
struct PostcodeFile {
  struct Fault: Error, CustomStringConvertible {
    let description: String
  }

  let file: String
  private(set) var places: [PostcodePlaces.Place] = []
  private var numbers: [PostcodePlaces.Place: Int] = [:]
  private var postcodes: [PostcodePlaces.Entry] = []
  /// Rows whose postcode has not the form of one, such as GIR 0AA.
  private(set) var malformed = 0

  /// Columns whose names differ between the files, compared without case; of several the first.
  struct Columns: Equatable {
    let postcode: Int
    let area: Int
    /// Nil: no row has a commissioner.
    let commissioner: Int?

    init?(_ names: [String]) {
      let names = names.map { $0.lowercased() }
      func newest(_ stem: String) -> Int? {
        let found = names.indices.compactMap { place in Self.year(names[place], stem).map { (year: $0, place: place) } }
        return found.max { ($0.year, -$0.place) < ($1.year, -$1.place) }?.place
      }
      let postcodes = ["pcds", "pcd8", "pcd7", "pcd2", "pcd", "postcode"]
      guard let postcode = postcodes.lazy.compactMap({ names.firstIndex(of: $0) }).first, let area = newest("lsoa")
      else { return nil }
      self.postcode = postcode
      self.area = area
      commissioner = newest("icb") ?? newest("stp")
    }

    /// The year in lsoa, lsoa11, lsoa21cd, icb, icb23cd; 0 without one, nil for another name.
    private static func year(_ name: String, _ stem: String) -> Int? {
      guard name.hasPrefix(stem) else { return nil }
      var rest = name.dropFirst(stem.count)
      if rest.hasSuffix("cd") { rest = rest.dropLast(2) }
      if rest.isEmpty { return 0 }
      return rest.utf8.count == 2 && rest.utf8.allSatisfy { 0x30...0x39 ~= $0 } ? Int(rest) : nil
    }
  }

  private init(file: String) { self.file = file }

  /// - Throws: ``Fault``; the text names rows, never what stands in them.
  static func read(_ file: String) throws(Fault) -> (places: PostcodePlaces, malformed: Int) {
    var reading = PostcodeFile(file: file)
    do throws(CSVError) {
      let reader = try CSVReader(file: file)
      try reading.read(reader)
    } catch {
      throw Fault(description: "\(error)")
    }
    if let fault = reading.fault { throw fault }
    guard !reading.postcodes.isEmpty else { throw reading.failure("holds no postcode") }
    do {
      return (try PostcodePlaces(places: reading.places, postcodes: reading.postcodes), reading.malformed)
    } catch {
      throw reading.failure("holds a postcode twice, with different areas")
    }
  }

  private var fault: Fault?

  private func failure(_ text: String) -> Fault { Fault(description: "\(file) \(text)") }

  private mutating func read(_ reader: CSVReader) throws(CSVError) {
    let names =
      try reader.next() ? (0..<reader.fieldCount).map { String(decoding: reader.field($0), as: UTF8.self) } : []
    guard let columns = Columns(names) else {
      fault = failure("has not the columns pcds and lsoa (pcd7, pcd8, lsoa11, lsoa21cd … are known, icb is optional)")
      return
    }
    let width = names.count
    while try reader.next() {
      guard reader.fieldCount == width else {
        fault = failure("row \(reader.row): \(reader.fieldCount) values where the header has \(width)")
        return
      }
      guard let postcode = try? Postcode(validating: String(decoding: reader.field(columns.postcode), as: UTF8.self))
      else {
        malformed += 1
        continue
      }
      guard let area = Self.code(reader.field(columns.area)),
        let commissioner = columns.commissioner.map({ Self.code(reader.field($0)) }) ?? ""
      else {
        fault = failure("row \(reader.row): an area or commissioner that is no code")
        return
      }
      postcodes.append(.init(postcode, place: number(.init(area: area, commissioner: commissioner))))
    }
  }

  private mutating func number(_ place: PostcodePlaces.Place) -> Int {
    if let number = numbers[place] { return number }
    numbers[place] = places.count
    places.append(place)
    return places.count - 1
  }

  /// Empty for none, and for the codes that stand for none: E99999999, L99999999 (Channel Islands) and the like.
  /// Nil for what is no code, such as a name.
  private static func code(_ bytes: UnsafeRawBufferPointer) -> String? {
    guard bytes.count <= 15, bytes.allSatisfy({ 0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 }) else {
      return nil
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return text.hasSuffix("99999999") ? "" : text
  }
}
