import Tables

/// A fault of an extract that stops its submission before anything is sent.
///
/// The description is one line naming file, row and column (of FHIR: entry or line, and element). It never repeats a
/// value of the file: the only text taken from there is the name of a column, and only when the first row is
/// recognisably a header, and the address of a code system.
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
    case sameNumber
    case repeatedPatient(firstRow: Int)
    case unknownPatient(file: String)
    case repeatedContact(firstRow: Int)
    case otherOrganisation(String)
    // FHIR
    case notAFHIRFile
    case noFHIRFiles
    case notJSON
    case notFHIR
    case bundleType
    case resourceTooLong(Int)
    case resourceNotRead
    case valueTooLong(Int)
    case notInFHIR
    case notAReference(String)
    case repeatedResource(String)
    case noPatients
    /// The address of the system, where it may be shown.
    case unknownCodeSystem(String?)
    case unreadObjection
  }

  /// What the places of a file are called.
  enum Form: Equatable {
    case table, bundle, lines

    fileprivate var row: String {
      switch self {
      case .table: "row"
      case .bundle: "entry"
      case .lines: "line"
      }
    }

    fileprivate var column: String { self == .table ? "column" : "element" }
  }

  let file: String
  /// The header is row 1; a row whose quoted value spans lines is one row.
  let row: Int?
  let column: String?
  let fault: Fault
  let form: Form

  init(file: String, row: Int? = nil, column: String? = nil, _ fault: Fault, form: Form = .table) {
    self.file = file
    self.row = row
    self.column = column
    self.fault = fault
    self.form = form
  }

  init(_ error: CSVError) { self.init(file: error.file, row: error.row, .csv(error.fault)) }

  var description: String {
    var place = file
    if let row { place += ", \(form.row) \(row)" }
    if let column { place += ", \(form.column) \(column)" }
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
    case .sameNumber: "is the number it is said to replace"
    case .repeatedPatient(let firstRow): "the patient is already in row \(firstRow)"
    case .unknownPatient(let file): "the patient is not in \(file)"
    case .repeatedContact(let firstRow): "the contact of this patient is already in row \(firstRow), with other values"
    case .otherOrganisation(let organisation): "differs from the submitting organisation \(organisation)"
    case .notAFHIRFile: "is neither a .json nor a .ndjson file"
    case .noFHIRFiles: "has no .json or .ndjson files"
    case .notJSON: "is not JSON in UTF-8"
    case .notFHIR: "is not a resource of FHIR R4"
    case .bundleType: "is a Bundle of another type than \(FHIRNames.bundleTypes.sorted().joined(separator: ", "))"
    case .resourceTooLong(let limit): "the resource is longer than \(limit) bytes"
    case .resourceNotRead: "cannot be read here and must not be passed over"
    case .valueTooLong(let limit): "is longer than \(limit) bytes"
    case .notInFHIR: "is not of the type that FHIR R4 has there"
    case .notAReference(let type): "is not a reference to a resource of type \(type)"
    case .repeatedResource(let place):
      place.isEmpty ? "is there twice, with other values" : "is already in \(place), with other values"
    case .noPatients: "has no Patient"
    case .unknownCodeSystem(let uri?): "is an unknown code system, which may hide an objection: \(uri)"
    case .unknownCodeSystem(nil): "is an unknown code system, which may hide an objection"
    case .unreadObjection: "holds the code of an objection in an element that is not read"
    }
  }

  private func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}
