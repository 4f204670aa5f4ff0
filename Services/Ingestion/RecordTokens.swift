import Contracts
import Cryptography
import KeyRing
import StageKit

/// Keyed names of records, patients and persons. The patient reference is an identifier and stops here.
struct RecordTokens {
  private let record: HMACSHA256
  private let routing: RoutingTokens

  init(records: SecretKey, persons: SecretKey, routing: SecretKey) throws {
    record = try HMACSHA256(key: records)
    self.routing = try RoutingTokens(persons: persons, routing: routing)
  }

  init(_ ring: KeyRing) throws {
    self = try StageKeys.orStop {
      try RecordTokens(
        records: try ring.active(.records).secret, persons: try ring.active(.persons).secret,
        routing: try ring.active(.routing).secret)
    }
  }

  /// One patient's part of an organisation's extracts for one period.
  func recordID(_ record: PatientRecord) -> Token16 {
    self.record.token(
      "record", record.organisation, String(record.source.rawValue), record.period, record.patientRef)
  }

  /// One patient of an organisation, whatever the period: what its objections belong to.
  func patientKey(_ record: PatientRecord) -> Token16 {
    self.record.token("patient", record.organisation, String(record.source.rawValue), record.patientRef)
  }

  /// The stream a person's records and objections share: by NHS number, else by registration.
  func routingToken(nhsNumber: String, organisation: String, patientRef: String) -> Token16 {
    nhsNumber.isEmpty
      ? routing.token(organisation: organisation, patientRef: patientRef) : routingToken(nhsNumber: nhsNumber)
  }

  func routingToken(nhsNumber: String) -> Token16 { routing.token(nhsNumber: nhsNumber) }

  /// The origin of decisions that came outside an extract.
  func origin(_ label: String, nhsNumber: String) -> Token16 {
    record.token("origin", label, nhsNumber)
  }

  /// Digest of a record's content; keyed, so that nobody can try values against it.
  func contentDigest(_ content: UnsafeRawBufferPointer) -> Token16 {
    record.token { $0.append(content) }
  }
}
