import Clinical
import Contracts
import Postgres
import StageKit

/// Enrolments as the `practices` topic declares them; the latest sound declaration wins.
struct Practices {
  let gate: PracticeGate
  let layout: TopicLayout
  let receipts: ReceiptFactory

  /// Stores an enrolment, or says why not. One that is already stored, or older, is answered and changes nothing.
  func store(_ enrolment: PracticeEnrolment, _ database: Connection) throws -> Receipt {
    var receipt = Receipt.with {
      $0.id = "\(enrolment.organisation)@\(enrolment.changedAt)"
      $0.status = .enrolmentStored
      $0.organisation = enrolment.organisation
    }
    try database.query(
      "select pg_advisory_xact_lock(hashtextextended($1, 0))", [.text("practice \(enrolment.organisation)")])
    let held = try self.held(enrolment.organisation, database)
    if let held, held.changedAt >= enrolment.changedAt { return receipt }
    do throws(PracticeGate.Refusal) {
      try gate.check(enrolment, after: held)
    } catch {
      receipt.status = .enrolmentRefused
      receipt.reason = error.rawValue
      if var held { try stateAgain(&held, after: enrolment.changedAt, database) }
      return receipt
    }
    try write(enrolment, database)
    if enrolment.state == .withdrawn, enrolment.erase {
      try database.query(
        "insert into erasure values ($1, $2) on conflict (organisation) do update set changed_at = excluded.changed_at",
        [.text(enrolment.organisation), .int(enrolment.changedAt)])
    }
    return receipt
  }

  /// The newest message of the topic is the truth for whoever reads it, and compaction keeps no other: what is in force
  /// is said again after one that was refused.
  private func stateAgain(_ held: inout PracticeEnrolment, after refused: Int64, _ database: Connection) throws {
    held.changedAt = refused + 1
    try write(held, database)
    try Outbox.append([entry(held.organisation, try held.serializedBytes())], to: database)
  }

  private func entry(_ organisation: String, _ enrolment: [UInt8]) -> Outbox.Entry {
    Outbox.Entry(
      topic: layout.name(.practices), partition: layout.partition(ofText: organisation), key: Array(organisation.utf8),
      value: enrolment)
  }

  private func write(_ enrolment: PracticeEnrolment, _ database: Connection) throws {
    try database.query(
      """
      insert into practice values ($1, $2::bigint, $3, $4)
      on conflict (organisation) do update set state = excluded.state, changed_at = excluded.changed_at,
        enrolment = excluded.enrolment
      """,
      [
        .text(enrolment.organisation), .int(Int64(enrolment.state.rawValue)), .int(enrolment.changedAt),
        .bytes(try enrolment.serializedBytes()),
      ])
  }

  func held(_ organisation: String, _ database: Connection) throws -> PracticeEnrolment? {
    let rows = try database.query("select enrolment from practice where organisation = $1", [.text(organisation)])
    return rows.count == 0 ? nil : try PracticeEnrolment(serializedBytes: rows.bytes(0, 0))
  }

  /// Why extracts of this organisation are not accepted now; nil when they are.
  func reasonToRefuse(_ organisation: String, _ database: Connection) throws -> String? {
    gate.reasonToRefuse(try held(organisation, database), on: CalendarDate.today.day)
  }

  /// Every enrolment again, for a broker that has forgotten.
  func restate(_ database: Connection) throws {
    let rows = try database.query("select organisation, enrolment from practice order by organisation")
    try Outbox.append((0..<rows.count).map { entry(rows.text($0, 0), rows.bytes($0, 1)) }, to: database)
  }
}
