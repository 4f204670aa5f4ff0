import Contracts
import Cryptography
import Kafka
import Postgres
import StageKit

/// The filter's tables, and the objections of the assigned partitions in memory: objectors are few, records are many,
/// so the decision on a record costs a look into a dictionary and no round trip.
final class ObjectionStore {
  static let migrations = [
    Migration(
      version: 2, name: "objections",
      sql: """
        create table statement (
          partition int not null, token bytea not null, origin bytea not null, type smallint not null,
          decision smallint not null, day int, stamp bigint not null, retracted boolean not null,
          primary key (token, origin, type));
        create index on statement (partition);
        create table erasure (
          partition int not null, token bytea primary key, from_gp bigint not null, from_all bigint not null);
        create index on erasure (partition);
        create table partition_stamp (partition int primary key, highest bigint not null);
        \(FlowCounter.migrationSQL)
        """)
  ]

  private(set) var subjects: [Int32: [Token16: Subject]] = [:]
  private var highest: [Int32: Int64] = [:]
  private var changed: [(partition: Int32, token: Token16, statement: Statement)] = []

  func load(_ partitions: [Int32], _ database: Connection) throws {
    let wanted = Parameter.intArray(partitions.map(Int64.init))
    for partition in partitions { subjects[partition] = [:] }
    var erasures: [Token16: (Int64, Int64)] = [:]
    let erased = try database.query(
      "select token, from_gp, from_all from erasure where partition = any($1)", [wanted])
    for row in 0..<erased.count {
      if let token = Token16(bytes: erased.bytes(row, 0)) { erasures[token] = (erased.int(row, 1), erased.int(row, 2)) }
    }
    let rows = try database.query(
      """
      select partition::bigint, token, origin, type::bigint, decision::bigint, day::bigint, stamp, retracted
      from statement where partition = any($1) order by token
      """, [wanted])
    var statements: [Token16: (Int32, [Statement])] = [:]
    for row in 0..<rows.count {
      guard let token = Token16(bytes: rows.bytes(row, 1)), let origin = Token16(bytes: rows.bytes(row, 2)),
        let type = ObjectionType(rawValue: Int(rows.int(row, 3))),
        let decision = ObjectionDecision(rawValue: Int(rows.int(row, 4)))
      else { throw StageError(.database, "the table statement holds an unreadable row") }
      statements[token, default: (Int32(rows.int(row, 0)), [])].1.append(
        Statement(
          origin: origin, type: type, decision: decision, day: rows.isNull(row, 5) ? nil : Int32(rows.int(row, 5)),
          stamp: rows.int(row, 6), isRetracted: rows.bool(row, 7)))
    }
    for (token, (partition, list)) in statements {
      let (gp, all) = erasures[token] ?? (0, 0)
      subjects[partition]?[token] = Subject(statements: list, erasedFromGP: gp, erasedFromAll: all)
    }
    let stamps = try database.query(
      "select partition::bigint, highest from partition_stamp where partition = any($1)", [wanted])
    for row in 0..<stamps.count { highest[Int32(stamps.int(row, 0))] = stamps.int(row, 1) }
  }

  func forget(_ partitions: [Int32]) {
    for partition in partitions {
      subjects[partition] = nil
      highest[partition] = nil
    }
    changed.removeAll()
  }

  @inline(__always)
  func subject(_ token: Token16, in partition: Int32) -> Subject? { subjects[partition]?[token] }

  @inline(__always)
  func saw(stamp: Int64, in partition: Int32) {
    if stamp > highest[partition, default: 0] { highest[partition] = stamp }
  }

  /// Returns the subject after the statement, stored or not.
  func take(_ statement: Statement, for token: Token16, in partition: Int32) -> Subject {
    var subject = subjects[partition]?[token] ?? Subject()
    if subject.take(statement, highestStamp: highest[partition, default: 0]) {
      subjects[partition, default: [:]][token] = subject
      changed.append((partition, token, statement))
    }
    return subject
  }

  /// Writes what the batch changed, within its transaction.
  func store(_ database: Connection) throws {
    if !changed.isEmpty {
      // One batch must not hold a key twice: the last statement of an origin and type is the one in memory.
      var latest: [String: (partition: Int32, token: Token16, statement: Statement)] = [:]
      for change in changed {
        latest["\(change.token.hex)/\(change.statement.origin.hex)/\(change.statement.type.rawValue)"] = change
      }
      let rows = latest.sorted { $0.key < $1.key }.map(\.value)
      try database.query(
        """
        insert into statement as s
        select p, t, o, ty, d, nullif(day, \(Self.undated)), st, r = 1
        from unnest($1::bigint[]::int[], $2::bytea[], $3::bytea[], $4::bigint[]::smallint[], $5::bigint[]::smallint[],
          $6::bigint[]::int[], $7::bigint[], $8::bigint[]) as n(p, t, o, ty, d, day, st, r)
        on conflict (token, origin, type) do update set decision = excluded.decision, day = excluded.day,
          stamp = excluded.stamp, retracted = excluded.retracted
        where s.stamp < excluded.stamp
        """,
        [
          .intArray(rows.map { Int64($0.partition) }), .bytesArray(rows.map(\.token.bytes)),
          .bytesArray(rows.map(\.statement.origin.bytes)), .intArray(rows.map { Int64($0.statement.type.rawValue) }),
          .intArray(rows.map { Int64($0.statement.decision.rawValue) }),
          .intArray(rows.map { Int64($0.statement.day ?? Self.undated) }), .intArray(rows.map(\.statement.stamp)),
          .intArray(rows.map { $0.statement.isRetracted ? 1 : 0 }),
        ])
      var tokens: [Token16: Int32] = [:]
      for row in rows { tokens[row.token] = row.partition }
      let erased = tokens.sorted { $0.key < $1.key }
      try database.query(
        """
        insert into erasure as e
        select * from unnest($1::bigint[]::int[], $2::bytea[], $3::bigint[], $4::bigint[])
        on conflict (token) do update set from_gp = greatest(e.from_gp, excluded.from_gp),
          from_all = greatest(e.from_all, excluded.from_all)
        """,
        [
          .intArray(erased.map { Int64($0.value) }), .bytesArray(erased.map(\.key.bytes)),
          .intArray(erased.map { subjects[$0.value]?[$0.key]?.erasedFromGP ?? 0 }),
          .intArray(erased.map { subjects[$0.value]?[$0.key]?.erasedFromAll ?? 0 }),
        ])
    }
    let stamps = highest.sorted { $0.key < $1.key }
    try database.query(
      """
      insert into partition_stamp as p select * from unnest($1::bigint[]::int[], $2::bigint[])
      on conflict (partition) do update set highest = excluded.highest where p.highest < excluded.highest
      """, [.intArray(stamps.map { Int64($0.key) }), .intArray(stamps.map(\.value))])
  }

  func stored() { changed.removeAll(keepingCapacity: true) }

  /// Stands for "no date" in arrays, which carry no nulls.
  private static let undated = Int32.min
}
