import Contracts
import Cryptography
import Foundation
import Postgres
import StageKit

/// The objection ledger: decisions per origin and what `validated` was told under which routing token.
struct ObjectionLedger {
  let layout: TopicLayout

  struct Spoken {
    let origin: Token16
    let token: Token16
    let decision: Decision
    /// The extract that says so, if one does.
    var extractID: String?
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
    try reconcile(try decisions(of: origins, database), extraTokens: [:], retractsUnused: false, database)
  }

  /// Takes decisions in and states what is news, within the caller's transaction.
  func record(_ spoken: [Spoken], _ database: Connection) throws {
    guard !spoken.isEmpty else { return }
    try takeLock(database)
    var decisions = try self.decisions(of: Set(spoken.map(\.origin)), database)
    var news: [(Token16, Decision)] = []
    for item in spoken {
      let known = decisions[item.origin]?[item.decision.type]
      let strongest = known.map { Decision.stronger($0, item.decision) } ?? item.decision
      if strongest != known {
        decisions[item.origin, default: [:]][item.decision.type] = strongest
        news.append((item.origin, strongest))
      }
    }
    try store(news, database)
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
    try reconcile(decisions, extraTokens: extra, outdatedTokens: outdated, retractsUnused: false, database)
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

  /// States and retracts what an admission has moved. `origins` may hold patients without any objection.
  func follow(admission no: Int64, scope: Int64, _ database: Connection) throws {
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
      try decisions(of: origins, database), extraTokens: [:], retractsUnused: true, database)
  }

  /// Every statement again, for a broker that has forgotten.
  func restate(_ database: Connection) throws {
    let rows = try database.query(
      "select origin, token, type::bigint, decision::bigint, day::bigint, retracted, stamp from statement order by stamp"
    )
    try Outbox.append(
      try (0..<rows.count).map { try notice(Self.entry(rows, $0), stamp: rows.int($0, 6)) }, to: database)
  }

  private func decisions(of origins: Set<Token16>, _ database: Connection) throws -> [Token16: [ObjectionType:
    Decision]]
  {
    let rows = try database.query(
      "select origin, type::bigint, decision::bigint, day::bigint from origin_decision where origin = any($1)",
      [.bytesArray(origins.sorted().map(\.bytes))])
    var decisions: [Token16: [ObjectionType: Decision]] = [:]
    for row in 0..<rows.count {
      guard let origin = Token16(bytes: rows.bytes(row, 0)) else { continue }
      let decision = Self.decision(rows, row, firstColumn: 1)
      decisions[origin, default: [:]][decision.type] = decision
    }
    return decisions
  }

  private func store(_ news: [(Token16, Decision)], _ database: Connection) throws {
    var latest: [Token16: [ObjectionType: Decision]] = [:]
    for (origin, decision) in news { latest[origin, default: [:]][decision.type] = decision }
    let rows = latest.flatMap { origin, decisions in decisions.values.map { (origin, $0) } }
    guard !rows.isEmpty else { return }
    try database.query(
      """
      insert into origin_decision
      select o, t, d, nullif(day, \(Self.undated))
      from unnest($1::bytea[], $2::bigint[]::smallint[], $3::bigint[]::smallint[], $4::bigint[]::int[]) as n(o, t, d, day)
      on conflict (origin, type) do update set decision = excluded.decision, day = excluded.day
      """,
      [
        .bytesArray(rows.map(\.0.bytes)), .intArray(rows.map { Int64($0.1.type.rawValue) }),
        .intArray(rows.map { Int64($0.1.decision.rawValue) }), .intArray(rows.map { Int64($0.1.day ?? Self.undated) }),
      ])
  }

  private func reconcile(
    _ decisions: [Token16: [ObjectionType: Decision]], extraTokens: [Token16: Set<Token16>],
    outdatedTokens: [Token16: Set<Token16>] = [:], retractsUnused: Bool, _ database: Connection
  ) throws {
    let origins = Parameter.bytesArray(decisions.keys.sorted().map(\.bytes))
    var live: [Token16: Set<Token16>] = [:]
    let tokens = try database.query(
      "select distinct patient_key, routing_token from record_state where live and patient_key = any($1)", [origins])
    for row in 0..<tokens.count {
      guard let origin = Token16(bytes: tokens.bytes(row, 0)), let token = Token16(bytes: tokens.bytes(row, 1)) else {
        continue
      }
      live[origin, default: []].insert(token)
    }
    var ledger: [Token16: [LedgerEntry]] = [:]
    let rows = try database.query(
      """
      select origin, token, type::bigint, decision::bigint, day::bigint, retracted from statement where origin = any($1)
      """, [origins])
    for row in 0..<rows.count {
      let entry = Self.entry(rows, row)
      ledger[entry.origin, default: []].append(entry)
    }
    var spoken = Set(ledger.values.joined().map(\.token))
    for tokens in [live, extraTokens, outdatedTokens].flatMap(\.values) { spoken.formUnion(tokens) }
    let aliases = try Supersessions.aliases(of: spoken, database)
    var changes: [LedgerEntry] = []
    for (origin, byType) in decisions.sorted(by: { $0.key < $1.key }) {
      changes += ObjectionReconciliation.changes(
        .init(
          origin: origin, decisions: byType.values.sorted { $0.type.rawValue < $1.type.rawValue },
          liveTokens: live[origin] ?? [], extraTokens: extraTokens[origin] ?? [], ledger: ledger[origin] ?? [],
          outdatedTokens: outdatedTokens[origin] ?? [], aliases: aliases),
        retractsUnused: retractsUnused)
    }
    try write(changes, database)
  }

  private func write(_ changes: [LedgerEntry], _ database: Connection) throws {
    guard !changes.isEmpty else { return }
    let stamps = try database.query(
      "select nextval('stamp') from generate_series(1, $1::bigint)", [.int(Int64(changes.count))])
    try database.query(
      """
      insert into statement
      select o, k, t, d, nullif(day, \(Self.undated)), s, r = 1
      from unnest($1::bytea[], $2::bytea[], $3::bigint[]::smallint[], $4::bigint[]::smallint[], $5::bigint[]::int[],
        $6::bigint[], $7::bigint[]) as n(o, k, t, d, day, s, r)
      on conflict (origin, token, type) do update set decision = excluded.decision, day = excluded.day,
        stamp = excluded.stamp, retracted = excluded.retracted
      """,
      [
        .bytesArray(changes.map(\.origin.bytes)), .bytesArray(changes.map(\.token.bytes)),
        .intArray(changes.map { Int64($0.decision.type.rawValue) }),
        .intArray(changes.map { Int64($0.decision.decision.rawValue) }),
        .intArray(changes.map { Int64($0.decision.day ?? Self.undated) }),
        .intArray((0..<changes.count).map { stamps.int($0, 0) }), .intArray(changes.map { $0.isRetracted ? 1 : 0 }),
      ])
    try Outbox.append(
      try changes.enumerated().map { try notice($1, stamp: stamps.int($0, 0)) }, to: database)
  }

  private func notice(_ entry: LedgerEntry, stamp: Int64) throws -> Outbox.Entry {
    let envelope = Envelope.with {
      $0.kind = .objection
      $0.objection.origin = Data(entry.origin.bytes)
      $0.objection.type = entry.decision.type
      $0.objection.decision = entry.decision.decision
      if let day = entry.decision.day { $0.objection.day = day }
      $0.objection.stamp = stamp
      $0.objection.retracted = entry.isRetracted
    }
    return Outbox.Entry(
      topic: layout.name(.validated), partition: layout.partition(of: entry.token.bytes), key: entry.token.bytes,
      value: try envelope.serializedBytes())
  }

  private static func entry(_ rows: Rows, _ row: Int) -> LedgerEntry {
    LedgerEntry(
      origin: Token16(bytes: rows.bytes(row, 0))!, token: Token16(bytes: rows.bytes(row, 1))!,
      decision: decision(rows, row, firstColumn: 2), isRetracted: rows.bool(row, 5))
  }

  private static func decision(_ rows: Rows, _ row: Int, firstColumn: Int) -> Decision {
    Decision(
      type: ObjectionType(rawValue: Int(rows.int(row, firstColumn))) ?? .unspecified,
      decision: ObjectionDecision(rawValue: Int(rows.int(row, firstColumn + 1))) ?? .unspecified,
      day: rows.isNull(row, firstColumn + 2) ? nil : Int32(rows.int(row, firstColumn + 2)))
  }

  /// Stands for "no date" in arrays, which carry no nulls.
  private static let undated = Int32.min
}
