import Clinical
import Testing

struct MaskedCountTests {
  @Test(arguments: [(0, "0"), (1, "*"), (7, "*"), (8, "10"), (12, "10"), (13, "15"), (102, "100"), (103, "105")])
  func `1 to 7 are hidden and all others rounded to 5`(count: Int, shown: String) {
    #expect(MaskedCount(count).text == shown)
  }

  @Test func `every shown count but 0 leaves at least three possible true ones`() {
    let shown = Dictionary(grouping: 1...202) { MaskedCount($0) }
    #expect(shown.values.allSatisfy { $0.count >= 3 })
    let planted = Dictionary(grouping: 1...202) { MaskedCount($0, suppressedUpTo: 5) }
    #expect(planted.values.contains { $0.count == 2 }, "the check finds the rule that hides 1 to 5 only")
  }
}
