import Foundation
import Postgres
import Testing

@testable import Publication

@Suite struct FactStoreTests {
  @Test(arguments: [UInt64(1), 2, 3])
  func `messages in any order, repeated and in any batches end in the same rows`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var messages = (0..<60).flatMap { number in
      History.messages(of: number, using: &generator).map { batch($0) }
    }
    for number in 0..<7 where generator.chance(0.6) {
      let (all, stamp) = (generator.chance(0.5), Int64.random(in: 5...60, using: &generator))
      messages.append(withdrawal(1_000 + number, allSources: all, upTo: stamp))
      guard generator.chance(0.5) else { continue }
      let end = Int64.random(in: 5...60, using: &generator)
      messages.append(withdrawal(1_000 + number, allSources: all, upTo: end, inForce: false))
    }
    let undisturbed = try TestDatabase.connect()
    let store = try FactStore(undisturbed)
    for message in messages { try store.apply(message) }
    let expected = try undisturbed.content()
    #expect(expected.count > 60)

    for _ in 0..<3 {
      let database = try TestDatabase.connect()
      let store = try FactStore(database)
      var shuffled = messages + messages.filter { _ in generator.chance(0.3) }
      shuffled.shuffle(using: &generator)
      while !shuffled.isEmpty {
        let count = min(shuffled.count, Int.random(in: 1...40, using: &generator))
        try store.apply(shuffled.prefix(count).reduce(into: FactBatch()) { $0.add($1) })
        shuffled.removeFirst(count)
      }
      #expect(try database.content() == expected)
    }
  }

  @Test func `a withdrawal deletes the facts and keeps the row`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    try store.apply(batch(record(1, stamp: 10, withdrawal: 1), record(2, stamp: 10, withdrawal: 2)))
    try store.apply(withdrawal(1, upTo: 10))
    let rows = try database.query(
      """
      select state, version_time, extract_id, num_nonnulls(\(FactStore.factual.joined(separator: ", ")))
      from record order by withdrawal_token = $1 desc
      """, [.bytes(token(1).bytes)])
    #expect(rows.int(0, 0) == Int64(RecordState.withdrawn.rawValue))
    #expect(rows.int(0, 1) == 100)
    #expect(rows.text(0, 2) == "x1")
    #expect(rows.int(0, 3) == 0)
    #expect(rows.int(1, 0) == Int64(RecordState.live.rawValue))
    #expect(rows.int(1, 3) == 14, "all but the end of registration")
  }

  @Test func `a retraction deletes the facts`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    try store.apply(batch(record(1)))
    try store.apply(batch(record(1).retracted()))
    #expect(
      try database.lines(
        "select state || ' ' || num_nonnulls(\(FactStore.factual.joined(separator: ", "))) from record") == ["2 0"])
  }

  @Test func `a record stamped before an objection never becomes live, a later one does`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    try store.apply(withdrawal(9, upTo: 10))
    try store.apply(batch(record(1, stamp: 10, withdrawal: 9), record(2, stamp: 11, withdrawal: 9)))
    #expect(try Self.states(database) == [1: .withdrawn, 2: .live])
    try store.apply(batch(record(1, time: 200, stamp: 12, withdrawal: 9)))
    #expect(try Self.states(database) == [1: .live, 2: .live])
    try store.apply(withdrawal(9, upTo: 5))
    #expect(try Self.states(database) == [1: .live, 2: .live])
  }

  @Test func `an objection to general practice data leaves hospital records alone`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    let hospital = extract("h1", organisation: "RVV01", source: Sources.hospital)
    try store.apply(
      batch(record(1, stamp: 3, withdrawal: 9), record(2, stamp: 3, extract: hospital, withdrawal: 9)))
    try store.apply(withdrawal(9, allSources: false, upTo: 10))
    #expect(try Self.states(database) == [1: .withdrawn, 2: .live])
    try store.apply(withdrawal(9, upTo: 3))
    #expect(try Self.states(database) == [1: .withdrawn, 2: .withdrawn])
  }

  @Test func `a reassignment that comes first is kept and not accounted`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    try store.apply(batch(record(1).reassigned(to: 77, 5)))
    #expect(try Self.states(database) == [1: .stub])
    #expect(try database.query("select from extract_balance").count == 0)
    try store.apply(batch(record(1, person: 66, assignment: 4)))
    #expect(try Self.states(database) == [1: .live])
    let rows = try database.query("select person_id, assignment from record")
    #expect(rows.bytes(0, 0) == token(77).bytes)
    #expect(rows.int(0, 1) == 5)
  }

  // MARK: - Balance

  @Test func `an extract becomes balanced once, when its last record has come`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    try store.apply(batch(record(1), record(2)))
    try store.apply(admission(extract("x1"), records: 3))
    try store.apply(batch(record(1), record(2)))
    #expect(try database.announced() == [])
    try store.apply(batch(record(3)))
    #expect(try database.announced() == ["x1"])
    try store.apply(batch(record(1), record(2), record(3)))
    try store.apply(admission(extract("x1"), records: 3))
    #expect(try database.announced() == ["x1"])
    #expect(try database.lines("select accounted || '/' || admitted from extract_balance") == ["3/3"])
  }

  @Test func `a receipt that comes last balances its extract, also one without records`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    try store.apply(batch(record(1)))
    try store.apply(admission(extract("x1"), records: 1))
    try store.apply(admission(extract("x0", period: "2026-09"), records: 0))
    #expect(try database.announced() == ["x1", "x0"])
  }

  @Test func `excluded, rejected and withdrawn records are accounted like live ones`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    try store.apply(withdrawal(9, upTo: 10))
    var unreadable = record(3)
    unreadable.state = .rejected
    unreadable.facts = nil
    try store.apply(
      batch(
        record(1), record(2).retracted(.excluded, rank: .excluded, isCounted: true), unreadable,
        record(4, stamp: 4, withdrawal: 9)))
    try store.apply(withdrawal(1_001, upTo: 10))
    try store.apply(admission(extract("x1"), records: 4))
    #expect(try Self.states(database) == [1: .withdrawn, 2: .excluded, 3: .rejected, 4: .withdrawn])
    #expect(try database.announced() == ["x1"])
  }

  @Test func `what a correction retracts is not accounted to the correction`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    try store.apply(batch(record(1), record(2)))
    var absent = record(2, time: 200, extract: extract("x2")).retracted()
    absent.order.digest = 0
    try store.apply(batch(record(1, time: 200, extract: extract("x2")), absent))
    try store.apply(admission(extract("x2"), at: 200, records: 1))
    #expect(try database.announced() == ["x2"])
    #expect(
      try database.lines("select extract_id || ' ' || accounted from extract_balance order by extract_id")
        == ["x1 2", "x2 1"])
  }

  @Test func `two instances that handle the same batches at once account each record once`() throws {
    let schema = TestDatabase.freshSchema()
    let database = try TestDatabase.connect(schema: schema)
    let batches = (0..<20).map { part in batch((0..<50).map { record(part * 25 + $0) }) }
    let failures = LockedList()
    DispatchQueue.concurrentPerform(iterations: 2) { _ in
      do {
        let connection = try TestDatabase.connect(schema: schema)
        let store = try FactStore(connection)
        for batch in batches {
          while true {
            do {
              try store.apply(batch)
              break
            } catch let error as PostgresError where error.isRetriable {}
          }
        }
      } catch {
        failures.append("\(error)")
      }
    }
    #expect(failures.all == [])
    try FactStore(database).apply(admission(extract("x1"), records: 525))
    #expect(try database.lines("select accounted::text from extract_balance") == ["525"])
    #expect(try database.announced() == ["x1"])
  }

  @Test func `the retraction of a version that is counted deletes its facts and does not count again`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    // As linkage sends it when a record proves to be an objector's: the record's own header, so a numbered message.
    let suppressed = record(1).retracted(.excluded, rank: .excluded, isCounted: true)
    try store.apply(admission(extract("x1"), records: 2))
    try store.apply(batch(record(1)))
    for message in [suppressed, record(1), suppressed] { try store.apply(batch(message)) }
    #expect(try Self.states(database) == [1: .excluded])
    #expect(
      try database.lines(
        "select num_nonnulls(\(FactStore.factual.joined(separator: ", ")))::text from record") == ["0"])
    #expect(try database.lines("select accounted || '/' || admitted from extract_balance") == ["1/2"])
    #expect(try database.announced() == [])
    try store.apply(batch(record(2)))
    #expect(try database.announced() == ["x1"])
    // Admitted anew, it is there again.
    try store.apply(batch(record(1, time: 200, stamp: 5, extract: extract("x2"))))
    #expect(try Self.states(database) == [1: .live, 2: .live])
  }

  // MARK: - Cut

  @Test func `a cut is complete when the marks of every pair of partitions have come`() throws {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    let tags = (0..<3).flatMap { from in (0..<3).map { (from, $0) } }
    for (index, tag) in tags.enumerated() {
      let before = try ReleaseCut(id: "c", database: database).tags()
      #expect(before.tags == Int64(index) && before.total == (index == 0 ? 0 : 9))
      for _ in 0..<2 {
        var batch = FactBatch()
        batch.add(
          .init(cutID: "c", validatedPartition: Int64(tag.0), pseudonymisedPartition: Int64(tag.1), partitions: 3))
        try store.apply(batch)
      }
    }
    #expect(try ReleaseCut(id: "c", database: database).tags() == (9, 9))
    #expect(try ReleaseCut(id: "other", database: database).tags().tags == 0)
  }

  private static func states(_ database: Connection) throws -> [Int: RecordState] {
    let rows = try database.query("select record_id, state from record")
    return (0..<rows.count).reduce(into: [:]) { states, row in
      states[Int(Token(rows.bytes(row, 0)).low)] = RecordState(rawValue: Int16(rows.int(row, 1)))
    }
  }

  private struct Token {
    let low: UInt64
    init(_ bytes: [UInt8]) { low = bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) } }
  }
}

extension FactBatch {
  /// Adds everything that `other` says.
  mutating func add(_ other: FactBatch) {
    for change in other.records.changes { records.add(change) }
    for (scope, mark) in other.withdrawals { add(scope, mark) }
  }
}

private final class LockedList: @unchecked Sendable {
  private let lock = NSLock()
  private var items: [String] = []

  func append(_ item: String) { lock.withLock { items.append(item) } }
  var all: [String] { lock.withLock { items } }
}
