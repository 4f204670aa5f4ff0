import Contracts
import Cryptography
import Testing

@testable import ObjectionFilter

struct SubjectTests {
  private func statement(
    _ decision: ObjectionDecision, type: ObjectionType = .objectionType1, day: Int32? = 19_000, stamp: Int64 = 10,
    origin: UInt64 = 1, isRetracted: Bool = false
  ) -> Statement {
    Statement(
      origin: Token16(high: origin, low: 0), type: type, decision: decision, day: day, stamp: stamp,
      isRetracted: isRetracted)
  }

  private func subject(_ statements: Statement..., highestStamp: Int64 = 0) -> Subject {
    var subject = Subject()
    for statement in statements { _ = subject.take(statement, highestStamp: highestStamp) }
    return subject
  }

  @Test(arguments: [UInt64(1), 2, 3, 4])
  func `over random interleavings the rule agrees with one told from the whole history`(seed: UInt64) {
    #expect(firstDisagreement(seed: seed, rounds: 150, rule: subjectRule) == nil)
  }

  @Test func `a rule that lets a withdrawal win a tie is found out`() {
    let planted: Rule = { history in
      let swapped = history.map { event in
        guard case .statement(let one) = event, one.decision == .dissent, let day = one.day else { return event }
        // The withdrawal's day counts one more than the dissent's: a tie goes to the withdrawal.
        return .statement(
          Statement(
            origin: one.origin, type: one.type, decision: one.decision, day: 2 * day, stamp: one.stamp,
            isRetracted: one.isRetracted))
      }.map { event -> StreamEvent in
        guard case .statement(let one) = event, one.decision == .withdrawn, let day = one.day else { return event }
        return .statement(
          Statement(
            origin: one.origin, type: one.type, decision: one.decision, day: 2 * day + 1, stamp: one.stamp,
            isRetracted: one.isRetracted))
      }
      return subjectRule(swapped)
    }
    #expect(firstDisagreement(seed: 1, rounds: 200, rule: planted) != nil)
  }

  @Test func `a rule that forgets what an earlier dissent erased is found out`() {
    let planted: Rule = { history in
      var oracle = SubjectOracle()
      oracle.history = history
      let dissents = oracle.judgement.dissents
      return { source, _ in !dissents.type2 && (source != .gp || !dissents.type1) }
    }
    #expect(firstDisagreement(seed: 1, rounds: 200, rule: planted) != nil)
  }

  @Test func `a rule that lets pass what was stamped during an objection, once that has ended, is found out`() {
    let planted: Rule = { history in
      var oracle = SubjectOracle()
      oracle.history = history
      let judgement = oracle.judgement
      let dissents = history.compactMap { event -> Statement? in
        if case .statement(let one) = event, one.decision == .dissent { one } else { nil }
      }
      let last = dissents.map(\.stamp).max() ?? 0
      return { source, stamp in
        judgement.passes(source: source, stamp: stamp)
          || (stamp > last && !judgement.dissents.type1 && !judgement.dissents.type2)
      }
    }
    #expect(firstDisagreement(seed: 1, rounds: 200, rule: planted) != nil)
  }

  @Test func `a rule that takes a Type 1 objection to cover hospitals is found out`() {
    let planted: Rule = { history in
      let passes = subjectRule(history)
      return { _, stamp in passes(.gp, stamp) }
    }
    #expect(firstDisagreement(seed: 1, rounds: 200, rule: planted) != nil)
  }

  @Test func `an undated dissent is in force whatever is said later`() {
    let subject = subject(
      statement(.dissent, day: nil, stamp: 1), statement(.withdrawn, day: 20_000, stamp: 2, origin: 2))
    #expect(subject.verdict(source: .gp, stamp: 100) == .excluded(.type1))
  }

  @Test func `an undated withdrawal says nothing`() {
    let subject = subject(
      statement(.dissent, day: 19_000, stamp: 1), statement(.withdrawn, day: nil, stamp: 2, origin: 2))
    #expect(subject.verdict(source: .gp, stamp: 100) == .excluded(.type1))
    #expect(self.subject(statement(.withdrawn, day: nil)).verdict(source: .gp, stamp: 1) == .passes)
  }

  @Test func `on the same day the dissent wins, in either order`() {
    let dissent = statement(.dissent, stamp: 1, origin: 1)
    let withdrawal = statement(.withdrawn, stamp: 2, origin: 2)
    #expect(subject(dissent, withdrawal).verdict(source: .gp, stamp: 100) == .excluded(.type1))
    #expect(subject(withdrawal, dissent).verdict(source: .gp, stamp: 100) == .excluded(.type1))
  }

  @Test(arguments: [Source.hospital, .community])
  func `Type 1 covers GP records only and Type 2 every source`(other: Source) {
    let type1 = subject(statement(.dissent))
    #expect(type1.verdict(source: .gp, stamp: 100) == .excluded(.type1))
    #expect(type1.verdict(source: other, stamp: 1) == .passes)
    let type2 = subject(statement(.dissent, type: .objectionType2))
    #expect(type2.verdict(source: .gp, stamp: 100) == .excluded(.type2))
    #expect(type2.verdict(source: other, stamp: 100) == .excluded(.type2))
  }

  @Test func `after the end of an objection only records stamped later than that end pass`() {
    let subject = subject(
      statement(.dissent, day: 19_000, stamp: 10), statement(.withdrawn, day: 19_001, stamp: 20, origin: 2))
    for stamp in [Int64(9), 10, 11, 20] {
      #expect(subject.verdict(source: .gp, stamp: stamp) == .excluded(.type1))
    }
    #expect(subject.verdict(source: .gp, stamp: 21) == .passes)
    #expect(subject.gp == ObjectionScope(isInForce: false, erased: 20, stamp: 20))
  }

  @Test func `a withdrawal that ends nothing erases nothing`() {
    let never = subject(statement(.withdrawn, stamp: 10))
    #expect(never.gp == ObjectionScope(isInForce: false, erased: 0, stamp: 10))
    #expect(!never.gp.hadDissent && never.barrier.isOpen)
    var ended = subject(statement(.dissent, stamp: 10), statement(.withdrawn, day: 19_001, stamp: 20, origin: 2))
    let isNews = ended.take(statement(.withdrawn, day: 19_002, stamp: 30, origin: 3), highestStamp: 29)
    #expect(isNews)
    #expect(ended.gp == ObjectionScope(isInForce: false, erased: 20, stamp: 30))
  }

  @Test func `the scopes of the two types are kept apart`() {
    let subject = subject(
      statement(.dissent, stamp: 10), statement(.dissent, type: .objectionType2, stamp: 11),
      statement(.withdrawn, type: .objectionType2, day: 19_001, stamp: 12, origin: 2))
    #expect(subject.gp == ObjectionScope(isInForce: true, erased: 10, stamp: 10))
    #expect(subject.all == ObjectionScope(isInForce: false, erased: 12, stamp: 12))
    #expect(subject.barrier == Barrier(gp: Barrier.closed, all: 12))
  }

  @Test func `a record that overtook the dissent it was stamped after is erased as well`() {
    let subject = subject(
      statement(.dissent, stamp: 10), statement(.withdrawn, day: 19_001, stamp: 30, origin: 2), highestStamp: 25)
    #expect(subject.gp.erased == 30)
    var inForce = self.subject(statement(.dissent, stamp: 10), highestStamp: 25)
    #expect(inForce.gp.erased == 25)
    let isNews = inForce.take(statement(.withdrawn, day: 19_001, stamp: 12, origin: 2), highestStamp: 25)
    #expect(isNews)
    #expect(inForce.verdict(source: .gp, stamp: 25) == .excluded(.type1))
    #expect(inForce.verdict(source: .gp, stamp: 26) == .passes)
  }

  @Test func `a retracted statement no longer speaks, but what it erased stays erased`() {
    var subject = subject(statement(.dissent, stamp: 10))
    let isNews = subject.take(statement(.dissent, stamp: 11, isRetracted: true), highestStamp: 11)
    #expect(isNews)
    #expect(subject.verdict(source: .gp, stamp: 12) == .passes)
    #expect(subject.verdict(source: .gp, stamp: 11) == .excluded(.type1))
  }

  @Test func `a change never looks as old as what it changes`() {
    var subject = subject(statement(.dissent, stamp: 10), statement(.dissent, stamp: 20, origin: 2))
    #expect(subject.gp.stamp == 20)
    // Late, and yet it is what ends the objection.
    _ = subject.take(statement(.dissent, stamp: 21, origin: 2, isRetracted: true), highestStamp: 30)
    let before = subject.gp.stamp
    _ = subject.take(statement(.withdrawn, day: 19_001, stamp: 12, origin: 3), highestStamp: 30)
    #expect(!subject.gp.isInForce && subject.gp.stamp > before)
  }

  @Test func `a statement delivered again is no news and changes nothing`() {
    var subject = subject(statement(.dissent, stamp: 10))
    let before = subject
    let news = [statement(.dissent, stamp: 10), statement(.withdrawn, stamp: 9)].map {
      subject.take($0, highestStamp: 50)
    }
    #expect(news == [false, false])
    #expect(subject == before)
  }
}
