import Foundation
import Postgres
import StageKit

/// The last look before a release: no live record may contradict an objection.
///
/// Facts are deleted when a withdrawal comes, so a release never has anything to find. It looks all the same: what it
/// finds is a fault of this system, and releases nothing.
struct ObjectionCheck: Equatable, Sendable {
  struct Line: Equatable, Sendable {
    var organisation: String
    /// Live records.
    var facts: Int64
    /// Those that an erasure or an objection in force covers, or that carry no token to ask by.
    var violations: Int64
  }

  /// In order of organisation.
  var lines: [Line]

  var violating: [Line] { lines.filter { $0.violations > 0 } }

  /// Call in the snapshot that the release is computed from.
  init(_ database: Connection) throws {
    let rows = try database.query(
      """
      with contradicting as (
        select distinct r.record_id from erased e join record r using (withdrawal_token)
        where r.state = \(RecordState.live.rawValue) and (e.all_sources or r.source = 1)
          and (e.in_force or r.stamp <= e.stamp))
      select r.organisation, count(*), count(*) filter (where c.record_id is not null or r.withdrawal_token is null)
      from record r left join contradicting c using (record_id)
      where r.state = \(RecordState.live.rawValue) group by r.organisation order by r.organisation collate "C"
      """)
    lines = (0..<rows.count).map {
      Line(organisation: rows.text($0, 0), facts: rows.int($0, 1), violations: rows.int($0, 2))
    }
  }

  /// Keeps the outcome, a line for each organisation and one without for all of them, in a transaction of its own.
  func store(in database: Connection, at time: Date) throws {
    let total = Line(
      organisation: "", facts: lines.map(\.facts).reduce(0, +), violations: lines.map(\.violations).reduce(0, +))
    let all = [total] + lines
    try database.query(
      """
      insert into objection_check (checked_at, organisation, facts, violations)
      select $1, * from unnest($2::text[], $3::bigint[], $4::bigint[]) on conflict do nothing
      """,
      [
        .int(time.microseconds), .textArray(all.map(\.organisation)),
        .intArray(all.map(\.facts)), .intArray(all.map(\.violations)),
      ])
  }
}
