import KeyRing
import Postgres

/// The routing key under which ingestion has named everybody: the newest one only once all tokens have been replaced.
enum RoutingKeyInUse {
  /// - Parameter ring: of ingestion.
  static func find(_ ring: KeyRing, _ database: Connection) throws -> HeldKey {
    let version = try version(database)
    guard let key = ring.usable(.routing).first(where: { $0.version == version }) else {
      throw ClientError("ingestion's tokens are under version \(version) of the routing key, which \(ring.path) lacks")
    }
    return key
  }

  /// A replacement under way.
  struct Replacement: Codable, Equatable {
    var version: Int
    /// Not yet balanced; until they are, nothing is replaced and nothing is admitted. Nil: all tokens have been replaced.
    var extracts: Int?
    /// Where the objections are still to be stated under the new key; no record passes there before.
    var partitions: Int
  }

  /// - Parameter partitions: of `validated`.
  /// - Returns: nil where none is under way.
  static func replacement(_ database: Connection, partitions: Int) throws -> Replacement? {
    guard try database.has(table: "ingestion.routing_version"),
      try database.has(table: "objection_filter.routing_ledger")
    else { return nil }
    let rows = try database.query(
      """
      select version, coalesce(target, 0),
        (select count(*) from ingestion.extract where state in ('admitted', 'emitted')),
        (select count(*) from objection_filter.routing_ledger l where l.version >= v.version)
      from ingestion.routing_version v
      """)
    let (version, target) = (Int(rows.int(0, 0)), Int(rows.int(0, 1)))
    if target > 0 { return Replacement(version: target, extracts: Int(rows.int(0, 2)), partitions: partitions) }
    let missing = version == 1 ? 0 : partitions - Int(rows.int(0, 3))
    return missing > 0 ? Replacement(version: version, extracts: nil, partitions: missing) : nil
  }

  static func version(_ database: Connection) throws -> Int {
    guard try database.has(table: "ingestion.routing_version") else { return 1 }
    return Int(try database.query("select version from ingestion.routing_version").int(0, 0))
  }
}
