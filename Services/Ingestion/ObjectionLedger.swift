import Contracts
import Cryptography
import Foundation
import Postgres
import StageKit

/// The objection ledger: decisions per origin and what `validated` was told under which routing token.
struct ObjectionLedger {
  let statements: ObjectionStatements

  struct Spoken {
    let origin: Token16
    let token: Token16
    let decision: Decision
    /// Where it was said: a code, ``NationalLists/organisation`` or ``patient``.
    let organisation: String
    /// Of the code that says it.
    var system: CodeSystem = .unspecified
    /// The extract that says so, if one does.
    var extractID: String?
    /// Said by a part of a national list, or of an answer, that is still to be judged.
    var isUnjudged = false
  }

  /// In the place of an organisation's code, for what patients ask for themselves.
  static let patient = "patient"

  /// What an origin has decided, and where.
  private struct Origin {
    var organisation: String
    var decisions: [ObjectionType: Decision] = [:]
  }

  /// Serialises writers of the ledger until the end of the transaction: two extracts may speak of one patient at once.
  /// Taken last in every transaction that takes it, so that it cannot deadlock with row locks.
  private static let lock: Int64 = 0x6f62_6a65_6374_696f

  func takeLock(_ database: Connection) throws {
    try database.query("select pg_advisory_xact_lock($1)", [.int(Self.lock)])
  }

  /// States again what was said under any of these tokens, after one number has replaced another.
  func extend(to tokens: Set<Token16>, _ database: Connection) throws {
    guard !tokens.isEmpty else { return }
    let rows = try database.query(
      "select distinct origin from statement where token = any($1)", [.bytesArray(tokens.sorted().map(\.bytes))])
    let origins = Set((0..<rows.count).compactMap { Token16(bytes: rows.bytes($0, 0)) })
    guard !origins.isEmpty else { return }
    try reconcile(try self.origins(origins, database), extraTokens: [:], retractsUnused: false, database)
  }

  /// Takes decisions in and states what is news, within the caller's transaction.
  func record(_ spoken: [Spoken], _ database: Connection) throws {
    guard !spoken.isEmpty else { return }
    try takeLock(database)
    var origins = try self.origins(Set(spoken.map(\.origin)), database)
    var news: [Spoken] = []
    for item in spoken {
      let known = origins[item.origin]?.decisions[item.decision.type]
      let strongest = known.map { Decision.stronger($0, item.decision) } ?? item.decision
      if strongest != known {
        origins[item.origin, default: Origin(organisation: item.organisation)].decisions[item.decision.type] = strongest
        news.append(item)
      }
    }
    try store(news, database)
    try confirm(spoken, database)
    let superseded = try superseded(Set(spoken.compactMap(\.extractID)), database)
    var extra: [Token16: Set<Token16>] = [:]
    var outdated: [Token16: Set<Token16>] = [:]
    for item in spoken {
      if let extractID = item.extractID, superseded.contains(extractID) {
        outdated[item.origin, default: []].insert(item.token)
      } else {
        extra[item.origin, default: []].insert(item.token)
      }
    }
    try reconcile(origins, extraTokens: extra, outdatedTokens: outdated, retractsUnused: false, database)
  }

  /// Ends the objections of these origins, whatever weighs how much: the origin itself says that there is none any more.
  /// Undated, so that it says nothing against what the patient or a practice has said.
  func end(_ origins: [Token16], _ type: ObjectionType, _ database: Connection) throws {
    var rest = origins[...]
    while !rest.isEmpty {
      let piece = rest.prefix(5_000)
      rest = rest.dropFirst(piece.count)
      try database.query(
        """
        update origin_decision set decision = 2, day = null, recorded_at = $3
        where origin = any($1) and type = $2::bigint
        """,
        [
          .bytesArray(piece.map(\.bytes)), .int(Int64(type.rawValue)), .int(Date.now.microseconds),
        ])
      try reconcile(try self.origins(Set(piece), database), extraTokens: [:], retractsUnused: false, database)
    }
  }

  /// Those of these extracts that were submitted before the one in force of their scope: redelivered, or late.
  private func superseded(_ extracts: Set<String>, _ database: Connection) throws -> Set<String> {
    guard !extracts.isEmpty else { return [] }
    let rows = try database.query(
      """
      select e.extract_id from extract e join scope s using (organisation, source, period)
      where e.extract_id = any($1) and e.submitted_at < s.version_time
      """, [.textArray(extracts.sorted())])
    return Set((0..<rows.count).map { rows.text($0, 0) })
  }

  /// Stamps for what an admission may retract, to be taken before its records have theirs: where an objection ends
  /// because it has moved away with a patient, the records of whoever has the number now must be stamped after the end.
  func reserve(admission no: Int64, scope: Int64, _ database: Connection) throws -> [Int64] {
    let stamps = try database.query(
      """
      select nextval('stamp') from generate_series(1, (
        select count(*) from statement s where not s.retracted and (
          s.origin in (select patient_key from staged_\(no) where rejection is null)
          or s.origin in (select patient_key from record_state where scope_no = $1))))
      """, [.int(scope)])
    return (0..<stamps.count).map { stamps.int($0, 0) }
  }

  /// States and retracts what an admission has moved.
  func follow(admission no: Int64, scope: Int64, reserved: [Int64], _ database: Connection) throws {
    try takeLock(database)
    let rows = try database.query(
      """
      select distinct d.origin from origin_decision d
      where d.origin in (select patient_key from admitted_\(no))
        or d.origin in (select patient_key from record_state where scope_no = $1)
      """, [.int(scope)])
    let origins = Set((0..<rows.count).compactMap { Token16(bytes: rows.bytes($0, 0)) })
    guard !origins.isEmpty else { return }
    try reconcile(
      try self.origins(origins, database), extraTokens: [:], retractsUnused: true, reserved: reserved, database)
  }

  private func origins(_ wanted: Set<Token16>, _ database: Connection) throws -> [Token16: Origin] {
    let rows = try database.query(
      """
      select origin, type::bigint, decision::bigint, day::bigint, organisation from origin_decision
      where origin = any($1)
      """, [.bytesArray(wanted.sorted().map(\.bytes))])
    var origins: [Token16: Origin] = [:]
    for row in 0..<rows.count {
      guard let origin = Token16(bytes: rows.bytes(row, 0)) else { continue }
      let decision = ObjectionStatements.decision(rows, row, firstColumn: 1)
      origins[origin, default: Origin(organisation: rows.text(row, 4))].decisions[decision.type] = decision
    }
    return origins
  }

  private func store(_ news: [Spoken], _ database: Connection) throws {
    var latest: [ObjectionEnding.Scope: Spoken] = [:]
    for item in news { latest[.init(token: item.origin, type: item.decision.type)] = item }
    let rows = Array(latest.values)
    guard !rows.isEmpty else { return }
    try database.query(
      """
      insert into origin_decision (origin, type, decision, day, organisation, system, recorded_at, unjudged_stamp)
      select o, t, d, nullif(day, \(ObjectionStatements.undated)), g, y, $8,
        case when u = 1 then (select nextval('stamp')) else 0 end
      from unnest($1::bytea[], $2::bigint[]::smallint[], $3::bigint[]::smallint[], $4::bigint[]::int[], $5::text[],
        $6::bigint[]::smallint[], $7::bigint[]) as n(o, t, d, day, g, y, u)
      on conflict (origin, type) do update set decision = excluded.decision, day = excluded.day,
        organisation = excluded.organisation, system = excluded.system, recorded_at = excluded.recorded_at,
        unjudged_stamp = excluded.unjudged_stamp
      """,
      [
        .bytesArray(rows.map(\.origin.bytes)), .intArray(rows.map { Int64($0.decision.type.rawValue) }),
        .intArray(rows.map { Int64($0.decision.decision.rawValue) }),
        .intArray(rows.map { Int64($0.decision.day ?? ObjectionStatements.undated) }),
        .textArray(rows.map(\.organisation)), .intArray(rows.map { Int64($0.system.rawValue) }),
        .intArray(rows.map { $0.isUnjudged ? 1 : 0 }), .int(Date.now.microseconds),
      ])
  }

  /// What the national list says outside of any submission is never judged: it holds until a later list ends it.
  private func confirm(_ spoken: [Spoken], _ database: Connection) throws {
    let origins = Set(
      spoken.lazy.filter { $0.organisation == NationalLists.organisation && !$0.isUnjudged }.map(\.origin))
    guard !origins.isEmpty else { return }
    try database.query(
      "update origin_decision set unjudged_stamp = 0 where origin = any($1) and unjudged_stamp > 0",
      [.bytesArray(origins.sorted().map(\.bytes))])
  }

  private func reconcile(
    _ decided: [Token16: Origin], extraTokens: [Token16: Set<Token16>],
    outdatedTokens: [Token16: Set<Token16>] = [:], retractsUnused: Bool, reserved: [Int64] = [], _ database: Connection
  ) throws {
    let origins = Parameter.bytesArray(decided.keys.sorted().map(\.bytes))
    var live: [Token16: Set<Token16>] = [:]
    var numbered: Set<Token16> = []
    let tokens = try database.query(
      """
      select patient_key, routing_token, bool_or(numbered) from record_state
      where live and patient_key = any($1) group by 1, 2
      """, [origins])
    for row in 0..<tokens.count {
      guard let origin = Token16(bytes: tokens.bytes(row, 0)), let token = Token16(bytes: tokens.bytes(row, 1)) else {
        continue
      }
      live[origin, default: []].insert(token)
      if tokens.bool(row, 2) { numbered.insert(origin) }
    }
    let ledger = Dictionary(grouping: try statements.rows(where: "origin = any($1)", [origins], database), by: \.origin)
    var spoken = Set(ledger.values.joined().map(\.token))
    for tokens in [live, extraTokens, outdatedTokens].flatMap(\.values) { spoken.formUnion(tokens) }
    let aliases = try Supersessions.aliases(of: spoken, database)
    var changes: [LedgerEntry] = []
    for (origin, said) in decided.sorted(by: { $0.key < $1.key }) {
      changes += ObjectionReconciliation.changes(
        .init(
          origin: origin, decisions: said.decisions.values.sorted { $0.type.rawValue < $1.type.rawValue },
          liveTokens: live[origin] ?? [], isRoutedByNumber: numbered.contains(origin),
          extraTokens: extraTokens[origin] ?? [], ledger: ledger[origin] ?? [],
          outdatedTokens: outdatedTokens[origin] ?? [], aliases: aliases),
        retractsUnused: retractsUnused)
    }
    try statements.write(changes, from: decided.mapValues(\.organisation), reserved: reserved, database)
  }
}
