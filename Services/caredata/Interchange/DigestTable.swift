import Pseudonyms
import Tables

/// Turns the rows of a CSV file into digests. Its errors name row and column, never a value.
struct DigestTable {
  struct Columns: Equatable {
    /// Whose values become the digest.
    var fields: [String]
    /// Of these, dates that are rounded down to the first of January.
    var rounded: [String] = []
    /// That go on as they are, behind the digest.
    var kept: [String] = []

    /// Nil: nothing is wrong.
    var fault: String? {
      if let name = kept.first(where: fields.contains) {
        return "\(name) is part of the digest, so it is not to stand beside it"
      }
      if let name = rounded.first(where: { !fields.contains($0) }) {
        return "\(name) is rounded but not part of the digest"
      }
      if Set(kept).count < kept.count { return "a column is to be kept twice" }
      return nil
    }
  }

  struct Outcome: Equatable {
    var rows = 0
    /// Rows of which a field is blank: what is left may be one that many share, so there is no digest.
    var withoutDigest = 0
  }

  private let columns: Columns
  private let digest: OpenPseudonymiserDigest

  init(_ columns: Columns, salt: String) throws {
    if let fault = columns.fault { throw ClientError(fault) }
    self.columns = columns
    digest = try OpenPseudonymiserDigest(fields: columns.fields, salt: salt)
  }

  /// - Parameter write: called with the rows of the new file, in the order of the old one.
  func convert(_ reader: CSVReader, write: ([UInt8]) throws -> Void) throws -> Outcome {
    guard try reader.next() else { throw ClientError("\(reader.file) is empty") }
    let names = (0..<reader.fieldCount).map { String(decoding: reader.field($0), as: UTF8.self) }
    func place(_ name: String) throws -> Int {
      let places = names.indices.filter { names[$0] == name }
      guard places.count == 1 else {
        throw ClientError("\(reader.file), row 1: \(places.isEmpty ? "no column" : "more than one column") \(name)")
      }
      return places[0]
    }
    let fields = try columns.fields.map(place)
    let kept = try columns.kept.map(place)
    let rounded = Set(try columns.rounded.map(place))
    var row = CSVRow()
    row.add("digest")
    for name in columns.kept { row.add(name) }
    row.end()
    try write(row.bytes)
    var outcome = Outcome()
    while try reader.next() {
      guard reader.fieldCount == names.count else {
        throw ClientError("\(reader.file), row \(reader.row): \(reader.fieldCount) values for \(names.count) columns")
      }
      func text(_ place: Int) -> String { String(decoding: reader.field(place), as: UTF8.self) }
      let values = try fields.map { place in
        guard rounded.contains(place), !reader.field(place).isEmpty else { return text(place) }
        guard let date = RoundedDate.firstOfYear(text(place)) else {
          throw ClientError(
            "\(reader.file), row \(reader.row), column \(names[place]): no date of the forms yyyyMMdd, dd/MM/yyyy, "
              + "dd/MM/yy, dd.MM.yyyy, dd.MM.yy")
        }
        return date
      }
      let digest = try? digest.digest(values)
      outcome.rows += 1
      if digest == nil { outcome.withoutDigest += 1 }
      row = CSVRow()
      row.add(digest ?? "")
      for place in kept { row.add(text(place)) }
      row.end()
      try write(row.bytes)
    }
    return outcome
  }
}
