import Testing

@testable import Postgres

@Suite struct TransactionTests {
  private struct Planted: Error {}

  private func connectionWithTable() throws -> Connection {
    let connection = try TestCluster.connect()
    try connection.execute("create temporary table kept (n bigint primary key)")
    return connection
  }

  private func count(_ connection: Connection) throws -> Int64 {
    try connection.query("select count(*) from kept").int(0, 0)
  }

  @Test func `a body that returns is committed and its value handed on`() throws {
    let connection = try connectionWithTable()
    let value = try connection.transaction {
      try connection.query("insert into kept values ($1)", [.int(1)])
      return "done"
    }
    #expect(value == "done")
    #expect(!connection.isInTransaction)
    #expect(try count(connection) == 1)
  }

  @Test func `a body that throws is rolled back and its error handed on`() throws {
    let connection = try connectionWithTable()
    #expect(throws: Planted.self) {
      try connection.transaction {
        try connection.query("insert into kept values ($1)", [.int(1)])
        throw Planted()
      }
    }
    #expect(!connection.isInTransaction)
    #expect(try count(connection) == 0)
  }

  @Test func `a statement that fails rolls the transaction back`() throws {
    let connection = try connectionWithTable()
    let error = postgresError {
      try connection.transaction {
        try connection.execute("insert into kept values (1)")
        try connection.execute("insert into kept values (1)")
      }
    }
    #expect(error?.sqlState == "23505")
    #expect(try count(connection) == 0)
  }

  @Test func `a body that swallows a failed statement is not taken for committed`() throws {
    let connection = try connectionWithTable()
    let error = postgresError {
      try connection.transaction {
        try connection.execute("insert into kept values (1)")
        try? connection.execute("insert into kept values (1)")
      }
    }
    #expect(error?.sqlState == "25P02")
    #expect(error?.isRetriable == false)
    #expect(try count(connection) == 0)
  }

  @Test func `transactions do not nest`() throws {
    let connection = try connectionWithTable()
    let error = postgresError { try connection.transaction { try connection.transaction {} } }
    #expect(error?.sqlState == "25001")
    #expect(!connection.isInTransaction)
  }

  @Test func `the loser of two concurrent updates may try again`() throws {
    let schema = freshSchema()
    let (winner, loser) = (try TestCluster.connect(), try TestCluster.connect())
    try winner.execute("create schema \(schema); create table \(schema).counter as select 1 as n")
    let error = postgresError {
      try loser.transaction {
        try loser.execute("set transaction isolation level repeatable read")
        try loser.query("select n from \(schema).counter")
        try winner.execute("update \(schema).counter set n = 2")
        try loser.execute("update \(schema).counter set n = 3")
      }
    }
    #expect(error?.kind == .serialisation)
    #expect(error?.isRetriable == true)
    #expect(loser.isUsable && !loser.isInTransaction)
  }

  @Test func `a connection lost inside the body is a lost connection, not an unknown outcome`() throws {
    let connection = try connectionWithTable()
    let error = postgresError {
      try connection.transaction { try terminate(connection) }
    }
    #expect(error?.kind == .connection)
    #expect(postgresError { try connection.transaction {} }?.kind == .connection)
  }

  @Test func `a connection lost while COMMIT is under way leaves the outcome unknown`() throws {
    let connection = try connectionWithTable()
    try connection.execute(
      """
      create function pg_temp.cut() returns trigger language plpgsql as
        $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
      create constraint trigger cut after insert on kept deferrable initially deferred
        for each row execute function pg_temp.cut();
      """)
    let error = postgresError { try connection.transaction { try connection.execute("insert into kept values (1)") } }
    #expect(error?.kind == .unknownOutcome)
    #expect(error?.description.contains("not known whether") == true)
    #expect(!connection.isUsable)
  }
}

/// Ends the server's side of `connection` and lets `connection` notice.
func terminate(_ connection: Connection) throws {
  let backend = try connection.query("select pg_backend_pid()").int(0, 0)
  let answer = try TestCluster.connect().query("select pg_terminate_backend($1::integer, 10000)", [.int(backend)])
  #expect(answer.bool(0, 0))
  try connection.execute("select 1")
}
