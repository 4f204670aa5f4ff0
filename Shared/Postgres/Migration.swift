/// One step of a schema's history. Once applied anywhere its SQL never changes; later steps correct it.
public struct Migration: Sendable {
  /// Rising from step to step.
  public let version: Int
  public let name: String
  /// One or several statements without transaction control; names without a schema mean the service's own.
  public let sql: String

  public init(version: Int, name: String, sql: String) {
    self.version = version
    self.name = name
    self.sql = sql
  }
}

/// Why a schema was left as it is.
public enum MigrationError: Error, Equatable, CustomStringConvertible, Sendable {
  /// The SQL of an applied step is no longer what was applied.
  case altered(schema: String, version: Int)
  /// The schema holds a step that the program does not know: an older program on a newer database.
  case unknownStep(schema: String, version: Int)
  /// A step below the newest applied one was never applied.
  case outOfOrder(schema: String, version: Int)

  public var description: String {
    switch self {
    case .altered(let schema, let version):
      "migration \(version) of schema \(schema) was changed after it had been applied"
    case .unknownStep(let schema, let version):
      "schema \(schema) has migration \(version), which this program does not know; use the newer program"
    case .outOfOrder(let schema, let version):
      "migration \(version) of schema \(schema) comes too late: a later one is applied already"
    }
  }
}

extension Connection {
  /// Brings `schema` up to the last of `migrations` and makes it the connection's search path.
  ///
  /// Every step runs in a transaction of its own together with its entry in `schema_migration`. Instances that start
  /// together take turns by an advisory lock. Call it on every new connection: with nothing to do it costs a few
  /// round trips.
  /// - Throws: `MigrationError`, and `PostgresError` when a step fails (that step is undone).
  public func migrate(schema: String, _ migrations: [Migration]) throws {
    precondition(
      zip(migrations, migrations.dropFirst()).allSatisfy { $0.version < $1.version }, "migrations must rise")
    let lock: [Parameter] = [.text("caredata migration of \(schema)")]
    let path = "set search_path to \(try quotedIdentifier(schema))"
    // Bound to the session, not to a transaction, since it spans several; the server frees it when we die.
    try query("select pg_advisory_lock(hashtextextended($1, 0)) is null", lock)
    do {
      try prepareHistory(of: schema)
      try run(path)
      try apply(migrations, schema: schema)
      // A step may have set its own path.
      try run(path)
    } catch {
      _ = try? query("select pg_advisory_unlock(hashtextextended($1, 0))", lock)
      throw error
    }
    try query("select pg_advisory_unlock(hashtextextended($1, 0))", lock)
  }

  private func prepareHistory(of schema: String) throws {
    let schema = try quotedIdentifier(schema)
    try run("create schema if not exists \(schema)")
    try run(
      """
      create table if not exists \(schema).schema_migration (
        version bigint primary key,
        name text not null,
        checksum bytea not null,
        applied_at timestamptz not null default now())
      """)
  }

  private func apply(_ migrations: [Migration], schema: String) throws {
    let checksums = try query(
      "select array(select sha256(convert_to(t.sql, 'UTF8')) from unnest($1) with ordinality as t(sql, n) order by n)",
      [.textArray(migrations.map(\.sql))]
    ).bytesArray(0, 0)
    let rows = try query("select version, checksum from schema_migration order by version")
    let applied = (0..<rows.count).map { (version: Int(rows.int($0, 0)), checksum: rows.bytes($0, 1)) }
    let steps = try pendingSteps(
      migrations.map(\.version), checksums: checksums, applied: applied, schema: schema)
    for step in steps {
      try transaction {
        try run(migrations[step].sql)
        try query(
          "insert into \(try quotedIdentifier(schema)).schema_migration (version, name, checksum) values ($1, $2, $3)",
          [.int(Int64(migrations[step].version)), .text(migrations[step].name), .bytes(checksums[step])])
      }
    }
  }
}
