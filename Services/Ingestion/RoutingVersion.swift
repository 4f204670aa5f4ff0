import Postgres
import StageKit

/// The version of the routing key under which all that ingestion has stored is named, as the database says it, and
/// under which it therefore works: not that of the newest key, which may be about to take its place.
final class RoutingVersion {
  /// Version 1 was there before versions were written down.
  static let first = 1

  private(set) var current = RoutingVersion.first
  /// That of a key which is to replace it.
  private(set) var target: Int?

  static let migrationSQL = """
    create table routing_version (version bigint not null, target bigint);
    insert into routing_version values (\(first), null);
    """

  /// In transactions of ingestion shared, while tokens are replaced exclusive.
  private static let lock: Int64 = 0x726f_7574_696e_6731

  /// What a message says of it; nothing of the first version.
  var field: UInt32 { current == Self.first ? 0 : UInt32(current) }

  /// Returns whether tokens have to be made under another version from here on.
  func refresh(_ database: Connection) throws -> Bool {
    let former = current
    (current, target) = try Self.read(database)
    return current != former
  }

  /// First in every transaction that reads or writes routing tokens.
  ///
  /// - Throws: `StageWait` while they are being replaced, and once when they have been.
  func enter(_ database: Connection) throws {
    let isFree = try database.query(
      "select pg_try_advisory_xact_lock_shared($1 # hashtext(current_schema()))", [.int(Self.lock)]
    ).bool(0, 0)
    guard isFree, try Self.read(database).version == current else {
      throw StageWait("routing tokens to be replaced")
    }
  }

  /// Waits until all other transactions that entered have ended; nobody else enters before this one ends.
  func enterAlone(_ database: Connection) throws {
    try database.execute("set local lock_timeout = '20s'")
    do {
      try database.query("select pg_advisory_xact_lock($1 # hashtext(current_schema())) is null", [.int(Self.lock)])
    } catch let error as PostgresError where error.sqlState == "55P03" {
      throw StageWait("transactions to end before routing tokens are replaced")
    }
    try database.execute("set local lock_timeout = 0")
    (current, target) = try Self.read(database)
  }

  static func write(_ version: Int, target: Int?, _ database: Connection) throws {
    try database.query(
      "update routing_version set version = $1, target = nullif($2, 0)",
      [.int(Int64(version)), .int(Int64(target ?? 0))])
  }

  private static func read(_ database: Connection) throws -> (version: Int, target: Int?) {
    let rows = try database.query("select version, target from routing_version")
    return (Int(rows.int(0, 0)), rows.isNull(0, 1) ? nil : Int(rows.int(0, 1)))
  }
}
