import Contracts
import Postgres

/// Why nothing may be released at a cut. Goes with every marker, so that publication refuses whoever asks.
struct ReleaseHold {
  let rule: NationalListRule
  /// Of the broker: in a new one the same place is another message.
  let incarnation: String

  /// Texts for an operator.
  func reasons(_ database: Connection) throws -> [String] {
    let rejected = try database.query("select count(*) from rejected_objection where resolved_at is null").int(0, 0)
    return Self.reasons(
      listFault: rule.fault(drawnAt: try NationalLists.drawnAt(database), now: ObjectionStatements.now()),
      rejectedObjections: rejected)
  }

  static func reasons(listFault: String?, rejectedObjections: Int64) -> [String] {
    var reasons: [String] = []
    if let listFault { reasons.append(listFault) }
    if rejectedObjections > 0 {
      reasons.append(
        "\(rejectedObjections) rejected objections wait at ingestion; see `caredata objections rejected`")
    }
    return reasons
  }

  /// Remembers messages that may hold an objection and could not be read, until somebody has looked into them. Delivered
  /// again, one that was looked into stays so, within one life of the broker.
  func note(_ rejections: [Rejection], _ database: Connection) throws {
    guard !rejections.isEmpty else { return }
    try database.query(
      """
      insert into rejected_objection as r (topic, partition, record_offset, code)
      select t, p, o, c from unnest($1::text[], $2::bigint[]::int[], $3::bigint[], $4::text[]) as n(t, p, o, c)
      on conflict (topic, partition, record_offset) do update set code = excluded.code, rejected_at = now(),
        resolved_at = null, resolved_by = null, reason = null
      where r.rejected_at < coalesce((select met_at from broker_life where incarnation = $5), now())
      """,
      [
        .textArray(rejections.map(\.topic)), .intArray(rejections.map { Int64($0.partition) }),
        .intArray(rejections.map(\.offset)), .textArray(rejections.map(\.code)), .text(incarnation),
      ])
  }
}
