/// What an extract holds and what of it can be sent.
struct ExtractSummary: Codable, Equatable, Sendable {
  /// Data rows of all files, without headers; of FHIR, resources.
  var rows = 0
  /// Distinct patient references.
  var patients = 0
  /// Entries of the records that can be sent.
  var entries = 0
  /// Patients whose record cannot be sent, by reason code.
  var rejected: [String: Int] = [:]
  /// What is left out of records that are sent, by reason code or, of FHIR, by the name of the resource or element.
  var findings: [String: Int] = [:]

  /// Records that can be sent, one per patient.
  var records: Int { patients - rejected.values.reduce(0, +) }

  mutating func reject(_ reason: ExtractRejection) { rejected[reason.rawValue, default: 0] += 1 }

  mutating func find(_ finding: ExtractFinding, _ count: Int = 1) {
    if count > 0 { findings[finding.rawValue, default: 0] += count }
  }

  mutating func find(_ counts: [String: Int]) { findings.merge(counts, uniquingKeysWith: +) }
}

/// Why a connector does not send a record.
enum ExtractRejection: String, Sendable {
  case recordTooLarge = "record_too_large"
}

/// What a connector leaves out of a record that it sends.
enum ExtractFinding: String, Sendable {
  /// A `value` that is not a decimal number: free text does not travel.
  case valueNotNumeric = "value_not_numeric"
  /// A unit outside the closed list.
  case unitNotListed = "unit_not_listed"
  /// An episode or contact that is there twice with the same values.
  case repeatedRow = "repeated_row"
}
