import Contracts
import Testing

struct NationalListRuleTests {
  private let day: Int64 = 86_400_000_000
  private let now: Int64 = 1_795_000_000_000_000

  @Test func `without a list nothing is fresh`() {
    #expect(NationalListRule().state(drawnAt: nil, now: now) == .missing)
    #expect(NationalListRule().fault(drawnAt: nil, now: now) != nil)
  }

  @Test func `a list holds for seven days unless told otherwise, to the microsecond`() {
    let rule = NationalListRule()
    #expect(rule.state(drawnAt: now - 7 * day, now: now) == .fresh)
    #expect(rule.state(drawnAt: now - 7 * day - 1, now: now) == .stale(days: 7))
    #expect(NationalListRule(maximumDays: 2).state(drawnAt: now - 3 * day, now: now) == .stale(days: 3))
  }

  @Test func `a list drawn by a clock that is ahead is fresh`() {
    #expect(NationalListRule().state(drawnAt: now + 1_000, now: now) == .fresh)
    #expect(NationalListRule().state(drawnAt: now + NationalListRule.clockSkew, now: now) == .fresh)
  }

  @Test func `a list drawn in the future is none`() {
    let drawnAt = now + NationalListRule.clockSkew + 1
    #expect(NationalListRule().state(drawnAt: drawnAt, now: now) == .missing)
    #expect(NationalListRule().fault(drawnAt: drawnAt, now: now)?.contains("future") == true)
  }

  @Test func `whoever uses no list waits for none, and says so in its regime`() {
    let rule = NationalListRule(maximumDays: nil)
    #expect(rule.state(drawnAt: nil, now: now) == .notUsed)
    #expect(rule.fault(drawnAt: nil, now: now) == nil)
    #expect(rule.regime != NationalListRule().regime)
  }
}
