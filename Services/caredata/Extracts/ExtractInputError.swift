import Tables

/// A fault of an extract that stops its submission before anything is sent.
///
/// The description is one line naming file, row and column. It never repeats a value of the file: the only text taken
/// from there is the name of a column, and only when the first row is recognisably a header.
struct ExtractInputError: Error, Equatable, CustomStringConvertible {
  enum Fault: Equatable {
    // Files
    case notAFolder(String)
    case temporaryFile(String)
    // CSV
    case csv(CSVError.Fault)
    case empty
    case fieldCount(found: Int, expected: Int)
    // Header
    case notAHeader(expected: String)
    case unknownColumn
    case repeatedColumn
    case missingColumns([String])
    // Values
    case noRows
    case emptyValue
    case notADate(ExtractDateFormat)
    case notANumber(ClosedRange<UInt32>)
    case notOneOf([String])
    case notNHSNumber
    case repeatedPatient(firstRow: Int)
    case unknownPatient(file: String)
    case repeatedContact(firstRow: Int)
    case otherOrganisation(String)
  }

  let file: String
  /// The header is row 1; a row whose quoted value spans lines is one row.
  let row: Int?
  let column: String?
  let fault: Fault

  init(file: String, row: Int? = nil, column: String? = nil, _ fault: Fault) {
    self.file = file
    self.row = row
    self.column = column
    self.fault = fault
  }

  init(_ error: CSVError) { self.init(file: error.file, row: error.row, .csv(error.fault)) }

  var description: String {
    var place = file
    if let row { place += ", row \(row)" }
    if let column { place += ", column \(column)" }
    return "\(place): \(fault.text)"
  }
}

extension ExtractInputError.Fault {
  fileprivate var text: String {
    switch self {
    case .notAFolder(let files): "is not a folder; a GP extract is a folder with \(files)"
    case .temporaryFile(let reason): "a temporary file cannot be used: \(reason)"
    case .csv(let fault): "\(fault)"
    case .empty: "the file is empty; a header row is expected"
    case .fieldCount(let found, let expected): "has \(counted(found, "value")) where the header has \(expected)"
    case .notAHeader(let expected): "is not the header: none of the expected columns is in it (\(expected))"
    case .unknownColumn: "unknown column"
    case .repeatedColumn: "the column is there twice"
    case .missingColumns(let names):
      names.count == 1 ? "missing column \(names[0])" : "missing columns \(names.joined(separator: ", "))"
    case .noRows: "has no rows after the header"
    case .emptyValue: "is empty"
    case .notADate(let format): "is not a date of the form \(format.pattern)"
    case .notANumber(let range): "is not a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .notOneOf(let values): "is not one of \(values.joined(separator: ", "))"
    case .notNHSNumber: "is not an NHS number"
    case .repeatedPatient(let firstRow): "the patient is already in row \(firstRow)"
    case .unknownPatient(let file): "the patient is not in \(file)"
    case .repeatedContact(let firstRow): "the contact of this patient is already in row \(firstRow), with other values"
    case .otherOrganisation(let organisation): "differs from the submitting organisation \(organisation)"
    }
  }

  private func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}
