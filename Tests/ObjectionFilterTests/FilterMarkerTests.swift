import Contracts
import Cryptography
import Foundation
import StageKit
import Testing

@testable import ObjectionFilter

/// Why nothing may be released at a cut, and the objections that could not be used.
struct FilterMarkerTests {
  private let alice = TestMessages.token(1)
  private let missing = "no national list of objections has been loaded yet"

  private func markers(_ filter: TestFilter) throws -> [Marker] {
    try filter.permitted().filter { $0.kind == .marker }.map(\.marker)
  }

  private func mark(_ filter: TestFilter, _ cut: String, heldBy: [String] = []) throws {
    for partition in 0..<UInt32(TestFilter.partitions) {
      try filter.send(
        TestMessages.marker(cut, partition: partition, heldBy: heldBy), key: [], partition: Int32(partition))
    }
    try filter.run()
  }

  @Test func `with nothing amiss a marker goes on as it came, after what lies before it`() async throws {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.record(1, stamp: 1), key: alice.bytes)
    try mark(filter, "c1", heldBy: ["said at ingestion"])
    let out = try filter.permitted().filter { $0.kind == .record || $0.marker.validatedPartition == 0 }
    #expect(out.map(\.kind) == [.record, .marker])
    #expect(out[1].marker == TestMessages.marker("c1", partition: 0, heldBy: ["said at ingestion"]).marker)
  }

  @Test func `a stale list and held records are told with every marker, once`() async throws {
    let filter = try await TestFilter.make(nationalList: "7")
    try filter.send(TestMessages.record(1, stamp: 1), key: alice.bytes)
    try mark(filter, "c1", heldBy: [missing])
    let told = try markers(filter).sorted { $0.validatedPartition < $1.validatedPartition }
    #expect(told.map(\.heldBy) == [[missing, HeldRecords.reason], [missing]])
    #expect(told.allSatisfy { $0.regime == "type-1,type-2,national-list" })
    try filter.listDrawn(filter.now)
    try filter.run()
    try mark(filter, "c2")
    #expect(try markers(filter).filter { $0.cutID == "c2" }.map(\.heldBy) == [[], []])
  }

  @Test func `while held records are being decided a marker says so although the list is fresh`() async throws {
    let filter = try await TestFilter.make(nationalList: "7")
    try filter.send(TestMessages.record(1, stamp: 1), key: alice.bytes)
    try filter.run()
    // Another instance saw the list; this one starts again and gets the marker before its first turn between batches.
    try filter.database.query("insert into national_list (drawn_at) values ($1)", [.int(filter.now)])
    try filter.restart()
    try mark(filter, "c1")
    let told = try markers(filter).sorted { $0.validatedPartition < $1.validatedPartition }
    #expect(told.map(\.heldBy) == [[HeldRecords.reason], []])
    #expect(try filter.permitted().filter { $0.kind == .record }.count == 1)
  }

  @Test func `an objection that cannot be used blocks every cut until somebody has looked into it`() async throws {
    let filter = try await TestFilter.make()
    var broken = TestMessages.objection(.dissent, stamp: 1)
    broken.objection.origin = Data([1, 2, 3])
    try filter.send(broken, key: alice.bytes)
    // No notice at all, no key, no message.
    try filter.send(raw: [0x08, UInt8(Kind.objection.rawValue)], key: alice.bytes, partition: 1)
    try filter.send(TestMessages.objection(.dissent, stamp: 2), key: [1], partition: 1)
    try filter.send(raw: [0xFF], key: alice.bytes, partition: 1)
    // Of another kind, however broken, it is no objection.
    try filter.send(raw: [0x08, UInt8(Kind.record.rawValue)], key: alice.bytes, partition: 1)
    // What only the filter itself sends does not belong here.
    let withdrawal = Envelope.with {
      $0.kind = .withdrawal
      $0.withdrawal.token = Data(alice.bytes)
    }
    try filter.send(withdrawal, key: alice.bytes)
    try filter.run()
    try mark(filter, "c1")
    #expect(try filter.rejections().count == 6)
    #expect(try filter.number("select count(*) from rejected_objection") == 5)
    #expect(
      try markers(filter).map(\.heldBy) == [
        UnresolvedObjections.reasons(5, at: .objectionFilter), UnresolvedObjections.reasons(5, at: .objectionFilter),
      ])
    try filter.database.execute(
      "update rejected_objection set resolved_at = now(), resolved_by = 'operator', reason = 'sent again'")
    try mark(filter, "c2")
    #expect(try markers(filter).filter { $0.cutID == "c2" }.map(\.heldBy) == [[], []])
    try filter.redeliver()
    #expect(try filter.number("select count(*) from rejected_objection where resolved_at is null") == 0)
    // In another life of the broker the same places are other messages.
    try filter.database.execute("update rejected_objection set rejected_at = now() - interval '1 hour'")
    try filter.restart(incarnation: "second")
    try filter.redeliver()
    #expect(try filter.number("select count(*) from rejected_objection where resolved_at is null") == 5)
  }

  @Test func `a marker that cannot be read is put aside, so that its cut is never complete`() async throws {
    let filter = try await TestFilter.make()
    try filter.send(TestMessages.marker("", partition: 0), key: [], partition: 0)
    try filter.run()
    #expect(try markers(filter).isEmpty)
    #expect(try filter.rejections().map(\.code) == ["malformed"])
  }
}
