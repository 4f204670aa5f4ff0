import Contracts
import Cryptography
import Testing

@testable import ObjectionFilter

/// Defects found in public implementations of opt-outs (domain.md 2.2), as far as the filter decides them.
struct DefectTests {
  private func subject(
    _ said: (ObjectionDecision, day: Int32?, origin: UInt64)..., type: ObjectionType = .objectionType1
  ) -> Subject {
    var subject = Subject()
    for (index, one) in said.enumerated() {
      _ = subject.take(
        Statement(
          origin: Token16(high: one.origin, low: 0), type: type, decision: one.0, day: one.day,
          stamp: Int64(index + 1), isRetracted: false),
        highestStamp: 0)
    }
    return subject
  }

  private func passes(_ subject: Subject) -> Bool { subject.verdict(source: .gp, stamp: 100) == .passes }

  @Test(arguments: [ObjectionType.objectionType1, .objectionType2])
  func `defect 1, dissent and withdrawal both taken for an opt-out: a withdrawal alone holds nothing back`(
    type: ObjectionType
  ) {
    #expect(passes(subject((.withdrawn, 19_000, 1), type: type)))
    #expect(!passes(subject((.dissent, 19_000, 1), type: type)))
    #expect(passes(subject((.dissent, 19_000, 1), (.withdrawn, 19_001, 1), type: type)))
  }

  @Test func `defect 2, an undated dissent ignored: it holds, whatever dated decision is known`() {
    #expect(!passes(subject((.dissent, nil, 1))))
    #expect(!passes(subject((.dissent, nil, 1), (.withdrawn, 19_000, 2))))
    #expect(!passes(subject((.withdrawn, 19_000, 2), (.dissent, nil, 1))))
  }

  @Test func `defect 3, a tie on one day settled by row number: the dissent wins in every order`() {
    let said: [(ObjectionDecision, day: Int32?, origin: UInt64)] = [
      (.dissent, 19_000, 1), (.withdrawn, 19_000, 2), (.withdrawn, 19_000, 3),
    ]
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      #expect(!passes(subject(said[order[0]], said[order[1]], said[order[2]])))
    }
  }

  @Test(arguments: [ObjectionType.objectionType1, .objectionType2])
  func `defect 4, withdrawals missing so that nobody can opt back in: later records pass again`(type: ObjectionType) {
    let back = subject((.dissent, 19_000, 1), (.withdrawn, 19_001, 1), type: type)
    #expect(passes(back))
    #expect(back.verdict(source: .gp, stamp: 2) != .passes, "what was stamped before stays away")
    #expect(!passes(subject((.dissent, 19_000, 1), (.withdrawn, 19_001, 1), (.dissent, 19_002, 1), type: type)))
  }

  @Test func `defect 5, history at a previous practice not seen: the latest decision over all registrations counts`() {
    let (previous, present): (UInt64, UInt64) = (1, 2)
    #expect(!passes(subject((.dissent, 19_000, previous))))
    #expect(!passes(subject((.withdrawn, 18_000, present), (.dissent, 19_000, previous))))
    #expect(passes(subject((.dissent, 19_000, previous), (.withdrawn, 19_500, present))))
    #expect(!passes(subject((.withdrawn, 19_500, previous), (.dissent, 19_600, present))))
  }
}
