import Contracts
import Cryptography
import KeyRing
import StageKit

/// Keyed names of records, patients and persons. The patient reference is an identifier and stops here.
final class RecordTokens {
  private let record: HMACSHA256
  private let persons: SecretKey
  private var routing: RoutingTokens

  init(records: SecretKey, persons: SecretKey, routing: SecretKey) throws {
    record = try HMACSHA256(key: records)
    self.persons = persons
    self.routing = try RoutingTokens(persons: persons, routing: routing)
  }

  /// - Parameter version: of the routing key.
  convenience init(_ ring: KeyRing, version: Int) throws {
    try self.init(
      records: try StageKeys.orStop { try ring.active(.records).secret },
      persons: try StageKeys.orStop { try ring.active(.persons).secret },
      routing: try Self.routing(ring, version))
  }

  /// Makes routing tokens under another key from here on.
  func use(_ ring: KeyRing, version: Int) throws {
    let key = try Self.routing(ring, version)
    routing = try StageKeys.orStop { try RoutingTokens(persons: persons, routing: key) }
  }

  private static func routing(_ ring: KeyRing, _ version: Int) throws -> SecretKey {
    guard let key = ring.usable(.routing).first(where: { $0.version == version }) else {
      throw StageError(.key, "stored tokens are under version \(version) of the routing key, which is not held")
    }
    return key.secret
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

  /// The same for linkage, which must not know what objections belong to.
  func local(_ record: PatientRecord) -> UInt64 {
    self.record.token("local", record.organisation, String(record.source.rawValue), record.patientRef).high
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
