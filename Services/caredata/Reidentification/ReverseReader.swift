import Cryptography
import KeyRing
import Postgres
import StageKit

/// The way back from a record to its NHS number, in two steps: linkage's schema knows record ids and person ids and no
/// number, pseudonymisation's knows the sealed numbers of record ids and no person.
struct ReverseReader {
  private let database: Connection
  private let cipher: RingCipher

  /// - Parameter keys: of pseudonymisation.
  init(database: Connection, keys: KeyRing) throws {
    self.database = database
    cipher = try RingCipher(keys, .reverse)
  }

  struct Answer: Equatable {
    /// Live records that were asked about.
    var records = 0
    /// Of these, ten digits each, without repetition.
    var numbers: [String] = []
  }

  /// - Throws: ``ClientError`` when a number does not open.
  func numbers(record: Token16) throws -> Answer { try answer("record_id = $1", [.bytes(record.bytes)]) }

  func numbers(person: Token16) throws -> Answer {
    try answer(
      "person_id = $1 and cluster in (select s.cluster from linkage.lookup l join linkage.standing s"
        + " on s.combination = -l.holder where l.token = $2)",
      [.bytes(person.bytes), .int(Int64(bitPattern: person.high))])
  }

  /// Of live records only: what was taken back, or is suppressed for an objection, is nobody's any more.
  private func answer(_ condition: String, _ parameters: [Parameter]) throws -> Answer {
    let hasRun = try ["linkage.live_observation", "pseudonymisation.reverse"].allSatisfy(database.has(table:))
    guard hasRun else { throw ClientError("linkage and pseudonymisation have not run on this database") }
    let live = try database.query(
      "select record_id from linkage.live_observation where \(condition)", parameters)
    let ids = (0..<live.count).map { live.bytes($0, 0) }
    let rows = try database.query(
      "select record_id, sealed from pseudonymisation.reverse where record_id = any($1)", [.bytesArray(ids)])
    var digits: [UInt8] = []
    let numbers = try (0..<rows.count).map { row in
      do {
        try rows.bytes(row, 1).withUnsafeBytes { sealed in
          try rows.bytes(row, 0).withUnsafeBytes { try cipher.open(sealed, associated: $0, into: &digits) }
        }
      } catch {
        throw ClientError("a number does not open: wrong key, or the table was altered")
      }
      return String(decoding: digits, as: UTF8.self)
    }
    return Answer(records: ids.count, numbers: Set(numbers).sorted())
  }
}
