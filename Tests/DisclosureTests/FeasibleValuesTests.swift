import Testing

@testable import Disclosure

@Suite struct FeasibleValuesTests {
  /// All values of every variable in solutions, by trying everything.
  private static func exhaustive(_ system: LinearSystem) -> [Set<Int>] {
    var values = [Set<Int>](repeating: [], count: system.domains.count)
    var assignment = [Int](repeating: 0, count: system.domains.count)
    func holds() -> Bool {
      system.constraints.allSatisfy { constraint in
        constraint.range.contains(constraint.terms.reduce(0) { $0 + $1.sign * assignment[$1.variable] })
      }
    }
    func visit(_ variable: Int) {
      guard variable < assignment.count else {
        if holds() { for (place, value) in assignment.enumerated() { values[place].insert(value) } }
        return
      }
      let domain = system.domains[variable]
      for value in domain.bounds where domain.first(from: value) == value {
        assignment[variable] = value
        visit(variable + 1)
      }
    }
    visit(0)
    return values
  }

  private struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      let mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      return mixed ^ (mixed >> 31)
    }
  }

  @Test(arguments: 0..<300)
  func `small systems are decided as trying everything decides them`(seed: Int) {
    var random = Random(state: UInt64(seed))
    var system = LinearSystem()
    for _ in 0..<Int.random(in: 2...5, using: &random) {
      let low = Int.random(in: 0...3, using: &random)
      let high = low + Int.random(in: 0...4, using: &random)
      let isGapped = Bool.random(using: &random)
      _ = system.variable(
        isGapped ? PossibleCounts(low...low, or: (high + 2)...(high + 3)) : PossibleCounts(low...high))
    }
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let chosen = system.domains.indices.shuffled(using: &random).prefix(Int.random(in: 2...4, using: &random))
      let split = Int.random(in: 1...chosen.count, using: &random)
      let low = Int.random(in: -2...5, using: &random)
      system.add(
        Array(chosen.prefix(split)), less: Array(chosen.dropFirst(split)),
        within: low...(low + Int.random(in: 0...2, using: &random)))
    }
    let expected = Self.exhaustive(system)
    let found = FeasibleValues(system, questions: Array(system.domains.indices))
    guard !expected[0].isEmpty else {
      // Nothing fits: what is shown of it is nothing.
      #expect(found.isContradictory || found.answers.values.contains { $0 != .enough })
      return
    }
    #expect(!found.isContradictory)
    for (variable, values) in expected.enumerated() {
      switch found.answers[variable]! {
      case .enough: #expect(values.count >= 3, "seed \(seed), variable \(variable): \(values)")
      case .only(let few): #expect(values.count < 3 && values.isSubset(of: few), "seed \(seed): \(values), \(few)")
      case .undecided: Issue.record("seed \(seed), variable \(variable) is undecided")
      }
    }
  }

  @Test func `a tree is decided without a search, whatever its size`() {
    var system = LinearSystem()
    var wholes: [Int] = []
    for _ in 0..<20_000 {
      let parts = (0..<5).map { _ in system.variable(PossibleCounts(1...7)) }
      let whole = system.variable(PossibleCounts(8...12))
      system.add(parts, sumTo: whole)
      wholes.append(whole)
    }
    let found = FeasibleValues(system, questions: Array(system.domains.indices), effort: 0)
    #expect(found.answers.values.allSatisfy { $0 == .enough })
  }

  @Test func `what is not decided in time is not taken for safe`() {
    var system = LinearSystem()
    let cells = (0..<16).map { _ in system.variable(PossibleCounts(1...7)) }
    for line in 0..<4 {
      system.add(Array(cells[(4 * line)..<(4 * line + 4)]), less: [], within: 13...13)
      system.add(stride(from: line, to: 16, by: 4).map { cells[$0] }, less: [], within: 13...13)
    }
    let without = FeasibleValues(system, questions: cells, effort: 0)
    #expect(without.answers.values.allSatisfy { $0 == .undecided })
    let with = FeasibleValues(system, questions: cells)
    #expect(with.answers.values.allSatisfy { $0 == .enough })
  }
}
