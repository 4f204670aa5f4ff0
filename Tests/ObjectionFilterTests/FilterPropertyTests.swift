import Contracts
import Cryptography
import Foundation
import Testing

@testable import ObjectionFilter

/// The stage as a whole against the oracle, over random interleavings of many people's messages.
struct FilterPropertyTests {
  private struct Sent {
    let token: Token16
    let event: StreamEvent
  }

  /// A record is live downstream when it passed and no withdrawal or reinstatement has erased it since.
  private func live(_ out: [Envelope]) -> Set<Int64> {
    struct Scope: Hashable {
      let token: Data
      let allSources: Bool
    }
    var erased: [Scope: (stamp: Int64, isInForce: Bool, of: Int64)] = [:]
    for one in out where one.kind == .withdrawal || one.kind == .reinstatement {
      let scope = Scope(token: one.withdrawal.token, allSources: one.withdrawal.allSources)
      guard one.withdrawal.stamp >= (erased[scope]?.of ?? 0) else { continue }
      erased[scope] = (
        max(erased[scope]?.stamp ?? 0, one.withdrawal.erasedStamp), one.kind == .withdrawal, one.withdrawal.stamp
      )
    }
    var live: Set<Int64> = []
    for one in out where one.kind == .record {
      guard let header = try? Header(serializedBytes: one.header) else { continue }
      let scopes = [true, false].filter { $0 || header.source == .gp }.compactMap {
        erased[Scope(token: one.clinical, allSources: $0)]
      }
      if scopes.allSatisfy({ !$0.isInForce && header.stamp > $0.stamp }) { live.insert(header.stamp) }
    }
    return live
  }

  private func expected(_ sent: [Sent]) -> Set<Int64> {
    var oracles: [Token16: SubjectOracle] = [:]
    for one in sent { oracles[one.token, default: SubjectOracle()].history.append(one.event) }
    var live: Set<Int64> = []
    for one in sent {
      guard case .record(let source, let stamp) = one.event, let oracle = oracles[one.token] else { continue }
      if oracle.judgement.passes(source: source, stamp: stamp) { live.insert(stamp) }
    }
    return live
  }

  private func envelope(_ one: Sent, number: UInt32) -> Envelope {
    switch one.event {
    case .record(let source, let stamp):
      var record = TestMessages.record(number, stamp: stamp, source: source)
      // So that the checker knows whose it is.
      record.clinical = Data(one.token.bytes)
      return record
    case .statement(let said):
      return TestMessages.objection(
        said.decision, type: said.type, day: said.day, stamp: said.stamp, origin: said.origin.high,
        retracted: said.isRetracted)
    }
  }

  private func messages(_ generator: inout SeededGenerator) -> [Sent] {
    (1...240).map { stamp in
      let token = TestMessages.token(
        UInt64.random(in: 1...12, using: &generator), partition: UInt64.random(in: 0...1, using: &generator))
      guard Int.random(in: 0..<3, using: &generator) == 0 else {
        return Sent(
          token: token,
          event: .record(source: Bool.random(using: &generator) ? .gp : .hospital, stamp: Int64(stamp)))
      }
      return Sent(
        token: token,
        event: .statement(
          Statement(
            origin: Token16(high: UInt64.random(in: 1...2, using: &generator), low: 0),
            type: Bool.random(using: &generator) ? .objectionType1 : .objectionType2,
            decision: Int.random(in: 0..<5, using: &generator) < 3 ? .withdrawn : .dissent,
            day: [nil, 19_000, 19_001, 19_002].randomElement(using: &generator)!, stamp: Int64(stamp),
            isRetracted: Int.random(in: 0..<6, using: &generator) == 0)))
    }
  }

  private func run(_ sent: [Sent], _ filter: TestFilter, _ generator: inout SeededGenerator) throws {
    var numbers: [Int32: UInt32] = [:]
    for one in sent {
      let partition = filter.layout.partition(of: one.token.bytes)
      if case .record = one.event { numbers[partition, default: 0] += 1 }
      try filter.send(envelope(one, number: numbers[partition, default: 0]), key: one.token.bytes)
      switch Int.random(in: 0..<40, using: &generator) {
      case 0, 1, 2: try filter.run()
      case 3: try filter.restart()
      case 4:
        try filter.restart()
        try filter.redeliver()
      case 5: filter.now += 8 * TestFilter.day
      case 6: try filter.listDrawn(filter.now)
      default: break
      }
    }
    try filter.listDrawn(filter.now)
    try filter.run()
    try filter.work()
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `held, restarted and redelivered as may be, just those records live on that the whole history lets live`(
    seed: UInt64
  ) async throws {
    var generator = SeededGenerator(seed: seed)
    let filter = try await TestFilter.make(nationalList: "7")
    filter.heldPiece = (rows: 5, bytes: 1 << 20)
    let sent = messages(&generator)
    try run(sent, filter, &generator)
    let live = live(try filter.permitted())
    #expect(live == expected(sent))
    #expect(!live.isEmpty)
    let records = sent.count { if case .record = $0.event { true } else { false } }
    #expect(try filter.flow().reduce(0, +) == Int64(records))
    #expect(try filter.number("select count(*) from held_record") == 0)
  }

  @Test func `one dissent dropped on the way is found out`() async throws {
    var generator = SeededGenerator(seed: 1)
    let sent = messages(&generator)
    let wanted = expected(sent)
    let dissents = sent.indices.filter {
      if case .statement(let said) = sent[$0].event { said.decision == .dissent } else { false }
    }
    let planted = try #require(
      dissents.first { index in
        var fewer = sent
        fewer.remove(at: index)
        return expected(fewer) != wanted
      })
    var fewer = sent
    fewer.remove(at: planted)
    let filter = try await TestFilter.make(nationalList: "7")
    try run(fewer, filter, &generator)
    #expect(live(try filter.permitted()) != wanted)
  }
}
