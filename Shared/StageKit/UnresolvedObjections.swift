import Contracts
import Postgres

/// Messages that may hold an objection and could not be used, until somebody has looked into each: nothing may be
/// released before, for the person it is about cannot be told.
///
/// In the stage's tables `rejected_objection` and `broker_life`, which tells since when an incarnation is known.
public enum UnresolvedObjections {
  /// Within the batch's transaction. Delivered again, one that was looked into stays so within one life of the broker; in
  /// a new one the same place is another message.
  public static func note(_ rejections: [Rejection], incarnation: String, _ database: Connection) throws {
    guard !rejections.isEmpty else { return }
    try database.query(
      """
      insert into rejected_objection as r (topic, partition, record_offset, code)
      select distinct on (t, p, o) t, p, o, c
      from unnest($1::text[], $2::bigint[]::int[], $3::bigint[], $4::text[]) as n(t, p, o, c)
      on conflict (topic, partition, record_offset) do update set code = excluded.code, rejected_at = now(),
        resolved_at = null, resolved_by = null, reason = null
      where r.rejected_at < coalesce((select met_at from broker_life where incarnation = $5), now())
      """,
      [
        .textArray(rejections.map(\.topic)), .intArray(rejections.map { Int64($0.partition) }),
        .intArray(rejections.map(\.offset)), .textArray(rejections.map(\.code)), .text(incarnation),
      ])
  }

  /// At any instance.
  public static func count(_ database: Connection) throws -> Int64 {
    try database.query("select count(*) from rejected_objection where resolved_at is null").int(0, 0)
  }
}
