import Contracts

/// A list of objections taken outside an extract, such as the national one: nhs_number, type (1 or 2), decision (dissent
/// or withdrawn), date (may be empty: an undated dissent counts).
///
/// The whole list is checked before the first objection is given. A check digit is ingestion's to judge.
final class ObjectionsList {
  static let columns = ["nhs_number", "type", "decision", "date"]

  /// Objections in the list.
  let count: Int
  private let file: String
  private let dates: ExtractDateFormat
  private var table: ExtractTable
  private var indices: [Int]

  init(file: String, dates: ExtractDateFormat = .iso) throws(ExtractInputError) {
    self.file = file
    self.dates = dates
    table = try ExtractTable(file: file, columns: ExtractColumns(required: Self.columns))
    indices = Self.columns.map { [table] in table.requiredIndex(of: $0) }
    var rows = 0
    while try Self.read(table, indices, dates) != nil { rows += 1 }
    count = rows
    table = try ExtractTable(file: file, columns: ExtractColumns(required: Self.columns))
  }

  /// The next objection without submission id, sequence, expected number and origin; nil after the last.
  func next() throws(ExtractInputError) -> Objection? { try Self.read(table, indices, dates) }

  private static func read(
    _ table: ExtractTable, _ columns: [Int], _ dates: ExtractDateFormat
  ) throws(ExtractInputError) -> Objection? {
    guard try table.next() else { return nil }
    var objection = Objection()
    let number = try table.nonEmpty(columns[0])
    guard number.count == 10, number.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      throw table.error(columns[0], .notNHSNumber)
    }
    objection.nhsNumber = table.string(columns[0])
    switch table.string(columns[1]) {
    case "1": objection.type = .objectionType1
    case "2": objection.type = .objectionType2
    default: throw table.error(columns[1], .notOneOf(["1", "2"]))
    }
    switch table.string(columns[2]) {
    case "dissent": objection.decision = .dissent
    case "withdrawn": objection.decision = .withdrawn
    default: throw table.error(columns[2], .notOneOf(["dissent", "withdrawn"]))
    }
    if let date = try table.date(columns[3], dates) { objection.day = date.day }
    return objection
  }
}
