import Testing

@testable import Publication

@Suite struct DisclosureControlTests {
  @Test(arguments: [
    (0, "0"), (1, "*"), (4, "*"), (7, "*"), (8, "10"), (12, "10"), (13, "15"), (17, "15"), (18, "20"), (22, "20"),
    (100, "100"), (102, "100"), (103, "105"), (999_998, "1000000"),
  ])
  func `the HES rule hides 1 to 7 and rounds the rest to 5`(count: Int, shown: String) {
    #expect(DisclosureControl.hes.publish(count).text == shown)
  }

  @Test func `every published count leaves at least three possible true counts`() {
    #expect(leastAnonymity(DisclosureControl.hes) >= 3)
  }

  /// The rule of 2018 to 2020 at some publishers: 1 to 5 hidden, then rounded: a published 5 can only be 6 or 7.
  @Test func `the check finds the rule that hides 1 to 5 only`() {
    #expect(leastAnonymity(DisclosureControl(suppressedUpTo: 5, base: 5)) == 2)
  }

  /// Fewest true counts, 0 aside, that one published count can stand for.
  private func leastAnonymity(_ rule: DisclosureControl) -> Int {
    var counts: [PublishedCount: Int] = [:]
    for count in 1...202 { counts[rule.publish(count), default: 0] += 1 }
    return counts.values.min()!
  }

  @Test func `no part can be told from its whole when fewer than eight are in it or left out`() {
    for whole in 1...60 {
      for part in 0...whole {
        let shown = DisclosureControl.hes.part(part, of: whole)
        let isSmall = 1...7 ~= part || 1...7 ~= whole - part
        #expect((shown.part == .suppressed) == isSmall)
        #expect((shown.whole == .suppressed) == (1...7 ~= whole))
      }
    }
  }

  @Test func `status tells hidden, zero and shown apart`() {
    let rule = DisclosureControl.hes
    #expect(rule.part(0, of: 100).status == .zero)
    #expect(rule.part(0, of: 5).status == .suppressed)
    #expect(rule.part(50, of: 100).status == .ok)
    #expect(rule.part(97, of: 100).status == .suppressed)
    #expect(rule.events(0, of: 0).status == .zero)
    #expect(rule.events(30, of: 20).status == .ok)
  }

  @Test func `many events of few people are hidden`() {
    let shown = DisclosureControl.hes.events(40, of: 3)
    #expect(shown.events == .suppressed)
    #expect(shown.people == .suppressed)
    #expect(shown.status == .suppressed)
  }
}
