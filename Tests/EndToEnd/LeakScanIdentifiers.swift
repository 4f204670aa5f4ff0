import Clinical
import Foundation

@testable import caredata

/// What was submitted and must not be found behind pseudonymisation.
struct SubmittedIdentifiers {
  /// Ten digits each.
  var nhsNumbers: Set<String> = []
  /// Full postcodes of places, as submitted.
  var postcodes: Set<String> = []
  /// Of canary persons only: dates of birth of others can equal dates of events.
  var datesOfBirth: Set<CalendarDate> = []

  /// Everything that the files of a synthetic region hold.
  static func read(region folder: String) throws -> SubmittedIdentifiers {
    let region = try RegionWriter.read(folder)
    var identifiers = SubmittedIdentifiers()
    for organisation in region.organisations {
      let path = "\(folder)/\(organisation.path)"
      for file in try FileManager.default.contentsOfDirectory(atPath: path) where file.hasSuffix(".csv") {
        try identifiers.add(file: "\(path)/\(file)")
      }
    }
    for number in try NumbersFile.read("\(folder)/\(region.nationalList)") {
      identifiers.add(nhsNumber: number.digits)
    }
    for canary in region.canaries { identifiers.datesOfBirth.insert(CalendarDate(iso: canary.dateOfBirth)!) }
    return identifiers
  }

  /// Fields of these columns, by the names of the three shapes of extract.
  private mutating func add(file: String) throws {
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let lines = text.split(whereSeparator: \.isNewline)
    guard let header = lines.first else { return }
    let columns = header.split(separator: ",", omittingEmptySubsequences: false).map { $0.lowercased() }
    let number = columns.firstIndex { ["nhs_number", "newnhsno", "nhsnumber"].contains($0) }
    let postcode = columns.firstIndex { ["postcode", "homeadd"].contains($0) }
    for line in lines.dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      if let number { add(nhsNumber: String(fields[number])) }
      if let postcode { add(postcode: String(fields[postcode])) }
    }
  }

  /// Also numbers with a wrong check digit; not those of one repeated digit, which stand for "unknown".
  mutating func add(nhsNumber: String) {
    let digits = nhsNumber.filter(\.isNumber)
    if digits.count == 10, Set(digits).count > 1 { nhsNumbers.insert(digits) }
  }

  /// ZZ99 is the area of those who live nowhere.
  mutating func add(postcode: String) {
    let compact = postcode.filter { $0 != " " }
    if (5...7).contains(compact.count), !compact.hasPrefix("ZZ99") {
      postcodes.insert("\(compact.dropLast(3)) \(compact.suffix(3))")
    }
  }
}
