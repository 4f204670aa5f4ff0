import Contracts
import Cryptography
import Postgres
import StageKit

/// What a stage keeps in memory of one partition: objectors are few, records are many, so the decision on a record
/// costs a look into a dictionary and no round trip.
final class PartitionState {
  fileprivate(set) var barriers: [Token16: Barrier] = [:]
  /// Of all stamps seen in the partition.
  fileprivate(set) var highest: Int64 = 0
  fileprivate var hasNewHighest = false
  /// Of the routing key under which all objections are known, and whether those under former ones are gone.
  var routing: (version: UInt64, isPurged: Bool) = (RoutingLedgers.first, false)

  @inline(__always)
  func barrier(_ token: Token16) -> Barrier? { barriers[token] }

  @inline(__always)
  func saw(stamp: Int64) {
    guard stamp > highest else { return }
    highest = stamp
    hasNewHighest = true
  }
}

/// The objections: what came of them in memory, the statements themselves in the table, read for those tokens only that
/// a batch has objections of.
final class ObjectionStore: BatchState {
  private struct StatementKey: Hashable {
    let token: Token16
    let origin: Token16
    let type: Int
  }

  /// Rows that a fetch brings: a bound on memory while two million are loaded.
  private static let piece = 50_000

  private var partitions: [Int32: PartitionState] = [:]
  /// Of the batch in hand.
  private var subjects: [Token16: Subject] = [:]
  private var changed: [StatementKey: (partition: Int32, statement: Statement, version: UInt64)] = [:]

  /// Tokens under which something holds records back, in the assigned partitions.
  var count: Int { partitions.values.reduce(0) { $0 + $1.barriers.count } }

  // MARK: - Assignment

  func load(_ assigned: [Int32], _ database: Connection) throws {
    let wanted = Parameter.intArray(assigned.map(Int64.init))
    for partition in assigned { partitions[partition] = PartitionState() }
    try database.transaction {
      try database.query(
        """
        declare subjects no scroll cursor for
        select partition, token, case when type1 then \(Barrier.closed) else erased_from_gp end,
          case when type2 then \(Barrier.closed) else erased_from_all end
        from subject
        where partition = any($1) and (type1 or type2 or erased_from_gp > 0 or erased_from_all > 0)
        """, [wanted])
      var rows: Rows
      repeat {
        rows = try database.query("fetch \(Self.piece) from subjects")
        for row in 0..<rows.count {
          guard let token = rows.withBytes(row, 1, { Token16(bytes: $0) }) else {
            throw StageError(.database, "the table subject holds an unreadable row")
          }
          partitions[Int32(rows.int(row, 0))]?.barriers[token] = Barrier(gp: rows.int(row, 2), all: rows.int(row, 3))
        }
      } while rows.count == Self.piece
    }
    let stamps = try database.query(
      "select partition, highest from partition_stamp where partition = any($1)", [wanted])
    for row in 0..<stamps.count { partitions[Int32(stamps.int(row, 0))]?.highest = stamps.int(row, 1) }
  }

  func revoke(_ revoked: [Int32]) {
    for partition in revoked { partitions[partition] = nil }
  }

  func forget() {
    subjects.removeAll()
    changed.removeAll()
  }

  /// Of an assigned partition; another one's is empty.
  func state(_ partition: Int32) -> PartitionState {
    if let state = partitions[partition] { return state }
    let state = PartitionState()
    partitions[partition] = state
    return state
  }

  // MARK: - Batch

  func knows(_ token: Token16) -> Bool { subjects[token] != nil }

  /// Reads what is known of these tokens, one query per table.
  func read(_ tokens: Set<Token16>, _ database: Connection) throws {
    guard !tokens.isEmpty else { return }
    let wanted = Parameter.bytesArray(tokens.sorted().map(\.bytes))
    for token in tokens { subjects[token] = Subject() }
    let outcomes = try database.query(
      """
      select token, type1, erased_from_gp, gp_stamp, type2, erased_from_all, all_stamp from subject
      where token = any($1)
      """, [wanted])
    for row in 0..<outcomes.count {
      guard let token = Token16(bytes: outcomes.bytes(row, 0)) else { continue }
      subjects[token] = Subject(statements: [], outcomes, row, firstColumn: 1)
    }
    let rows = try database.query(
      "select token, origin, type, decision, day, stamp, retracted from statement where token = any($1)", [wanted])
    for row in 0..<rows.count {
      guard let token = Token16(bytes: rows.bytes(row, 0)), let origin = Token16(bytes: rows.bytes(row, 1)),
        let type = ObjectionType(rawValue: Int(rows.int(row, 2))),
        let decision = ObjectionDecision(rawValue: Int(rows.int(row, 3)))
      else { throw StageError(.database, "the table statement holds an unreadable row") }
      subjects[token]?.add(
        loaded: Statement(
          origin: origin, type: type, decision: decision, day: rows.isNull(row, 4) ? nil : Int32(rows.int(row, 4)),
          stamp: rows.int(row, 5), isRetracted: rows.bool(row, 6)))
    }
  }

  /// Takes a statement in under a token that was read. Returns what holds after it, and whether it was news.
  ///
  /// - Parameter version: of the routing key that the token is made under. One whose ledger has not come: it is
  ///   stated anew.
  func take(
    _ statement: Statement, for token: Token16, version: UInt64, in partition: Int32
  ) -> (subject: Subject, isNews: Bool) {
    let state = state(partition)
    let isNews = subjects[token, default: Subject()].take(
      statement, highestStamp: version > state.routing.version ? nil : state.highest)
    state.saw(stamp: statement.stamp)
    let subject = subjects[token] ?? Subject()
    if isNews {
      changed[StatementKey(token: token, origin: statement.origin, type: statement.type.rawValue)] =
        (partition, statement, version)
      state.barriers[token] = subject.barrier.isOpen ? nil : subject.barrier
    }
    return (subject, isNews)
  }

  /// Writes what the batch changed, within its transaction.
  func store(_ database: Connection) throws {
    if !changed.isEmpty {
      try storeStatements(database)
      try storeSubjects(database)
    }
    let stamps = partitions.filter(\.value.hasNewHighest).sorted { $0.key < $1.key }
    guard !stamps.isEmpty else { return }
    try database.query(
      """
      insert into partition_stamp as p select * from unnest($1::bigint[]::int[], $2::bigint[])
      on conflict (partition) do update set highest = excluded.highest where p.highest < excluded.highest
      """, [.intArray(stamps.map { Int64($0.key) }), .intArray(stamps.map(\.value.highest))])
  }

  func stored() {
    subjects.removeAll(keepingCapacity: true)
    changed.removeAll(keepingCapacity: true)
    for state in partitions.values { state.hasNewHighest = false }
  }

  private func storeStatements(_ database: Connection) throws {
    let rows = changed.sorted {
      ($0.key.token, $0.key.origin, $0.key.type) < ($1.key.token, $1.key.origin, $1.key.type)
    }
    try database.query(
      """
      insert into statement as s
        (partition, token, origin, type, decision, day, stamp, retracted, routing_version)
      select p, t, o, ty, d, nullif(day, \(Self.undated)), st, r = 1, v
      from unnest($1::bigint[]::int[], $2::bytea[], $3::bytea[], $4::bigint[]::smallint[], $5::bigint[]::smallint[],
        $6::bigint[]::int[], $7::bigint[], $8::bigint[], $9::bigint[]) as n(p, t, o, ty, d, day, st, r, v)
      on conflict (token, origin, type) do update set decision = excluded.decision, day = excluded.day,
        stamp = excluded.stamp, retracted = excluded.retracted
      where s.stamp < excluded.stamp
      """,
      [
        .intArray(rows.map { Int64($0.value.partition) }), .bytesArray(rows.map(\.key.token.bytes)),
        .bytesArray(rows.map(\.key.origin.bytes)), .intArray(rows.map { Int64($0.key.type) }),
        .intArray(rows.map { Int64($0.value.statement.decision.rawValue) }),
        .intArray(rows.map { Int64($0.value.statement.day ?? Self.undated) }),
        .intArray(rows.map(\.value.statement.stamp)), .intArray(rows.map { $0.value.statement.isRetracted ? 1 : 0 }),
        .intArray(rows.map { Int64($0.value.version) }),
      ])
  }

  /// Each scope by itself goes to the later stamp: an instance that has lost the partition without knowing undoes
  /// nothing of its successor's.
  private func storeSubjects(_ database: Connection) throws {
    var places: [Token16: (partition: Int32, version: UInt64)] = [:]
    for (key, change) in changed { places[key.token] = (change.partition, change.version) }
    let rows = places.sorted { $0.key < $1.key }.map {
      ($0.value.partition, $0.key, subjects[$0.key] ?? Subject(), $0.value.version)
    }
    try database.query(
      """
      insert into subject as s
        (partition, token, type1, type2, erased_from_gp, erased_from_all, gp_stamp, all_stamp, routing_version)
      select p, t, type1 = 1, type2 = 1, gp, al, gps, als, v
      from unnest($1::bigint[]::int[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
        $7::bigint[], $8::bigint[], $9::bigint[]) as n(p, t, type1, type2, gp, al, gps, als, v)
      on conflict (token) do update set
        type1 = case when s.gp_stamp <= excluded.gp_stamp then excluded.type1 else s.type1 end,
        type2 = case when s.all_stamp <= excluded.all_stamp then excluded.type2 else s.type2 end,
        erased_from_gp = greatest(s.erased_from_gp, excluded.erased_from_gp),
        erased_from_all = greatest(s.erased_from_all, excluded.erased_from_all),
        gp_stamp = greatest(s.gp_stamp, excluded.gp_stamp), all_stamp = greatest(s.all_stamp, excluded.all_stamp)
      """,
      [
        .intArray(rows.map { Int64($0.0) }), .bytesArray(rows.map(\.1.bytes)),
        .intArray(rows.map { $0.2.gp.isInForce ? 1 : 0 }), .intArray(rows.map { $0.2.all.isInForce ? 1 : 0 }),
        .intArray(rows.map(\.2.gp.erased)), .intArray(rows.map(\.2.all.erased)), .intArray(rows.map(\.2.gp.stamp)),
        .intArray(rows.map(\.2.all.stamp)), .intArray(rows.map { Int64($0.3) }),
      ])
  }

  /// Stands for "no date" in arrays, which carry no nulls.
  private static let undated = Int32.min
}
