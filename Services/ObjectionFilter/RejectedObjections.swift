import Contracts
import Kafka
import Postgres
import StageKit

/// Messages that may hold an objection and could not be used. Until somebody has looked into each, nothing may be
/// released: the person it is about cannot be told.
final class RejectedObjections: BatchState {
  private let incarnation: String
  private var batch: [Rejection] = []

  /// - Parameter incarnation: of the broker; in a new one the same place is another message.
  init(incarnation: String) { self.incarnation = incarnation }

  func load(_ database: Connection) throws {
    try database.query("insert into broker_life (incarnation) values ($1) on conflict do nothing", [.text(incarnation)])
  }

  func forget() { batch.removeAll() }

  func note(_ message: Message, _ code: RejectionCode) {
    batch.append(
      Rejection(topic: message.topic, partition: message.partition, offset: message.offset, code: code.rawValue))
  }

  /// Within the batch's transaction. Delivered again, a message that was looked into stays so, within one life of the
  /// broker.
  func store(_ database: Connection) throws {
    guard !batch.isEmpty else { return }
    try database.query(
      """
      insert into rejected_objection as r (topic, partition, record_offset, code)
      select distinct on (t, p, o) t, p, o, c
      from unnest($1::text[], $2::bigint[]::int[], $3::bigint[], $4::text[]) as n(t, p, o, c)
      on conflict (topic, partition, record_offset) do update set code = excluded.code, rejected_at = now(),
        resolved_at = null, resolved_by = null, reason = null
      where r.rejected_at < (select met_at from broker_life where incarnation = $5)
      """,
      [
        .textArray(batch.map(\.topic)), .intArray(batch.map { Int64($0.partition) }), .intArray(batch.map(\.offset)),
        .textArray(batch.map(\.code)), .text(incarnation),
      ])
  }

  func stored() { batch.removeAll() }

  /// What a marker has to say; nil when none waits, at any instance.
  static func reason(_ database: Connection) throws -> String? {
    let count = try database.query("select count(*) from rejected_objection where resolved_at is null").int(0, 0)
    return count == 0 ? nil : "\(count) rejected objections at the objection filter"
  }
}
