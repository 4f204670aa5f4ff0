import Clinical
import Contracts
import Cryptography
import Foundation
import Testing

@testable import ObjectionFilter

/// What goes in and what comes out, with the list of no concern.
struct FilterStageTests {
  private let alice = TestMessages.token(1)
  private let bob = TestMessages.token(2)

  @Test func `a record passes as it came, an objector's goes on as a retraction with its sealed identity`() async throws
  {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.objection(.dissent, stamp: 1), key: alice.bytes)
    let record = TestMessages.record(1, stamp: 2)
    try filter.send(record, key: alice.bytes)
    try filter.send(TestMessages.record(2, stamp: 3), key: bob.bytes)
    try filter.send(TestMessages.record(3, stamp: 4, source: .hospital), key: alice.bytes)
    try filter.run()
    let out = try filter.permitted()
    #expect(out.map(\.kind) == [.withdrawal, .retraction, .record, .record])
    #expect(out[1].reason == .type1 && out[1].header == record.header)
    #expect(out[1].identity == record.identity && out[1].clinical.isEmpty)
    #expect(out[2] == TestMessages.record(2, stamp: 3))
    #expect(try filter.flow() == [2, 1, 0])
  }

  @Test func `a Type 2 objection holds back every source, and a record without identity goes on without`() async throws
  {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.objection(.dissent, type: .objectionType2, stamp: 1), key: alice.bytes)
    try filter.send(TestMessages.record(1, stamp: 2, source: .hospital, identity: ""), key: alice.bytes)
    try filter.run()
    let out = try filter.permitted()
    #expect(out.map(\.kind) == [.withdrawal, .retraction])
    #expect(out[0].withdrawal.allSources && out[1].reason == .type2 && out[1].identity.isEmpty)
  }

  @Test func `each objection message tells what holds now: withdrawal in force, reinstatement once it has ended`()
    async throws
  {
    let filter = try await TestFilter.make()
    // Nobody has to be told of a withdrawal that ends nothing.
    try filter.send(TestMessages.objection(.withdrawn, day: 18_000, stamp: 1), key: alice.bytes)
    try filter.run()
    #expect(try filter.permitted().isEmpty)
    try filter.send(TestMessages.record(1, stamp: 7), key: bob.bytes)
    try filter.send(TestMessages.objection(.dissent, stamp: 5), key: alice.bytes)
    try filter.run()
    try filter.send(TestMessages.objection(.dissent, type: .objectionType2, stamp: 8), key: alice.bytes)
    try filter.send(TestMessages.objection(.withdrawn, day: 19_001, stamp: 9), key: alice.bytes)
    try filter.run()
    let out = try filter.permitted().filter { $0.kind != .record }
    let told = out.map { [$0.kind.rawValue, $0.withdrawal.allSources ? 2 : 1] }
    let (withdrawal, reinstatement) = (Kind.withdrawal.rawValue, Kind.reinstatement.rawValue)
    #expect(told == [[withdrawal, 1], [withdrawal, 1], [withdrawal, 2], [reinstatement, 1], [withdrawal, 2]])
    // Raised to the highest stamp of the partition at the dissent, and to its own at the end.
    #expect(out.map(\.withdrawal.erasedStamp) == [7, 7, 8, 9, 8])
    #expect(out.map(\.withdrawal.stamp) == [5, 5, 8, 9, 8])
    #expect(out.allSatisfy { $0.withdrawal.token == Data(alice.bytes) })
  }

  @Test func `objections and records of one batch are decided in their order`() async throws {
    let filter = try await TestFilter.make()
    for envelope in [
      TestMessages.record(1, stamp: 1), TestMessages.objection(.dissent, stamp: 2), TestMessages.record(2, stamp: 3),
      TestMessages.objection(.withdrawn, day: 19_001, stamp: 4), TestMessages.record(3, stamp: 5),
    ] {
      try filter.send(envelope, key: alice.bytes)
    }
    try filter.run()
    #expect(
      try filter.permitted().map(\.kind) == [.record, .withdrawal, .retraction, .reinstatement, .record])
  }

  @Test func `another process goes on with what the tables say, and what comes again changes nothing`() async throws {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.objection(.dissent, stamp: 1, recordedAt: filter.now), key: alice.bytes)
    try filter.send(TestMessages.objection(.dissent, type: .objectionType2, stamp: 2), key: bob.bytes)
    try filter.send(TestMessages.objection(.withdrawn, type: .objectionType2, day: 19_001, stamp: 3), key: bob.bytes)
    try filter.run()
    let subjects = try subjects(filter)
    #expect(subjects == ["t f 1 0 1 0", "f f 0 3 0 3"])
    try filter.restart()
    try filter.send(TestMessages.record(1, stamp: 4), key: alice.bytes)
    try filter.send(TestMessages.record(2, stamp: 3), key: bob.bytes)
    try filter.send(TestMessages.record(3, stamp: 5), key: bob.bytes)
    try filter.run()
    #expect(try filter.permitted().suffix(3).map(\.kind) == [.retraction, .retraction, .record])
    try filter.restart()
    try filter.redeliver()
    #expect(try self.subjects(filter) == subjects)
    #expect(try filter.flow() == [1, 2, 0])
    #expect(try filter.number("select sum(applied)::bigint from objection_day") == 3)
    #expect(try filter.number("select sum(excluded)::bigint from objection_day") == 2)
    #expect(try filter.number("select sum(type1 + type2)::bigint from exclusion") == 2)
    // The newer state is told, whichever message comes again.
    let last = try filter.permitted().suffix(6)
    #expect(last.map(\.kind) == [.withdrawal, .reinstatement, .reinstatement, .retraction, .retraction, .record])
  }

  private func subjects(_ filter: TestFilter) throws -> [String] {
    let rows = try filter.database.query(
      """
      select concat_ws(' ', type1, type2, erased_from_gp, erased_from_all, gp_stamp, all_stamp)
      from subject order by token
      """)
    return (0..<rows.count).map { rows.text($0, 0) }
  }

  @Test func `statements count for the organisation and the day on which they were recorded, exclusions for today`()
    async throws
  {
    let filter = try await TestFilter.make()
    let yesterday = filter.now - TestFilter.day
    try filter.send(
      TestMessages.objection(.dissent, stamp: 1, organisation: "national", recordedAt: yesterday), key: alice.bytes)
    try filter.send(TestMessages.objection(.dissent, stamp: 2, origin: 2, recordedAt: filter.now), key: alice.bytes)
    try filter.send(TestMessages.record(1, stamp: 3, organisation: "A81002"), key: alice.bytes)
    try filter.run()
    let rows = try filter.database.query(
      "select organisation, day - date '1970-01-01', applied, excluded from objection_day order by organisation")
    let found = (0..<rows.count).map { row in
      "\(rows.text(row, 0)) \(rows.int(row, 1)) \(rows.int(row, 2)) \(rows.int(row, 3))"
    }
    let today = CalendarDate(microseconds: filter.now).day
    #expect(found == ["A81001 \(today) 1 0", "A81002 \(today) 0 1", "national \(today - 1) 1 0"])
  }

  @Test func `a record without a routing token is put aside and counted`() async throws {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.record(1, stamp: 1), key: [1, 2, 3], partition: 0)
    try filter.send(TestMessages.record(2, stamp: 2), key: alice.bytes)
    try filter.run()
    #expect(try filter.rejections().map(\.code) == ["missing_field"])
    #expect(try filter.flow() == [1, 0, 1])
  }
}
