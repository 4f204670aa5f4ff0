import Testing

@testable import Disclosure

@Suite struct DisclosureRuleTests {
  private func shown(_ count: Int, _ rule: DisclosureRule) -> String {
    rule.publish(CellCount(count: count, people: count)).text
  }

  @Test func `the rule of HES hides 1 to 7, rounds others to 5 and shows 0`() {
    #expect(
      (0...13).map { shown($0, .hes) } == ["0"] + Array(repeating: "*", count: 7) + [
        "10", "10", "10", "10", "10", "15",
      ])
    #expect(shown(17, .hes) == "15" && shown(18, .hes) == "20" && shown(1_000_002, .hes) == "1000000")
  }

  @Test func `midpoint rounding shows the middle of each six`() {
    let expected =
      ["0"] + Array(repeating: "3", count: 6) + Array(repeating: "9", count: 6) + Array(repeating: "15", count: 6)
    #expect((0...18).map { shown($0, .midpoint6) } == expected)
  }

  @Test(arguments: [DisclosureRule.hes, .midpoint6])
  func `the threshold is on people, not on events`(rule: DisclosureRule) {
    #expect(rule.publish(CellCount(count: 400, people: 3)) == .suppressed)
    #expect(rule.publish(CellCount(count: 400, people: 300)) != .suppressed)
  }

  /// From every published count, exactly the true ones that it can stand for.
  @Test(arguments: [DisclosureRule.hes, .midpoint6])
  func `what a published count may stand for is what is published as it`(rule: DisclosureRule) {
    for count in 0...400 {
      let published = rule.publish(CellCount(count: count, people: count))
      let range = rule.possible(published)
      for other in 0...410 {
        let isAlike = rule.publish(CellCount(count: other, people: other)) == published
        #expect(range.contains(other) == isAlike, "\(rule.name) \(count) \(other)")
      }
    }
  }

  @Test func `a small rest hides the part, and a hidden whole the figures in it`() {
    func cell(_ whole: Int, _ part: Int) -> PublishedCell {
      var counts = CellCounts()
      counts[.population] = CellCount(count: whole, people: whole)
      counts[.members] = CellCount(count: part, people: part)
      return PublishedCell(counts, [.population, .members], .hes)
    }
    #expect(cell(30, 12)[.members]?.text == "10" && cell(30, 12).status == .ok)
    #expect(cell(30, 26)[.members]?.text == "*" && cell(30, 26).status == .suppressed)
    #expect(cell(30, 30)[.members]?.text == "30", "everybody is not a small rest")
    #expect(cell(30, 0).status == .zero && cell(30, 0)[.population]?.text == "30")
    #expect(cell(5, 0)[.population]?.text == "*" && cell(5, 0).status == .suppressed)
  }

  @Test func `few people hide their events and what came after`() {
    var counts = CellCounts()
    counts[.events] = CellCount(count: 40, people: 5)
    counts[.people] = CellCount(count: 5, people: 5)
    counts[.followed] = CellCount(count: 20, people: 5)
    counts[.followedPeople] = CellCount(count: 5, people: 5)
    for rule in [DisclosureRule.hes, .midpoint6] {
      let cell = PublishedCell(counts, [.events, .people, .followed], rule)
      #expect(cell[.events] == .suppressed && cell[.people] == .suppressed && cell[.followed] == .suppressed)
    }
  }
}
