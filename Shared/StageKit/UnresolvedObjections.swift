import Contracts
import Kafka
import Postgres

/// Messages that may tell of an objection and could not be used, until somebody has looked into each: nothing may be
/// released before, for the person it is about cannot be told.
///
/// In the stage's tables `rejected_objection` and `broker_life`, which tells since when an incarnation is known.
public enum UnresolvedObjections {
  /// The two tables; ingestion and the objection filter have them from migrations of their own.
  public static let migrationSQL = """
    create table broker_life (incarnation text primary key, met_at timestamptz not null default now());
    create table rejected_objection (
      topic text not null, partition int not null, record_offset bigint not null, code text not null,
      rejected_at timestamptz not null default now(), resolved_at timestamptz, resolved_by text, reason text,
      primary key (topic, partition, record_offset));
    """

  /// To be called when partitions are assigned.
  /// - Parameter incarnation: of the broker; in a new one the same place is another message.
  public static func meet(_ incarnation: String, _ database: Connection) throws {
    try database.query("insert into broker_life (incarnation) values ($1) on conflict do nothing", [.text(incarnation)])
  }

  /// Of the envelopes that a stage puts aside notes those that may tell of an objection. To be called before their
  /// offsets are committed and before any marker behind them goes on; asks the database only if there is one.
  public static func note(
    _ rejected: [(message: Message, code: RejectionCode)], incarnation: String, _ database: Connection
  ) throws {
    try note(
      rejected.filter { EnvelopeView.mayTellOfObjection($0.message.value) }.map { Rejection($0.message, $0.code) },
      incarnation: incarnation, database)
  }

  /// Delivered again, one that was looked into stays so within one life of the broker; in a new one the same place is
  /// another message.
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

  /// Why nothing may be released as far as this stage knows, at any of its instances; empty when nothing waits.
  public static func reasons(at stage: StageName, _ database: Connection) throws -> [String] {
    let count = try database.query("select count(*) from rejected_objection where resolved_at is null").int(0, 0)
    return reasons(count, at: stage)
  }

  /// - Parameter count: how many wait.
  public static func reasons(_ count: Int64, at stage: StageName) -> [String] {
    count == 0 ? [] : ["\(count) rejected objections wait at \(stage.rawValue); see `caredata objections rejected`"]
  }
}
