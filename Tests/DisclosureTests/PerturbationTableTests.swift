import Testing

@testable import Disclosure

@Suite struct PerturbationTableTests {
  /// The shape of the sample of the Office for National Statistics: below 10 removed, others to the nearest 5.
  static func csv(_ change: (Int, Int) -> Int) -> String {
    var text = "pcv,ckey,pvalue\n"
    for pcv in 1...750 { for key in 0..<256 { text += "\(pcv),\(key),\(change(pcv, key))\n" } }
    return text
  }

  static func tenFive() throws -> PerturbationTable {
    try PerturbationTable(
      csv: csv { pcv, key in pcv < 10 ? -pcv : (pcv + (key % 5)) / 5 * 5 - pcv }, threshold: 10)
  }

  @Test func `a count is changed by its key, and below the threshold left out`() throws {
    let rule = DisclosureRule.cellKey(try Self.tenFive())
    #expect(rule.publish(CellCount(count: 9, people: 9, key: 3)) == .suppressed)
    #expect(rule.publish(CellCount(count: 12, people: 12, key: 0)) == .count(10))
    #expect(rule.publish(CellCount(count: 12, people: 12, key: 3)) == .count(15))
    #expect(rule.publish(CellCount(count: 12, people: 12, key: 3 + 256)) == .count(15), "keys are added modulo 256")
    #expect(rule.publish(CellCount()) == .count(0), "nobody stays nobody")
  }

  @Test func `counts beyond the table come back to its last part`() throws {
    let table = try PerturbationTable(csv: Self.csv { pcv, _ in pcv == 501 ? 2 : pcv == 750 ? 1 : 0 }, threshold: 10)
    let rule = DisclosureRule.cellKey(table)
    #expect(rule.publish(CellCount(count: 501, people: 501)) == .count(503))
    // ((751 − 1) mod 250) + 501 = 501, and 1000 is the last of its round.
    #expect(rule.publish(CellCount(count: 751, people: 751)) == .count(753))
    #expect(rule.publish(CellCount(count: 1_000, people: 1_000)) == .count(1_001))
  }

  @Test func `what may stand behind a published count holds the true one`() throws {
    let rule = DisclosureRule.cellKey(try Self.tenFive())
    for count in 0...800 {
      for key in stride(from: 0, to: 256, by: 7) {
        let published = rule.publish(CellCount(count: count, people: count, key: key))
        #expect(rule.possible(published).contains(count), "\(count) as \(published)")
      }
    }
  }

  @Test func `a table with a hole, a repetition or a count below nothing is refused`() {
    let whole = Self.csv { _, _ in 0 }
    #expect(throws: PerturbationTable.Fault.header(["a", "b"])) { try PerturbationTable(csv: "a,b\n", threshold: 10) }
    #expect(throws: PerturbationTable.Fault.missing(pcv: 750, key: 255)) {
      try PerturbationTable(csv: whole.replacing("750,255,0\n", with: ""), threshold: 10)
    }
    #expect(throws: PerturbationTable.Fault.repeated(pcv: 1, key: 0)) {
      try PerturbationTable(csv: whole + "1,0,0\n", threshold: 10)
    }
    #expect(throws: PerturbationTable.Fault.row(2)) {
      try PerturbationTable(csv: whole.replacing("1,0,0\n", with: "1,0,-2\n", maxReplacements: 1), threshold: 10)
    }
  }
}
