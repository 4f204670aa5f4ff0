import Contracts
import Postgres

/// States of organisations as the `practices` topic declares them; the latest declaration wins.
enum Practices {
  static func store(_ enrolment: PracticeEnrolment, _ database: Connection) throws {
    try database.query(
      """
      insert into practice as p values ($1, $2::bigint, $3)
      on conflict (organisation) do update set state = excluded.state, changed_at = excluded.changed_at
      where p.changed_at < excluded.changed_at
      """,
      [.text(enrolment.organisation), .int(Int64(enrolment.state.rawValue)), .int(enrolment.changedAt)])
  }

  /// Why extracts of this organisation are not accepted now; `nil` when they are.
  static func reasonToRefuse(_ organisation: String, _ database: Connection) throws -> String? {
    let rows = try database.query("select state::bigint from practice where organisation = $1", [.text(organisation)])
    guard rows.count == 1 else { return "organisation_not_enrolled" }
    switch PracticeEnrolment.State(rawValue: Int(rows.int(0, 0))) {
    case .active: return nil
    case .suspended: return "organisation_suspended"
    default: return "organisation_not_active"
    }
  }
}
