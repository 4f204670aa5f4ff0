import Contracts
import Cryptography
import Foundation
import Testing

@testable import ObjectionFilter

struct DispositionTests {
  private let alice = TestMessages.token(1)
  private let bob = TestMessages.token(2)
  private let far = TestMessages.token(3, partition: 1)

  @Test func `once every admitted record is decided there is one disposition, with small numbers masked`() async throws
  {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.admitted("e1", records: 15))
    try filter.send(TestMessages.objection(.dissent, stamp: 1), key: alice.bytes)
    try filter.send(TestMessages.objection(.dissent, type: .objectionType2, stamp: 2), key: far.bytes)
    for number in UInt32(1)...8 { try filter.send(TestMessages.record(number, stamp: 3), key: alice.bytes) }
    for number in UInt32(1)...6 { try filter.send(TestMessages.record(number, stamp: 3), key: far.bytes) }
    try filter.run()
    #expect(try filter.receipts(.disposition).isEmpty)
    try filter.send(TestMessages.record(9, stamp: 4), key: bob.bytes)
    try filter.run()
    let receipt = try #require(try filter.receipts(.disposition).first)
    #expect(receipt.id == "e1" && receipt.organisation == "A81001" && receipt.period == "2026-10")
    #expect(receipt.source == .gp)
    #expect(receipt.excluded == ["type-1": "10", "type-2": "*"])
    #expect(receipt.recordsAdmitted == 0, "who passed would tell who did not")
    // Neither redelivery nor another process makes a second one.
    try filter.send(TestMessages.admitted("e1", records: 15))
    try filter.redeliver()
    try filter.restart()
    try filter.redeliver()
    #expect(try filter.receipts(.disposition).count == 1)
  }

  @Test func `the admission may come after the records, or to another process`() async throws {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.record(1, stamp: 1), key: alice.bytes)
    try filter.run()
    try filter.restart()
    try filter.send(TestMessages.admitted("e1", records: 1), asJSON: true)
    try filter.send(TestMessages.admitted("empty", records: 0))
    try filter.run()
    #expect(Set(try filter.receipts(.disposition).map(\.id)) == ["e1", "empty"])
    #expect(try filter.receipts(.disposition).allSatisfy { $0.excluded == ["type-1": "0", "type-2": "0"] })
    // A connector that writes JSON is answered in it: the admission and the disposition.
    #expect(try filter.rawReceipts().filter { $0.first == UInt8(ascii: "{") }.count == 2)
  }

  @Test func `held records are not decided yet, rejected ones are`() async throws {
    let filter = try await TestFilter.make(nationalList: "7")
    try filter.send(TestMessages.admitted("e1", records: 2))
    try filter.send(TestMessages.record(1, stamp: 1), key: [1], partition: 0)
    try filter.send(TestMessages.record(2, stamp: 2), key: alice.bytes)
    try filter.run()
    #expect(try filter.receipts(.disposition).isEmpty)
    try filter.listDrawn(filter.now)
    try filter.run()
    try filter.work()
    #expect(try filter.receipts(.disposition).count == 1)
  }

  @Test func `a disposition goes into the outbox once, however often it is looked for`() async throws {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.admitted("e1", records: 0))
    try filter.run()
    let sent = try filter.number("select count(*) from disposition where sent_at is not null")
    #expect(sent == 1)
    try filter.database.execute("update disposition set sent_at = null")
    let dispositions = Dispositions(layout: filter.layout)
    try dispositions.check(filter.database)
    try dispositions.check(filter.database)
    #expect(try filter.number("select count(*) from outbox") == 1)
  }
}
