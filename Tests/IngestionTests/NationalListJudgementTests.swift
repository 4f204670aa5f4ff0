import Contracts
import Testing

@testable import Ingestion

struct NationalListJudgementTests {
  private typealias List = NationalListJudgement.List
  private let now: Int64 = 1_795_000_000_000_000

  private func judge(
    _ entries: Int64, after last: Int64? = 1_000, drawnAt: Int64? = nil, whole: Bool = true, confirmed: Bool = false
  ) -> NationalListJudgement.Verdict {
    NationalListJudgement.judge(
      List(drawnAt: drawnAt ?? now, entries: entries, isWhole: whole, isConfirmed: confirmed),
      last: last.map { List(drawnAt: now - 1_000, entries: $0) }, now: now)
  }

  @Test func `a list may lose one in a hundred, and no more without confirmation`() {
    #expect(judge(990) == .used)
    #expect(judge(989) == .refused(.shrunk))
    #expect(judge(989, confirmed: true) == .used)
    #expect(judge(50_000) == .used)
  }

  @Test func `an empty list needs confirmation, also as the first`() {
    #expect(judge(0, after: nil) == .refused(.empty))
    #expect(judge(0) == .refused(.empty))
    #expect(judge(0, confirmed: true) == .used)
    #expect(judge(1, after: nil) == .used)
  }

  @Test func `the answer for some numbers may be of any size`() {
    #expect(judge(0, whole: false) == .used)
    #expect(judge(3, whole: false) == .used)
  }

  @Test(arguments: [(0, 0, true), (1, 1, true), (2, 2, false), (2, 199, false), (2, 200, true), (3, 200, false)])
  func `an answer may end one objection, or one in a hundred of those asked, and no more without confirmation`(
    ending: Int64, inForce: Int64, isUsed: Bool
  ) {
    var answer = List(drawnAt: now, entries: 0, isWhole: false, asked: .init(inForce: inForce, ending: ending))
    func judge() -> NationalListJudgement.Verdict { NationalListJudgement.judge(answer, last: nil, now: now) }
    #expect(judge() == (isUsed ? .used : .refused(.endsTooMany)))
    answer.isConfirmed = true
    #expect(judge() == .used)
  }

  @Test func `a list that a wrong clock has put in force keeps no right one out`() {
    let last = List(drawnAt: now + 2 * NationalListRule.clockSkew, entries: 1_000)
    #expect(NationalListJudgement.judge(List(drawnAt: now, entries: 1_000), last: last, now: now) == .used)
  }

  @Test func `nothing confirms a list that is older than the one in force, or not drawn yet`() {
    #expect(judge(1_000, drawnAt: now - 1_001, confirmed: true) == .refused(.olderThanTheListInForce))
    #expect(judge(1_000, drawnAt: now - 1_001, whole: false) == .refused(.olderThanTheListInForce))
    #expect(judge(1_000, drawnAt: now - 1_000) == .used)
    #expect(
      judge(1_000, drawnAt: now + NationalListRule.clockSkew + 1, confirmed: true) == .refused(.drawnInTheFuture))
    #expect(judge(1_000, drawnAt: now + NationalListRule.clockSkew) == .used)
  }
}
