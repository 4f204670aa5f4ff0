import Clinical
import Contracts

/// A list of NHS numbers that others have replaced: superseded, current.
///
/// The whole list is checked before the first pair is given. Chains and circles are ingestion's to judge.
struct SupersessionsList {
  static let columns = ["superseded", "current"]

  /// Without submission id, sequence and expected number.
  let pairs: [Supersession]

  init(file: String) throws(ExtractInputError) {
    let table = try ExtractTable(file: file, columns: ExtractColumns(required: Self.columns))
    let columns = Self.columns.map { table.requiredIndex(of: $0) }
    var pairs: [Supersession] = []
    while try table.next() {
      var pair = Supersession()
      pair.superseded = try Self.number(table, columns[0])
      pair.current = try Self.number(table, columns[1])
      guard pair.superseded != pair.current else { throw table.error(columns[1], .sameNumber) }
      pairs.append(pair)
    }
    self.pairs = pairs
  }

  /// A number that is not valid could never be met by a record's.
  private static func number(_ table: ExtractTable, _ column: Int) throws(ExtractInputError) -> String {
    guard let number = try? NHSNumber(validating: table.string(column)) else {
      throw table.error(column, .notNHSNumber)
    }
    return number.digits
  }
}
