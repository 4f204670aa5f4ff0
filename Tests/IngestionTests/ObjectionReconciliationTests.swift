import Contracts
import Cryptography
import Testing

@testable import Ingestion

struct ObjectionReconciliationTests {
  private static let origin = Token16(high: 99, low: 0)

  private static func token(_ number: UInt64) -> Token16 { Token16(high: number, low: 0) }

  private static func apply(_ changes: [LedgerEntry], to ledger: inout [LedgerEntry]) {
    for change in changes {
      ledger.removeAll {
        $0.origin == change.origin && $0.token == change.token && $0.decision.type == change.decision.type
      }
      ledger.append(change)
    }
  }

  /// Where the origin speaks now: token and decision of everything that is not retracted.
  private static func spoken(_ ledger: [LedgerEntry]) -> Set<String> {
    Set(
      ledger.filter { !$0.isRetracted }.map {
        "\($0.token.high)/\($0.decision.type)/\($0.decision.decision)/\($0.decision.day ?? -1)"
      })
  }

  private static func decisions(_ generator: inout SeededGenerator) -> [Decision] {
    let all = [ObjectionType.objectionType1, .objectionType2].map { type in
      Decision(
        type: type, decision: Bool.random(using: &generator) ? .dissent : .withdrawn,
        day: Bool.random(using: &generator) ? 19_000 : nil)
    }
    return Array(all.prefix(Int.random(in: 1...2, using: &generator)))
  }

  private static func tokens(_ generator: inout SeededGenerator) -> Set<Token16> {
    Set((0..<Int.random(in: 0...2, using: &generator)).map { _ in token(UInt64.random(in: 1...4, using: &generator)) })
  }

  /// Feeds a random history and returns the first property that fails.
  private static func firstFault(
    seed: UInt64, changes: (ObjectionReconciliation.Need, Bool) -> [LedgerEntry]
  ) -> String? {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<300 {
      var ledger: [LedgerEntry] = []
      let types = decisions(&generator)
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let current = types.map {
          Decision(type: $0.type, decision: Bool.random(using: &generator) ? .dissent : .withdrawn, day: $0.day)
        }
        let need = ObjectionReconciliation.Need(
          origin: origin, decisions: current, liveTokens: tokens(&generator), extraTokens: tokens(&generator),
          ledger: ledger)
        let isAdmission = Bool.random(using: &generator)
        let before = spoken(ledger)
        apply(changes(need, isAdmission), to: &ledger)
        let after = spoken(ledger)
        let wanted = need.liveTokens.union(need.extraTokens)
        let expected = Set(
          wanted.flatMap { token in
            current.map { "\(token.high)/\($0.type)/\($0.decision)/\($0.day ?? -1)" }
          })
        guard expected.isSubset(of: after) else { return "a token does not hear a decision" }
        let retracts = isAdmission && !need.liveTokens.isEmpty
        if retracts, after != expected { return "a token still hears what no longer belongs to it" }
        let places = { (spoken: Set<String>) in Set(spoken.map { $0.split(separator: "/").prefix(2).joined() }) }
        if !retracts, !places(before).isSubset(of: places(after)) { return "retracted without knowing that it moved" }
        let again = changes(
          .init(
            origin: origin, decisions: current, liveTokens: need.liveTokens, extraTokens: need.extraTokens,
            ledger: ledger), isAdmission)
        if !again.isEmpty { return "the same need gives changes twice" }
      }
    }
    return nil
  }

  @Test(arguments: [UInt64(1), 2, 3, 4, 5])
  func `every token hears the decisions of its origin and no other token keeps them`(seed: UInt64) {
    #expect(Self.firstFault(seed: seed, changes: ObjectionReconciliation.changes) == nil)
  }

  @Test func `a reconciliation that never retracts is found out`() {
    let planted = Self.firstFault(seed: 1) { need, _ in
      ObjectionReconciliation.changes(need, retractsUnused: false)
    }
    #expect(planted == "a token still hears what no longer belongs to it")
  }

  @Test func `a reconciliation that retracts without a live record is found out`() {
    let planted = Self.firstFault(seed: 1) { need, _ in
      need.ledger.filter { !$0.isRetracted }.map {
        LedgerEntry(origin: $0.origin, token: $0.token, decision: $0.decision, isRetracted: true)
      } + ObjectionReconciliation.changes(need, retractsUnused: false)
    }
    #expect(planted != nil)
  }

  @Test func `after the last admission the ledger is as if it had been the only one`() {
    var generator = SeededGenerator(seed: 17)
    for _ in 0..<300 {
      let decision = [Decision(type: .objectionType1, decision: .dissent, day: 19_000)]
      var ledger: [LedgerEntry] = []
      for _ in 0..<Int.random(in: 0...4, using: &generator) {
        let need = ObjectionReconciliation.Need(
          origin: Self.origin, decisions: decision, liveTokens: Self.tokens(&generator),
          extraTokens: Self.tokens(&generator), ledger: ledger)
        Self.apply(
          ObjectionReconciliation.changes(need, retractsUnused: Bool.random(using: &generator)), to: &ledger)
      }
      func admit(_ ledger: [LedgerEntry]) -> Set<String> {
        var ledger = ledger
        let last = ObjectionReconciliation.Need(
          origin: Self.origin, decisions: decision, liveTokens: [Self.token(7)], extraTokens: [], ledger: ledger)
        Self.apply(ObjectionReconciliation.changes(last, retractsUnused: true), to: &ledger)
        return Self.spoken(ledger)
      }
      #expect(admit(ledger) == admit([]))
    }
  }

  @Test func `the later of two decisions is the stronger, on one day the dissent, an undated dissent above all`() {
    func decision(_ decision: ObjectionDecision, _ day: Int32?) -> Decision {
      Decision(type: .objectionType1, decision: decision, day: day)
    }
    let rising = [
      decision(.withdrawn, nil), decision(.dissent, 1), decision(.withdrawn, 2), decision(.dissent, 2),
      decision(.dissent, nil),
    ]
    for (weaker, stronger) in zip(rising, rising.dropFirst()) {
      #expect(Decision.stronger(weaker, stronger) == stronger)
      #expect(Decision.stronger(stronger, weaker) == stronger)
    }
  }
}
