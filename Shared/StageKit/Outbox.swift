import Postgres

/// Messages that arise from a state change, stored in its transaction and sent afterwards, at least once, in order of id.
public struct Outbox {
  public static let migrationSQL = """
    create table outbox (
      id bigint generated always as identity primary key, topic text not null, partition int not null,
      key bytea not null, value bytea not null);
    """

  public struct Entry {
    public var topic: String
    public var partition: Int32
    public var key: [UInt8]
    public var value: [UInt8]

    public init(topic: String, partition: Int32, key: [UInt8], value: [UInt8]) {
      self.topic = topic
      self.partition = partition
      self.key = key
      self.value = value
    }
  }

  /// Key of the advisory lock under which one instance at a time sends.
  private static let lock: Int64 = 0x6361_7265_6f75_7462

  /// Appends within the caller's transaction.
  public static func append(_ entries: [Entry], to database: Connection) throws {
    guard !entries.isEmpty else { return }
    try database.copyIn("COPY outbox (topic, partition, key, value) FROM STDIN (FORMAT binary)") { writer in
      for entry in entries {
        writer.row(4)
        writer.text(entry.topic)
        writer.int4(entry.partition)
        writer.bytes(entry.key)
        writer.bytes(entry.value)
      }
    }
  }

  /// Sends up to `limit` messages and deletes them once acknowledged. Returns whether more may be waiting.
  public static func drain(_ database: Connection, to output: StageOutput, limit: Int = 5_000) throws -> Bool {
    try database.transaction {
      let locked = try database.query(
        "select pg_try_advisory_xact_lock($1 # hashtext(current_schema()))", [.int(lock)])
      guard locked.bool(0, 0) else { return false }
      let rows = try database.query(
        "select id, topic, partition::bigint, key, value from outbox order by id limit $1", [.int(Int64(limit))])
      guard rows.count > 0 else { return false }
      for row in 0..<rows.count {
        // A receipt must not overtake what it acknowledges.
        if row > 0, rows.text(row, 1) != rows.text(row - 1, 1) { try output.flush() }
        try output.send(
          topic: rows.text(row, 1), partition: Int32(rows.int(row, 2)), key: rows.bytes(row, 3),
          value: rows.bytes(row, 4))
      }
      try output.flush()
      // A join: while the planner takes the table for empty, it would compare every row with every element of an array.
      try database.query(
        "delete from outbox o using unnest($1::bigint[]) as sent (id) where o.id = sent.id",
        [.intArray((0..<rows.count).map { rows.int($0, 0) })])
      return rows.count == limit
    }
  }
}
