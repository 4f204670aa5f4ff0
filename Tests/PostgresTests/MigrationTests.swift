import Foundation
import Synchronization
import Testing

@testable import Postgres

@Suite struct MigrationTests {
  private static let steps = [
    Migration(version: 1, name: "people", sql: "create table person (n bigint); insert into person values (1)"),
    Migration(version: 2, name: "visits", sql: "create table visit (n bigint)"),
  ]

  private func migrationError(_ body: () throws -> Void) -> MigrationError? {
    do {
      try body()
      return nil
    } catch {
      return error as? MigrationError
    }
  }

  @Test func `steps are applied once, later ones join, and names mean the schema's own`() throws {
    let schema = freshSchema()
    let connection = try TestCluster.connect()
    try connection.migrate(schema: schema, Array(Self.steps.prefix(1)))
    for _ in 0..<2 { try connection.migrate(schema: schema, Self.steps) }
    try connection.query("insert into visit values ($1)", [.int(1)])
    let other = try TestCluster.connect()
    try other.migrate(schema: schema, Self.steps)
    let counts = try other.query(
      "select (select count(*) from person), (select count(*) from visit), (select count(*) from schema_migration)")
    #expect((0..<3).map { counts.int(0, $0) } == [1, 1, 2])
    #expect(try other.query("select current_schema::text").text(0, 0) == schema)
  }

  @Test func `instances that start together apply every step once`() throws {
    for _ in 0..<5 {
      let schema = freshSchema()
      let failures = Mutex<[String]>([])
      let (ready, go, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchGroup())
      for _ in 0..<4 {
        done.enter()
        Thread {
          defer { done.leave() }
          do {
            let connection = try TestCluster.connect()
            ready.signal()
            go.wait()
            try connection.migrate(schema: schema, Self.steps)
          } catch {
            ready.signal()
            failures.withLock { $0.append("\(error)") }
          }
        }.start()
      }
      for _ in 0..<4 { ready.wait() }
      for _ in 0..<4 { go.signal() }
      done.wait()
      #expect(failures.withLock { $0 } == [])
      #expect(try TestCluster.connect().query("select count(*) from \(schema).person").int(0, 0) == 1)
    }
  }

  @Test func `a step changed after it was applied is refused`() throws {
    let schema = freshSchema()
    let connection = try TestCluster.connect()
    try connection.migrate(schema: schema, Self.steps)
    let altered = [Migration(version: 1, name: "people", sql: Self.steps[0].sql + " "), Self.steps[1]]
    #expect(
      migrationError { try connection.migrate(schema: schema, altered) } == .altered(schema: schema, version: 1))
    try TestCluster.connect().migrate(schema: schema, Self.steps)
  }

  @Test func `an older program on a newer schema and a step that comes too late are refused`() throws {
    let schema = freshSchema()
    let connection = try TestCluster.connect()
    try connection.migrate(schema: schema, Self.steps)
    #expect(
      migrationError { try connection.migrate(schema: schema, Array(Self.steps.prefix(1))) }
        == .unknownStep(schema: schema, version: 2))
    let early = [Migration(version: 0, name: "early", sql: "select 1")] + Self.steps
    #expect(
      migrationError { try connection.migrate(schema: schema, early) } == .outOfOrder(schema: schema, version: 0))
  }

  @Test func `a step that fails is undone whole and frees the lock`() throws {
    let schema = freshSchema()
    let connection = try TestCluster.connect()
    let failing =
      Self.steps + [
        Migration(version: 3, name: "half", sql: "create table half (n bigint); select * from absent")
      ]
    #expect(postgresError { try connection.migrate(schema: schema, failing) }?.sqlState == "42P01")
    #expect(!connection.isInTransaction)
    let other = try TestCluster.connect()
    try other.migrate(schema: schema, Self.steps)
    #expect(try other.query("select to_regclass('half') is null").bool(0, 0))
    #expect(try other.query("select to_regclass('visit') is null").bool(0, 0) == false)
  }

  @Test func `a schema's name is quoted`() throws {
    let connection = try TestCluster.connect()
    let schema = "Odd \"name\"; drop \(freshSchema())"
    try connection.migrate(schema: schema, Self.steps)
    #expect(try connection.query("select current_schema::text").text(0, 0) == schema)
  }
}
