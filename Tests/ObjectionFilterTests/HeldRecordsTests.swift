import Contracts
import Cryptography
import Foundation
import Testing

@testable import ObjectionFilter

/// While the national list is missing or too old.
struct HeldRecordsTests {
  private let alice = TestMessages.token(1)
  private let bob = TestMessages.token(2)
  private let far = TestMessages.token(3, partition: 1)

  @Test func `without a list no record passes, while objections, exclusions and retractions flow on`() async throws {
    let filter = try await TestFilter.make(nationalList: "7")
    try filter.send(TestMessages.objection(.dissent, stamp: 1), key: alice.bytes)
    try filter.send(TestMessages.record(1, stamp: 2), key: alice.bytes)
    try filter.send(TestMessages.record(2, stamp: 3), key: bob.bytes)
    var retraction = TestMessages.record(0, stamp: 4)
    retraction.kind = .retraction
    try filter.send(retraction, key: bob.bytes)
    try filter.send(TestMessages.objection(.dissent, stamp: 5), key: bob.bytes)
    try filter.run()
    #expect(try filter.permitted().map(\.kind) == [.withdrawal, .retraction, .retraction, .withdrawal])
    #expect(try filter.number("select count(*) from held_record") == 1)
    #expect(filter.context.paused == "no national list of objections has been loaded yet")
    // Decided anew: bob has objected meanwhile.
    try filter.listDrawn(filter.now)
    try filter.run()
    #expect(filter.context.paused == nil)
    #expect(try filter.permitted().last?.reason == .type1)
    #expect(try filter.flow() == [0, 2, 0])
    #expect(try filter.number("select count(*) from held_record") == 0)
  }

  @Test func `held records go on in order and before newer ones, in bounded pieces`() async throws {
    let filter = try await TestFilter.make(nationalList: "7")
    filter.heldPiece = (rows: 3, bytes: 1 << 20)
    for number in 1...8 { try filter.send(TestMessages.record(UInt32(number), stamp: Int64(number)), key: alice.bytes) }
    try filter.send(TestMessages.record(1, stamp: 20), key: far.bytes)
    try filter.run()
    #expect(try filter.permitted().isEmpty)
    try filter.listDrawn(filter.now)
    // In the batch in which the list comes, and behind held records, everything is held still.
    for number in 9...10 {
      try filter.send(TestMessages.record(UInt32(number), stamp: Int64(number)), key: alice.bytes)
    }
    try filter.run()
    try filter.send(TestMessages.record(11, stamp: 11), key: alice.bytes)
    try filter.run()
    #expect(try filter.permitted().map(\.recordStamp).filter { $0 < 20 } == Array(1...11))
    #expect(try filter.permitted().count == 12)
    #expect(try filter.flow() == [12, 0, 0])
  }

  @Test func `a piece is bounded by bytes as well, and one record always fits`() async throws {
    let filter = try await TestFilter.make(nationalList: "7")
    for number in 1...4 { try filter.send(TestMessages.record(UInt32(number), stamp: Int64(number)), key: alice.bytes) }
    try filter.run()
    let held = HeldRecords(incarnation: "first")
    try held.load([0, 1], filter.database)
    #expect(held.partitions == [0])
    func piece(rows: Int, bytes: Int, deciding limit: Int = 10) throws -> (count: Int, rest: HeldRecords.Rest) {
      var count = 0
      let rest = try filter.database.transaction {
        try held.decide(0, rows: rows, bytes: bytes, filter.database) { _, _, _ in
          guard count < limit else { return false }
          count += 1
          return true
        } acknowledge: {
        }
      }
      return (count, rest)
    }
    #expect(try piece(rows: 10, bytes: 1) == (1, .some))
    #expect(try piece(rows: 10, bytes: 1 << 20, deciding: 0) == (0, .waiting))
    #expect(try piece(rows: 10, bytes: 1 << 20, deciding: 1) == (1, .waiting))
    #expect(try piece(rows: 1, bytes: 1 << 20) == (1, .some))
    #expect(try piece(rows: 10, bytes: 1 << 20) == (1, .none))
    #expect(try piece(rows: 10, bytes: 1 << 20) == (0, .none))
  }

  @Test func `an excluded record waits behind held ones, so that every number is counted`() async throws {
    let filter = try await TestFilter.make(nationalList: "7")
    try filter.send(TestMessages.objection(.dissent, stamp: 1), key: alice.bytes)
    try filter.send(TestMessages.record(1, stamp: 2), key: bob.bytes)
    try filter.send(TestMessages.record(2, stamp: 3), key: alice.bytes)
    try filter.run()
    #expect(try filter.flow() == [0, 0, 0])
    try filter.listDrawn(filter.now)
    try filter.run()
    #expect(try filter.flow() == [1, 1, 0])
    #expect(try filter.permitted().map(\.kind) == [.withdrawal, .record, .retraction])
  }

  @Test func `what was held while an objection came and ended again does not pass`() async throws {
    let filter = try await TestFilter.make(nationalList: "7")
    try filter.send(TestMessages.record(1, stamp: 1), key: alice.bytes)
    try filter.run()
    try filter.send(TestMessages.objection(.dissent, stamp: 2), key: alice.bytes)
    try filter.send(TestMessages.record(2, stamp: 3), key: alice.bytes)
    try filter.send(TestMessages.objection(.withdrawn, day: 19_001, stamp: 4), key: alice.bytes)
    try filter.send(TestMessages.record(3, stamp: 5), key: alice.bytes)
    try filter.run()
    try filter.listDrawn(filter.now)
    try filter.run()
    #expect(try filter.permitted().filter { $0.kind == .record }.map(\.recordStamp) == [5])
    #expect(try filter.flow() == [1, 2, 0])
  }

  @Test func `delivered again, a record is held once; in another life of the broker its place is another's`()
    async throws
  {
    let filter = try await TestFilter.make(nationalList: "7")
    for number in 1...3 { try filter.send(TestMessages.record(UInt32(number), stamp: Int64(number)), key: alice.bytes) }
    try filter.run()
    try filter.redeliver()
    try filter.restart()
    try filter.redeliver()
    #expect(try filter.number("select count(*) from held_record") == 3)
    try filter.restart(incarnation: "second")
    try filter.redeliver()
    #expect(try filter.number("select count(*) from held_record") == 6)
    try filter.listDrawn(filter.now)
    try filter.run()
    #expect(try filter.flow() == [3, 0, 0])
    #expect(try filter.number("select count(*) from held_record") == 0)
  }

  @Test func `a piece that was not committed is decided again, and counts once`() async throws {
    struct Crash: Error {}
    let filter = try await TestFilter.make(nationalList: "7")
    for number in 1...3 { try filter.send(TestMessages.record(UInt32(number), stamp: Int64(number)), key: alice.bytes) }
    try filter.run()
    let held = HeldRecords(incarnation: "first")
    var sent = 0
    #expect(throws: Crash.self) {
      try filter.database.transaction {
        _ = try held.decide(0, filter.database) { _, _, _ in
          sent += 1
          return true
        } acknowledge: {
          throw Crash()
        }
      }
    }
    #expect(sent == 3)
    try filter.restart()
    try filter.listDrawn(filter.now)
    try filter.run()
    #expect(try filter.permitted().map(\.recordStamp) == [1, 2, 3])
    #expect(try filter.flow() == [3, 0, 0])
  }

  @Test func `a list grows old by the clock alone, and the newest drawing counts`() async throws {
    let filter = try await TestFilter.make(nationalList: "7")
    let drawn = filter.now
    try filter.listDrawn(drawn)
    try filter.run()
    try filter.listDrawn(drawn - TestFilter.day)
    // Not believed: it would stay fresh for longer than it is.
    try filter.listDrawn(drawn + 2 * TestFilter.day)
    try filter.run()
    #expect(try filter.number("select drawn_at from national_list") == drawn)
    try filter.send(TestMessages.record(1, stamp: 1), key: alice.bytes)
    try filter.run()
    #expect(try filter.permitted().count == 1)
    filter.now = drawn + 8 * TestFilter.day
    try filter.send(TestMessages.record(2, stamp: 2), key: alice.bytes)
    try filter.run()
    #expect(try filter.permitted().count == 1)
    #expect(filter.context.paused?.contains("8 days old") == true)
    try filter.restart()
    try filter.work()
    #expect(filter.context.paused?.contains("8 days old") == true)
    // The receipt came to another instance.
    try filter.database.query("update national_list set drawn_at = $1", [.int(filter.now)])
    try filter.work()
    #expect(filter.context.paused == nil)
    #expect(try filter.permitted().count == 2)
  }

  @Test func `a list that a wrong clock has let in gives way to the next one`() async throws {
    let filter = try await TestFilter.make(nationalList: "7")
    let drawn = filter.now
    filter.now = drawn + 30 * TestFilter.day
    try filter.listDrawn(filter.now)
    try filter.run()
    filter.now = drawn
    try filter.send(TestMessages.record(1, stamp: 1), key: alice.bytes)
    try filter.run()
    #expect(filter.context.paused?.contains("in the future") == true)
    try filter.listDrawn(drawn)
    try filter.run()
    #expect(filter.context.paused == nil)
    #expect(try filter.number("select drawn_at from national_list") == drawn)
    #expect(try filter.permitted().count == 1)
  }

  @Test func `where no list is used nothing is held`() async throws {
    let filter = try await TestFilter.make(nationalList: "off")
    try filter.send(TestMessages.record(1, stamp: 1), key: alice.bytes)
    try filter.run()
    #expect(filter.context.paused == nil)
    #expect(try filter.permitted().map(\.kind) == [.record])
  }
}
