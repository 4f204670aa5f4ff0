import Foundation
import Testing

@testable import Postgres

@Suite struct ErrorTests {
  @Test(arguments: [
    ("08006", PostgresError.Kind.connection), ("57P01", .connection), ("57P02", .connection), ("57P03", .connection),
    ("40001", .serialisation), ("40P01", .serialisation), ("08007", .unknownOutcome), ("40003", .unknownOutcome),
    ("23505", .statement), ("57014", .statement), ("42601", .statement), ("53100", .statement),
  ])
  func `every SQLSTATE has its class`(sqlState: String, kind: PostgresError.Kind) {
    #expect(PostgresError.kind(sqlState: sqlState, isLost: false) == kind)
  }

  @Test func `a lost connection counts as one whatever was reported last`() {
    #expect(PostgresError.kind(sqlState: nil, isLost: true) == .connection)
    #expect(PostgresError.kind(sqlState: nil, isLost: false) == .statement)
    #expect(PostgresError.kind(sqlState: "XX000", isLost: true) == .connection)
  }

  @Test func `outages may be tried again, refusals not`() {
    func error(_ state: String) -> PostgresError {
      PostgresError(sqlState: state, kind: PostgresError.kind(sqlState: state, isLost: false), message: "")
    }
    #expect(["08006", "57P01", "40001", "53100", "53300", "08007"].allSatisfy { error($0).isRetriable })
    #expect(["23505", "22P02", "42P01", "57014"].allSatisfy { !error($0).isRetriable })
  }

  @Test func `a server that is not there is a connection error that names it`() {
    let error = postgresError { _ = try Connection("host=/nonexistent dbname=caredata") }
    #expect(error?.kind == .connection)
    #expect(error?.description.contains("/nonexistent") == true)
    #expect(error?.description.contains("\n") == false)
  }

  @Test func `a terminated backend is a lost connection and a new connection works`() throws {
    let connection = try TestCluster.connect()
    let error = postgresError { try terminate(connection) }
    #expect(error?.kind == .connection)
    #expect(error?.isRetriable == true)
    #expect(!connection.isUsable)
    #expect(postgresError { try connection.query("select 1") }?.kind == .connection)
    #expect(try TestCluster.connect().query("select $1", [.int(5)]).int(0, 0) == 5)
  }

  @Test func `a loss first met while a statement is prepared is a lost connection`() throws {
    let connection = try TestCluster.connect()
    let backend = try connection.query("select pg_backend_pid()").int(0, 0)
    try TestCluster.connect().query("select pg_terminate_backend($1::integer, 10000)", [.int(backend)])
    #expect(postgresError { try connection.query("select 'never prepared before'") }?.kind == .connection)
    #expect(!connection.isUsable)
  }

  @Test func `a backend terminated during COPY is a lost connection`() throws {
    let connection = try TestCluster.connect()
    try connection.execute("create temporary table cut (n bigint)")
    let backend = try connection.query("select pg_backend_pid()").int(0, 0)
    let error = postgresError {
      try connection.copyIn("copy cut from stdin (format binary)") { writer in
        for number in 0..<200_000 {
          writer.row(1)
          writer.int8(Int64(number))
          if number == 1000 {
            try TestCluster.connect().query("select pg_terminate_backend($1::integer, 10000)", [.int(backend)])
          }
        }
      }
    }
    #expect(error?.kind == .connection)
    #expect(!connection.isUsable)
  }

  @Test func `a closed connection refuses work`() throws {
    let connection = try TestCluster.connect()
    connection.close()
    connection.close()
    #expect(!connection.isUsable)
    #expect(postgresError { try connection.execute("select 1") }?.kind == .connection)
  }

  @Test func `names in the SQL are shown, a missing table says which`() throws {
    let connection = try TestCluster.connect()
    let error = postgresError { try connection.execute("select * from absent_table") }
    #expect(error?.sqlState == "42P01")
    #expect(error?.description.contains("absent_table") == true)
  }
}

@Suite struct ErrorTextTests {
  private static let planted = "9434765919"

  private func texts(_ error: PostgresError) -> String {
    var dumped = ""
    dump(error, to: &dumped)
    return "\(error) \(String(reflecting: error)) \(error.localizedDescription) \(dumped)"
  }

  @Test(arguments: [
    "insert into person values ('9434765919', 1)",
    "insert into person values ('9434765919', -1)",
    "insert into person values ('9434765919', null)",
    "insert into short values ('9434765919')",
    "insert into person values ('x', 1); insert into visit values ('9434765919')",
    "select '9434765919x'::bigint",
    "select '9434765919-99-99'::date",
    "select repeat('9434765919', 1)::jsonb -> 'a' -> '9434765919' || 'x{'::jsonb::text",
    "do $$ begin raise exception 'number 9434765919' using detail = '9434765919', hint = '9434765919'; end $$",
    "select (select '9434765919' from generate_series(1, 2))",
  ])
  func `no error of a statement quotes a value`(sql: String) throws {
    let connection = try TestCluster.connect()
    try connection.execute(
      """
      create temporary table person (number text constraint person_number primary key,
        n bigint not null constraint person_n check (n > 0));
      create temporary table visit (number text constraint visit_number references person);
      create temporary table short (number varchar(3));
      insert into person values ('9434765919', 1)
      """)
    if sql.contains("visit") { try connection.execute("delete from person") }
    let error = try #require(postgresError { try connection.execute(sql) })
    #expect(!texts(error).contains(Self.planted))
    #expect(error.sqlState != nil)
  }

  @Test func `a duplicate names table and constraint instead of the value`() throws {
    let connection = try TestCluster.connect()
    try connection.execute("create temporary table person (number text constraint person_number primary key)")
    let insert = "insert into person values ($1)"
    try connection.query(insert, [.text(Self.planted)])
    let error = try #require(postgresError { try connection.query(insert, [.text(Self.planted)]) })
    #expect(
      error.description
        == "PostgreSQL 23505: integrity constraint violation, table person, constraint person_number")
    let copied = try #require(
      postgresError {
        try connection.copyIn("copy person from stdin (format binary)") { writer in
          writer.row(1)
          writer.text(Self.planted)
        }
      })
    #expect(copied.sqlState == "23505")
    #expect(!texts(copied).contains(Self.planted))
  }

  @Test func `the search finds a value where one is shown`() throws {
    let connection = try TestCluster.connect()
    let error = try #require(postgresError { try connection.execute("select * from \"\(Self.planted)\"") })
    #expect(texts(error).contains(Self.planted))
  }

  @Test func `the server's log quotes neither values nor statements`() throws {
    let connection = try TestCluster.connect()
    let value = "9000000009"
    _ = postgresError { try connection.execute("select '\(value)x'::bigint") }
    _ = postgresError { try connection.query("select $1::bigint", [.text(value + "x")]) }
    try connection.execute("do $$ begin raise log 'planted in the log'; end $$")
    let log = try String(contentsOfFile: TestCluster.log, encoding: .utf8)
    #expect(log.contains("planted in the log"))
    #expect(!log.contains(value))
  }
}
