import Contracts
import Postgres

/// Why nothing may be released at a cut. Goes with every marker, so that publication refuses whoever asks.
struct ReleaseHold {
  let rule: NationalListRule

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

  /// Remembers messages that may hold an objection and could not be read, until somebody has looked into them.
  static func note(_ rejections: [Rejection], _ database: Connection) throws {
    guard !rejections.isEmpty else { return }
    try database.query(
      """
      insert into rejected_objection (topic, partition, record_offset, code)
      select t, p, o, c from unnest($1::text[], $2::bigint[]::int[], $3::bigint[], $4::text[]) as r(t, p, o, c)
      on conflict do nothing
      """,
      [
        .textArray(rejections.map(\.topic)), .intArray(rejections.map { Int64($0.partition) }),
        .intArray(rejections.map(\.offset)), .textArray(rejections.map(\.code)),
      ])
  }
}
