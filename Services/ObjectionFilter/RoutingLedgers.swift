import Contracts
import Cryptography
import Kafka
import Postgres
import StageKit

/// Under which version of the routing key every objection has been stated in a partition.
///
/// A new routing key gives everybody another token, and with it another partition. Ingestion states all objections again
/// under the new tokens and then says so in every partition; not before may a record pass there under the new key: who
/// objects would not be known by it. What was said under the former key is dropped once nothing can come again from
/// before the ledger, and with it records under that key can no longer be judged.
final class RoutingLedgers: BatchState {
  /// What becomes of a record under some version.
  enum Standing {
    case judged
    /// Its objections are still to come.
    case early
    /// Its objections are gone.
    case outdated
  }

  private struct Ledger: Equatable {
    let version: UInt64
    let offset: Int64
    var isPurged = false
  }

  static let migrationSQL = """
    alter table statement add column routing_version bigint not null default 1;
    alter table subject add column routing_version bigint not null default 1;
    create table routing_ledger (
      partition int primary key, version bigint not null, incarnation text not null, record_offset bigint not null,
      purged boolean not null);
    """

  static let first: UInt64 = 1

  private let incarnation: String
  private var known: [Int32: Ledger] = [:]
  private var taken: [Int32: Ledger] = [:]
  /// Ledgers of the batch, the consequences of which are still to be told.
  private(set) var untold: [Int32] = []

  /// - Parameter incarnation: of the broker; offsets tell messages apart only within one.
  init(incarnation: String) { self.incarnation = incarnation }

  /// Of a message; the first one is not written down.
  static func version(_ envelope: EnvelopeView) -> UInt64 { max(first, envelope.routingVersion) }

  func load(_ assigned: [Int32], _ states: ObjectionStore, _ database: Connection) throws {
    for partition in assigned { known[partition] = nil }
    let rows = try database.query(
      """
      select partition::bigint, version, case when incarnation = $2 then record_offset else \(Int64.max) end, purged
      from routing_ledger where partition = any($1)
      """, [.intArray(assigned.map(Int64.init)), .text(incarnation)])
    for row in 0..<rows.count {
      let partition = Int32(rows.int(row, 0))
      let ledger = Ledger(
        version: UInt64(rows.int(row, 1)), offset: rows.int(row, 2), isPurged: rows.bool(row, 3))
      known[partition] = ledger
      states.state(partition).routing = (ledger.version, ledger.isPurged)
    }
  }

  func revoke(_ revoked: [Int32]) { for partition in revoked { known[partition] = nil } }

  func forget() {
    taken.removeAll()
    untold.removeAll()
  }

  @inline(__always)
  static func standing(_ envelope: EnvelopeView, _ state: PartitionState) -> Standing {
    let version = version(envelope)
    if version == state.routing.version { return .judged }
    if version > state.routing.version { return .early }
    return state.routing.isPurged ? .outdated : .judged
  }

  /// Takes in that all has been stated. A ledger of an earlier version, which was overtaken, says nothing any more; one
  /// that comes again in a new life of the broker comes behind statements that were each told.
  func take(_ envelope: EnvelopeView, _ message: Message, _ state: PartitionState) {
    let version = Self.version(envelope)
    let ledger = Ledger(version: version, offset: message.offset)
    let before = taken[message.partition] ?? known[message.partition]
    guard version > state.routing.version || (before?.version == version && before?.offset == message.offset) else {
      if var before, before.version == version {
        before = Ledger(version: version, offset: message.offset, isPurged: before.isPurged)
        taken[message.partition] = before
      }
      return
    }
    taken[message.partition] = ledger
    if !untold.contains(message.partition) { untold.append(message.partition) }
    state.routing = (version, false)
  }

  /// An objection in force reaches everything that was stamped before the ledger, as it did under the former token.
  func store(_ database: Connection) throws {
    for (partition, ledger) in taken.sorted(by: { $0.key < $1.key }) {
      try database.query(
        """
        insert into routing_ledger (partition, version, incarnation, record_offset, purged)
        values ($1::bigint, $2, $3, $4, $5::bigint = 1)
        on conflict (partition) do update set version = excluded.version, incarnation = excluded.incarnation,
          record_offset = excluded.record_offset, purged = excluded.purged
        where routing_ledger.version <= excluded.version
        """,
        [
          .int(Int64(partition)), .int(Int64(ledger.version)), .text(incarnation), .int(ledger.offset),
          .int(ledger.isPurged ? 1 : 0),
        ])
      guard untold.contains(partition) else { continue }
      try database.query(
        """
        update subject s set
          erased_from_gp = case when type1 then greatest(erased_from_gp, gp_stamp, highest) else erased_from_gp end,
          erased_from_all = case when type2 then greatest(erased_from_all, all_stamp, highest) else erased_from_all end
        from (select coalesce(max(highest), 0) as highest from partition_stamp where partition = $1::bigint) p
        where s.partition = $1::bigint and s.routing_version = $2 and (type1 or type2)
        """, [.int(Int64(partition)), .int(Int64(ledger.version))])
    }
  }

  func stored() {
    known.merge(taken) { $1 }
    taken.removeAll()
  }

  /// Hands over what the objections under each token of these partitions do now, whether it was told before or not.
  func tell(_ database: Connection, _ body: (Token16, Subject, Int32, UInt64) throws -> Void) throws {
    defer { untold.removeAll() }
    for partition in untold {
      guard let version = known[partition]?.version else { continue }
      try database.transaction {
        try database.query(
          """
          declare told no scroll cursor for
          select token, type1, erased_from_gp, gp_stamp, type2, erased_from_all, all_stamp from subject
          where partition = $1::bigint and routing_version = $2
          """, [.int(Int64(partition)), .int(Int64(version))])
        var rows: Rows
        repeat {
          rows = try database.query("fetch \(Self.piece) from told")
          for row in 0..<rows.count {
            guard let token = Token16(bytes: rows.bytes(row, 0)) else { continue }
            try body(token, Subject(statements: [], rows, row, firstColumn: 1), partition, version)
          }
        } while rows.count == Self.piece
      }
    }
  }

  /// Drops what was said under former keys where the batch begins behind the ledger: everything before it is committed.
  ///
  /// - Returns: partitions of which other things have to be read anew.
  func purge(_ batch: MessageBatch, of topic: String, _ database: Connection) throws -> [Int32] {
    guard known.values.contains(where: { !$0.isPurged }) else { return [] }
    var starts: [Int32: Int64] = [:]
    for message in batch.messages where message.topic == topic && starts[message.partition] == nil {
      starts[message.partition] = message.offset
    }
    let due = starts.filter { known[$0.key].map { [start = $0.value] in !$0.isPurged && $0.offset < start } ?? false }
      .keys.sorted()
    guard !due.isEmpty else { return [] }
    try database.transaction {
      for table in ["statement", "subject"] {
        try database.query(
          """
          delete from \(table) t using routing_ledger l
          where l.partition = any($1) and t.partition = l.partition and t.routing_version < l.version
          """, [.intArray(due.map(Int64.init))])
      }
      try database.query(
        "update routing_ledger set purged = true where partition = any($1)", [.intArray(due.map(Int64.init))])
    }
    for partition in due { known[partition]?.isPurged = true }
    return due
  }

  private static let piece = 20_000
}

extension Subject {
  /// - Parameter rows: per scope, from `firstColumn` on: in force, erased, stamp; GP-sourced first.
  init(statements: [Statement], _ rows: Rows, _ row: Int, firstColumn: Int) {
    func scope(_ column: Int) -> ObjectionScope {
      ObjectionScope(
        isInForce: rows.bool(row, column), erased: rows.int(row, column + 1), stamp: rows.int(row, column + 2))
    }
    self.init(statements: statements, gp: scope(firstColumn), all: scope(firstColumn + 3))
  }
}
