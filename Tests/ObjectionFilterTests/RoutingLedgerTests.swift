import Contracts
import Cryptography
import Testing

@testable import ObjectionFilter

/// A routing key is replaced: everybody has another token, in another partition, and all objections are stated again.
@Suite struct RoutingLedgerTests {
  private let former = TestMessages.token(1)
  private let new = TestMessages.token(2, partition: 1)

  private func under(_ version: UInt32, _ envelope: Envelope) -> Envelope {
    var envelope = envelope
    envelope.routingVersion = version
    return envelope
  }

  private func sendLedger(_ version: UInt32, _ filter: TestFilter) throws {
    let ledger = under(version, Envelope.with { $0.kind = .ledger })
    for partition in 0..<Int32(TestFilter.partitions) { try filter.send(ledger, key: [1], partition: partition) }
  }

  private func kinds(_ filter: TestFilter) throws -> [Kind] { try filter.permitted().map(\.kind) }

  @Test func `a record under a new key waits for the ledger, and is judged by the objections before it`() async throws {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.objection(.dissent, stamp: 1), key: former.bytes)
    try filter.run()
    #expect(try kinds(filter) == [.withdrawal])
    let indifferent = TestMessages.token(3, partition: 1)
    try filter.send(under(2, TestMessages.record(1, stamp: 10)), key: new.bytes)
    try filter.send(under(2, TestMessages.record(2, stamp: 11)), key: indifferent.bytes)
    try filter.send(TestMessages.marker("early", partition: 1), key: [9], partition: 1)
    try filter.run()
    #expect(try kinds(filter) == [.withdrawal, .marker])
    #expect(try filter.permitted().last?.marker.heldBy == [HeldRecords.reason])
    #expect(try filter.number("select count(*) from held_record") == 2)
    try filter.restart()
    try filter.work()
    #expect(try kinds(filter).count == 2)

    try filter.send(under(2, TestMessages.objection(.dissent, stamp: 1)), key: new.bytes)
    try filter.run()
    #expect(try kinds(filter).count == 2)
    try sendLedger(2, filter)
    try filter.run()
    let came = try filter.permitted().dropFirst(2)
    #expect(Set(came.map(\.kind)) == [.withdrawal, .retraction, .record] && came.count == 3)
    #expect(came.allSatisfy { $0.routingVersion == 2 })
    #expect(came.first { $0.kind == .record }?.recordStamp == 11)
    #expect(came.first { $0.kind == .withdrawal }?.withdrawal.erasedStamp == 11)
    #expect(try filter.flow() == [1, 1, 0])
    // Applied once, however often it is stated.
    #expect(try filter.number("select sum(applied)::bigint from objection_day") == 1)
  }

  @Test func `a ledger that comes again tells again, in a new life of the broker it does not`() async throws {
    let filter = try await TestFilter.make()
    try filter.send(under(2, TestMessages.objection(.dissent, stamp: 1)), key: new.bytes)
    try sendLedger(2, filter)
    try filter.run()
    #expect(try kinds(filter) == [.withdrawal])
    try filter.redeliver()
    // Once for the statement, which is behind its ledger now, and once for the ledger.
    #expect(try kinds(filter).count == 3)
    try filter.restart(incarnation: "second")
    try sendLedger(2, filter)
    try filter.run()
    #expect(try kinds(filter).count == 3)
  }

  @Test func `nothing erases on the way that was not in force at the end`() async throws {
    let filter = try await TestFilter.make()
    // The withdrawal has replaced an earlier one of the same origin, so the dissent of the other never held.
    try filter.send(under(2, TestMessages.objection(.dissent, day: 10, stamp: 200, origin: 2)), key: new.bytes)
    try filter.send(under(2, TestMessages.objection(.withdrawn, day: 20, stamp: 300, origin: 1)), key: new.bytes)
    try sendLedger(2, filter)
    try filter.send(under(2, TestMessages.record(1, stamp: 250)), key: new.bytes)
    try filter.run()
    let came = try filter.permitted()
    #expect(Set(came.map(\.kind)) == [.reinstatement, .record])
    #expect(came.first { $0.kind == .reinstatement }?.withdrawal.erasedStamp == 0)
  }

  @Test func `what was said under the former key goes when nothing from before the ledger can come again`() async throws
  {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.objection(.dissent, stamp: 1), key: former.bytes)
    try filter.send(TestMessages.record(1, stamp: 2), key: former.bytes)
    try filter.send(under(2, TestMessages.objection(.dissent, stamp: 1)), key: new.bytes)
    try sendLedger(2, filter)
    try filter.run()
    // As after a crash before its offset was committed.
    try filter.restart()
    try filter.redeliver()
    #expect(try !kinds(filter).contains(.record))
    #expect(try filter.number("select count(*) from subject where routing_version = 1") == 1)

    for token in [former, new] {
      try filter.send(
        under(2, TestMessages.record(2, stamp: 5)), key: TestMessages.token(7, partition: token == new ? 1 : 0).bytes)
    }
    try filter.run()
    #expect(try filter.number("select count(*) from subject") == 1)
    #expect(try filter.number("select count(*) from statement where routing_version = 1") == 0)
    // Nobody knows any more whether its person objects.
    try filter.send(TestMessages.record(3, stamp: 6), key: former.bytes)
    // Under the key in use it is known, also to another process.
    try filter.restart()
    try filter.send(under(2, TestMessages.record(4, stamp: 7)), key: new.bytes)
    try filter.run()
    #expect(try filter.rejections().map(\.code) == ["outdated_routing_key"])
    #expect(try filter.permitted().filter { $0.kind == .record }.map(\.recordStamp) == [5, 5])
    #expect(try filter.permitted().last?.kind == .retraction)
  }

  @Test func `a ledger of a former key that comes late changes nothing`() async throws {
    let filter = try await TestFilter.make()
    try sendLedger(3, filter)
    try sendLedger(2, filter)
    try filter.run()
    try filter.send(under(3, TestMessages.record(1, stamp: 2)), key: new.bytes)
    try filter.run()
    #expect(try kinds(filter) == [.record])
    #expect(try filter.number("select min(version) from routing_ledger") == 3)
  }
}
