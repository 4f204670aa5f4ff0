import Clinical
import Tables

/// The columns a file may have, in any order.
struct ExtractColumns {
  let required: [String]
  var optional: [String] = []
  /// Names of numbered columns (`DIAG_01`…), of which the last may be left out, but none in between.
  var numbered: [[String]] = []
}

/// A CSV file whose header has been checked, and whose values are read by column.
///
/// Every error it throws names file, row and column, and never the value.
final class ExtractTable {
  let file: String
  private let reader: CSVReader
  private var names: [String] = []

  init(file: String, columns: ExtractColumns) throws(ExtractInputError) {
    self.file = file
    do throws(CSVError) { reader = try CSVReader(file: file) } catch { throw ExtractInputError(error) }
    guard try nextRow() else { throw ExtractInputError(file: file, .empty) }
    names = (0..<reader.fieldCount).map { String(decoding: reader.field($0), as: UTF8.self) }
    try check(columns)
  }

  /// Throws unless the header has every required column and none that is not known.
  private func check(_ columns: ExtractColumns) throws(ExtractInputError) {
    let known = Set(columns.required + columns.optional + columns.numbered.joined())
    // Without a single known name the row may be data, whose values must not be repeated.
    guard names.contains(where: known.contains) else {
      throw ExtractInputError(
        file: file, row: 1, .notAHeader(expected: columns.required.prefix(3).joined(separator: ", ") + ", …"))
    }
    var missing = columns.required.filter { !names.contains($0) }
    for group in columns.numbered {
      let present = group.lastIndex(where: names.contains).map { $0 + 1 } ?? 0
      missing += group.prefix(present).filter { !names.contains($0) }
    }
    // Said first: where the line end of the header is lost, names run into values, which must not be repeated.
    guard missing.isEmpty else { throw ExtractInputError(file: file, row: 1, .missingColumns(missing)) }
    var seen: Set<String> = []
    for (place, name) in names.enumerated() {
      guard known.contains(name) else {
        let isRunOn = known.contains { name.hasPrefix($0) }
        throw ExtractInputError(
          file: file, row: 1, column: isRunOn ? "number \(place + 1)" : printable(name), .unknownColumn)
      }
      guard seen.insert(name).inserted else {
        throw ExtractInputError(file: file, row: 1, column: name, .repeatedColumn)
      }
    }
  }

  private func printable(_ name: String) -> String {
    name.isEmpty
      ? "(without a name)"
      : String(name.prefix(40).map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == " " || $0 == "-" ? $0 : "?" })
  }

  /// Reads the next row; false at the end. Throws when the row has not one value per column.
  func next() throws(ExtractInputError) -> Bool {
    guard try nextRow() else { return false }
    guard reader.fieldCount == names.count else {
      throw ExtractInputError(
        file: file, row: reader.row, .fieldCount(found: reader.fieldCount, expected: names.count))
    }
    return true
  }

  private func nextRow() throws(ExtractInputError) -> Bool {
    do throws(CSVError) { return try reader.next() } catch { throw ExtractInputError(error) }
  }

  var row: Int { reader.row }

  /// Where the header has a column; nil for an optional or numbered column left out.
  func index(of column: String) -> Int? { names.firstIndex(of: column) }

  /// Where the header has a required column.
  func requiredIndex(of column: String) -> Int {
    guard let index = index(of: column) else { preconditionFailure("\(column) is not among the required columns") }
    return index
  }

  /// Valid until the next row is read.
  func bytes(_ column: Int) -> UnsafeRawBufferPointer { reader.field(column) }

  func string(_ column: Int) -> String { String(decoding: reader.field(column), as: UTF8.self) }

  func isEmpty(_ column: Int) -> Bool { reader.field(column).isEmpty }

  func nonEmpty(_ column: Int) throws(ExtractInputError) -> UnsafeRawBufferPointer {
    let bytes = reader.field(column)
    guard !bytes.isEmpty else { throw error(column, .emptyValue) }
    return bytes
  }

  /// Nil when the value is empty.
  func date(_ column: Int, _ format: ExtractDateFormat) throws(ExtractInputError) -> CalendarDate? {
    let bytes = reader.field(column)
    guard !bytes.isEmpty else { return nil }
    guard let date = format.parse(bytes) else { throw error(column, .notADate(format)) }
    return date
  }

  func number(_ column: Int, _ range: ClosedRange<UInt32>) throws(ExtractInputError) -> UInt32 {
    guard let number = FieldParsing.wholeNumber(reader.field(column)), range.contains(number) else {
      throw error(column, .notANumber(range))
    }
    return number
  }

  func error(_ column: Int, _ fault: ExtractInputError.Fault) -> ExtractInputError {
    ExtractInputError(file: file, row: reader.row, column: names[column], fault)
  }
}
