import Kafka
import Postgres
import Testing

@testable import StageKit

struct FlowCounterTests {
  private let database: Connection

  init() throws { database = try TestDatabase.connect() }

  private typealias Counted = (extract: String, partition: Int32, number: UInt32, outcome: FlowCounter.Outcome)

  /// One batch as a stage runs it.
  private func run(_ batch: [Counted], _ counter: FlowCounter, commits: Bool = true) throws {
    for record in batch {
      _ = try Array(record.extract.utf8).withUnsafeBytes {
        try counter.count(
          extract: $0, partition: record.partition, number: record.number, as: record.outcome, database: database)
      }
    }
    guard commits else {
      struct Lost: Error {}
      try? database.transaction {
        try counter.store(database)
        throw Lost()
      }
      return
    }
    try database.transaction { try counter.store(database) }
    counter.stored()
  }

  private func sums() throws -> [Int64] {
    let rows = try database.query(
      "select sum(passed)::bigint, sum(excluded)::bigint, sum(rejected)::bigint from flow")
    return (0..<3).map { rows.int(0, $0) }
  }

  private func batch(_ numbers: ClosedRange<UInt32>, partition: Int32 = 0) -> [Counted] {
    numbers.map { ("e1", partition, $0, $0 % 3 == 0 ? .excluded : $0 % 5 == 0 ? .rejected : .passed) }
  }

  @Test func `every record counts once, however often and in whatever batches it is delivered`() throws {
    let counter = FlowCounter()
    try run(batch(1...10), counter)
    try run(batch(5...15), counter)
    try run(batch(1...15), counter)
    #expect(try sums() == [8, 5, 2])
  }

  @Test func `another instance goes on where the table says`() throws {
    try run(batch(1...10), FlowCounter())
    try run(batch(4...15), FlowCounter())
    #expect(try sums() == [8, 5, 2])
  }

  @Test func `a batch that was not committed counts when it comes again`() throws {
    let counter = FlowCounter()
    try run(batch(1...10), counter)
    try run(batch(11...15), counter, commits: false)
    counter.forget()
    try run(batch(11...15), counter)
    #expect(try sums() == [8, 5, 2])
  }

  @Test func `partitions and extracts are counted apart`() throws {
    let counter = FlowCounter()
    try run(batch(1...15, partition: 0) + batch(1...15, partition: 1), counter)
    try run([("e2", 0, 1, .passed), ("e1", 0, 16, .passed), ("e2", 0, 2, .passed)], counter)
    #expect(try sums() == [19, 10, 4])
    #expect(try database.query("select 1 from flow").count == 3)
  }

  @Test func `without anything new there is nothing to store`() throws {
    let counter = FlowCounter()
    try run(batch(1...3), counter)
    let before = try database.query("select xmin::text from flow").text(0, 0)
    try run(batch(1...3), counter)
    #expect(try database.query("select xmin::text from flow").text(0, 0) == before)
  }
}

struct StreamStartTableTests {
  private let place = TopicPartition(topic: "caredata.validated", partition: 3)

  @Test func `a partition committed before and without an offset now is an error, in this life of the broker only`()
    throws
  {
    let database = try TestDatabase.connect()
    let first = StreamStart(incarnation: "one")
    #expect(try first.check([place], committed: [:], database: database).isEmpty)
    try first.remember([place], database: database)
    try first.remember([place], database: database)
    #expect(try first.check([place], committed: [place: 5], database: database) == [place])
    let error = try #require(throws: StageError.self) {
      _ = try first.check([place], committed: [:], database: database)
    }
    #expect(error.code == .offsetLost && error.description.contains("caredata.validated/3"))
    #expect(try StreamStart(incarnation: "two").check([place], committed: [:], database: database).isEmpty)
  }
}
