import Contracts
import Postgres

/// Whether content that is in force already is admitted anew: an erased record comes back only under a new stamp.
enum Readmission {
  /// Because something was said since about the objections of a patient; or because an objection has ended anywhere, and
  /// there are records without a number from before: linkage may have suppressed them for looking like the objector's,
  /// and never says which (Type 1: general practices only).
  ///
  /// So the end of any objection costs every scope that has a record without a number one admission more, at its next
  /// submission of the same content.
  static func isDue(scope: Int64, _ database: Connection) throws -> Bool {
    try database.query(
      """
      select exists (
          select from record_state r join statement s on s.token = r.routing_token
          where r.scope_no = $1::bigint and r.live and s.stamp > r.stamp)
        or exists (
          select from scope c join objection_end e
            on e.type = \(ObjectionType.objectionType2.rawValue) or c.source = \(Source.gp.rawValue)
          join record_state r on r.scope_no = c.no and r.live and not r.numbered and r.stamp < e.stamp
          where c.no = $1::bigint)
      """, [.int(scope)]
    ).bool(0, 0)
  }
}
