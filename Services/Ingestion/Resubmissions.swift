import Contracts
import Cryptography
import Postgres
import StageKit

/// Asks organisations to send a period again when an objection of one of its patients has ended: what was erased comes
/// back only by a new admission.
///
/// Asked is at most once per extract in force and without a number or a type, so that a receipt tells neither who it is
/// about nor that somebody had objected nationally.
struct Resubmissions {
  let receipts: ReceiptFactory

  func ask(for ended: Set<ObjectionEnding.Scope>, _ database: Connection) throws {
    guard !ended.isEmpty else { return }
    func tokens(_ type: ObjectionType) -> Parameter {
      .bytesArray(ended.filter { $0.type == type }.map(\.token).sorted().map(\.bytes))
    }
    let rows = try database.query(
      """
      update scope s set resubmission_asked = true
      where not resubmission_asked and extract_id <> '' and no in (
        select scope_no from record_state where live and routing_token = any($1)
        union select r.scope_no from record_state r join scope g on g.no = r.scope_no and g.source = 1
        where r.live and r.routing_token = any($2))
      returning extract_id, organisation, source::bigint, period, version_time
      """, [tokens(.objectionType2), tokens(.objectionType1)])
    try Outbox.append(
      try (0..<rows.count).map { row in
        try receipts.entry(
          Receipt.with {
            $0.id = rows.text(row, 0)
            $0.status = .resubmissionRequested
            $0.reason = "objection_ended"
            $0.organisation = rows.text(row, 1)
            $0.source = Source(rawValue: Int(rows.int(row, 2))) ?? .unspecified
            $0.period = rows.text(row, 3)
            $0.submittedAt = rows.int(row, 4)
          })
      }, to: database)
  }

  /// The period has been sent again.
  static func settle(scope: Int64, _ database: Connection) throws {
    try database.query(
      "update scope set resubmission_asked = false where no = $1::bigint and resubmission_asked", [.int(scope)])
  }
}
