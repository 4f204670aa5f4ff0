import Contracts
import Cryptography
import Postgres
import StageKit

/// Asks organisations to send a period again when an objection of one of its patients has ended: what was erased comes
/// back only by a new admission.
///
/// Asked is at most once per extract in force and without a number or a type, so that a receipt tells neither who it is
/// about nor that somebody had objected nationally. Where linkage may have suppressed records without a number, because
/// they looked like the objector's, nobody knows which: so every organisation is asked that has such records from
/// before the end.
///
/// An objection must not wait for an admission, which keeps the row of its scope locked: its transaction only notes the
/// end, and asking is work of its own.
struct Resubmissions {
  let receipts: ReceiptFactory
  let version: RoutingVersion

  private static let pieceEnds: Int64 = 1_000

  /// - Parameter ends: with the stamp of the statement that ends each.
  static func note(_ ends: [ObjectionEnding.Scope: Int64], _ database: Connection) throws {
    guard !ends.isEmpty else { return }
    let rows = ends.sorted { $0.value < $1.value }
    try database.query(
      """
      with ends as (
        insert into ended_objection (token, type, stamp)
        select * from unnest($1::bytea[], $2::bigint[]::smallint[], $3::bigint[]) returning type, stamp)
      insert into objection_end as o select type, max(stamp) from ends group by type order by type
      on conflict (type) do update set stamp = greatest(o.stamp, excluded.stamp)
      """,
      [
        .bytesArray(rows.map(\.key.token.bytes)), .intArray(rows.map { Int64($0.key.type.rawValue) }),
        .intArray(rows.map(\.value)),
      ])
  }

  /// What ended while an admission was under way, noted again at its end, under the ledger's lock: whoever has asked
  /// meanwhile has not seen its records.
  static func noteEnds(during no: Int64, _ database: Connection) throws {
    let first = try database.query(
      """
      select stamp from admitted_\(no) where position = 1 and stamp < (select max(stamp) from objection_end)
      """)
    guard first.count == 1 else { return }
    // Without a token: of records without number.
    try database.query(
      """
      insert into ended_objection (token, type, stamp)
      select s.token, s.type, s.stamp from admitted_\(no) a join statement s on s.token = a.routing_token
      where s.stamp > a.stamp and (s.retracted or s.decision = 2)
      union all select ''::bytea, type, stamp from objection_end where stamp > $1
      """, [.int(first.int(0, 0))])
  }

  /// Asks on account of some of the ends noted. Whom an admission is about to answer is asked after it, if still need be.
  /// Returns whether there was something to do.
  func next(_ database: Connection) throws -> Bool {
    try database.transaction {
      try version.enter(database)
      let ends = try database.query(
        "select id, token, type::bigint, stamp from ended_objection order by id limit $1 for update skip locked",
        [.int(Self.pieceEnds)])
      guard ends.count > 0 else { return false }
      let rows = 0..<ends.count
      let wanted = try scopes(
        tokens: rows.map { ends.bytes($0, 1) }, types: rows.map { ends.int($0, 2) },
        stamps: rows.map { ends.int($0, 3) },
        database)
      let free = try database.query(
        "select no::bigint from scope where no = any($1) order by no for update skip locked", [.intArray(wanted)])
      try ask((0..<free.count).map { free.int($0, 0) }, database)
      guard free.count == wanted.count else { return free.count > 0 }
      try database.query("delete from ended_objection where id = any($1)", [.intArray(rows.map { ends.int($0, 0) })])
      return true
    }
  }

  /// Not asked yet, with records from before these ends: of the person, or without a number.
  private func scopes(tokens: [[UInt8]], types: [Int64], stamps: [Int64], _ database: Connection) throws -> [Int64] {
    let type2 = Int64(ObjectionType.objectionType2.rawValue)
    let newestType2 = zip(types, stamps).filter { $0.0 == type2 }.map(\.1).max() ?? 0
    let wanted = try database.query(
      """
      select s.no::bigint from scope s where not s.resubmission_asked and s.extract_id <> '' and (
        exists (
          select from record_state r where r.scope_no = s.no and r.live and not r.numbered
            and r.stamp < case when s.source = \(Source.gp.rawValue) then $4::bigint else $5::bigint end)
        or s.no in (
          select r.scope_no from unnest($1::bytea[], $2::bigint[], $3::bigint[]) as e(token, type, stamp)
          join record_state r on r.routing_token = e.token and r.live and r.stamp < e.stamp
          join scope g on g.no = r.scope_no
          where e.type = \(type2) or g.source = \(Source.gp.rawValue)))
      order by s.no
      """,
      [
        .bytesArray(tokens), .intArray(types), .intArray(stamps), .int(stamps.max() ?? 0), .int(newestType2),
      ])
    return (0..<wanted.count).map { wanted.int($0, 0) }
  }

  private func ask(_ scopes: [Int64], _ database: Connection) throws {
    guard !scopes.isEmpty else { return }
    let rows = try database.query(
      """
      update scope set resubmission_asked = true where no = any($1)
      returning extract_id, organisation, source::bigint, period, version_time
      """, [.intArray(scopes)])
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
