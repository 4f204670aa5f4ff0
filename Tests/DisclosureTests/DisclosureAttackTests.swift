import Clinical
import Testing

@testable import Disclosure

/// Weaknesses that public trackers report, planted; and what the same tables look like without them.
@Suite struct DisclosureAttackTests {
  /// A two-way table with a figure for each cell and, where they are given, margins.
  private static func table(
    _ cells: [[Int]], rows: Bool, columns: Bool, rule: DisclosureRule = .hes, exactMargins: Bool = false,
    hidden: Set<[Int]> = []
  ) -> PublishedState {
    var state = PublishedState()
    func figure(
      _ labels: [String], _ place: [String: PublishedFigure.Value], _ count: Int, isMargin: Bool, isHidden: Bool
    )
      -> PublishedFigure
    {
      let published = rule.publish(CellCount(count: count, people: count))
      let possible =
        isHidden
        ? PossibleCounts.any : PossibleCounts(isMargin && exactMargins ? count...count : rule.possible(published))
      return PublishedFigure(
        .init(dataset: "table", labels: labels, kind: .population), subject: "people", place: place, possible: possible)
    }
    var figures: [PublishedFigure] = []
    for (row, values) in cells.enumerated() {
      for (column, count) in values.enumerated() {
        figures.append(
          figure(
            ["r\(row)", "c\(column)"], ["row": .label("r\(row)"), "column": .label("c\(column)")], count,
            isMargin: false, isHidden: hidden.contains([row, column])))
      }
      if rows {
        figures.append(
          figure(["r\(row)", "all"], ["row": .label("r\(row)")], values.reduce(0, +), isMargin: true, isHidden: false))
      }
    }
    if columns {
      for column in cells[0].indices {
        figures.append(
          figure(
            ["all", "c\(column)"], ["column": .label("c\(column)")], cells.map { $0[column] }.reduce(0, +),
            isMargin: true, isHidden: false))
      }
    }
    state.figures = figures
    return state
  }

  private static func pinned(_ states: PublishedState...) -> [DisclosureAttack.Pinned] {
    DisclosureAttack(states.enumerated().map { ("2026-0\($0 + 1)", $1) }).pinned
  }

  /// Exact counts above the threshold, as a table has them that is not rounded.
  private static let exact = DisclosureRule.cellKey(
    try! PerturbationTable(csv: PerturbationTableTests.csv { _, _ in 0 }, threshold: 8))

  // 1. Margins reveal suppressed cells (AI-SDC/ACRO, issue 198).
  @Test func `margins beside primary suppression give a suppressed cell away`() {
    let cells = [[3, 20, 31], [40, 50, 60], [25, 33, 47]]
    let found = Self.pinned(Self.table(cells, rows: true, columns: true, rule: Self.exact))
    #expect(found.contains { $0.figure.labels == ["r0", "c0"] && $0.reason == .values([3]) })
    #expect(Self.pinned(Self.table(cells, rows: false, columns: false, rule: Self.exact)).isEmpty)
    #expect(Self.pinned(Self.table(cells, rows: true, columns: true)).isEmpty, "rounded to 5, the margins tell little")
  }

  // 2. A zero as the complement protects nothing (sdcTools/UserSupport, issue 194).
  @Test func `a hidden zero is no complement`() {
    let cells = [[3, 0, 31], [40, 50, 60], [25, 33, 47]]
    let zero = Self.table(cells, rows: true, columns: false, rule: Self.exact, hidden: [[0, 1]])
    // 3 = x + y tells that both are at most 3: four values, as long as nothing else is known.
    #expect(Self.pinned(zero).isEmpty)
    let known = Self.table(cells, rows: true, columns: true, rule: Self.exact, hidden: [[0, 1]])
    #expect(Self.pinned(known).contains { $0.figure.labels == ["r0", "c0"] })
    let proper = Self.table(cells, rows: true, columns: true, rule: Self.exact, hidden: [[0, 2], [1, 0], [1, 2]])
    #expect(Self.pinned(proper).isEmpty)
  }

  // 4. How many are missing tells what they are (datashield/dsBase, issue 456).
  @Test func `seven cells hidden in a row of seven are one each`() {
    let cells = [Array(repeating: 1, count: 7)]
    let found = Self.pinned(Self.table(cells, rows: true, columns: false, exactMargins: true))
    #expect(found.count == 8 && found.allSatisfy { $0.reason == .values([1]) || $0.reason == .values([7]) })
  }

  // 7. Repeated runs: the difference of two releases.
  @Test func `a count that is exact in two releases tells who came between them`() {
    let found = Self.pinned(
      Self.table([[30, 40]], rows: false, columns: false, rule: Self.exact),
      Self.table([[31, 40]], rows: false, columns: false, rule: Self.exact))
    #expect(found.map(\.reason) == [.difference(1...1, since: "2026-01")])
    let rounded = Self.pinned(
      Self.table([[32, 40]], rows: false, columns: false), Self.table([[33, 40]], rows: false, columns: false))
    #expect(rounded.isEmpty)
  }

  // 8. Nested geographies: practices beside an area that has one more.
  @Test func `an area beside its practices gives the one away that is hidden`() {
    func state(_ area: ClosedRange<Int>) -> PublishedState {
      var state = PublishedState()
      func figure(_ labels: [String], _ place: [String: PublishedFigure.Value], _ range: ClosedRange<Int>)
        -> PublishedFigure
      {
        PublishedFigure(
          .init(dataset: labels[0], labels: labels, kind: .population), subject: "people", place: place,
          possible: PossibleCounts(range))
      }
      state.figures = [
        figure(["a"], ["practice": .label("a")], 100...100), figure(["b"], ["practice": .label("b")], 1...7),
        figure(["area"], [:], area),
      ]
      return state
    }
    #expect(Self.pinned(state(104...104)).contains { $0.figure.labels == ["b"] && $0.reason == .values([4]) })
    #expect(Self.pinned(state(103...107)).isEmpty)
  }

  @Test func `nested ages of two variants give away who lies between`() {
    func figure(_ name: String, _ span: ClosedRange<Int>, _ range: ClosedRange<Int>) -> PublishedFigure {
      PublishedFigure(
        .init(dataset: name, labels: ["\(span)"], kind: .population), subject: "people", place: ["age": .span(span)],
        possible: PossibleCounts(range))
    }
    var exact = PublishedState()
    exact.figures = [figure("one", 0...17, 50...50), figure("other", 0...18, 53...53)]
    #expect(Self.pinned(exact).contains { $0.figure.dataset == "other" && $0.reason == .values([3]) })
    var rounded = PublishedState()
    rounded.figures = [figure("one", 0...17, 48...52), figure("other", 0...18, 53...57)]
    #expect(Self.pinned(rounded).isEmpty)
  }

  @Test func `the rest of a whole is a count as well`() {
    func state(_ part: ClosedRange<Int>) -> PublishedState {
      func figure(_ subject: String, _ range: ClosedRange<Int>) -> PublishedFigure {
        PublishedFigure(
          .init(dataset: subject, labels: ["x"], kind: .members), subject: subject, place: ["practice": .label("x")],
          possible: PossibleCounts(range))
      }
      var state = PublishedState()
      state.figures = [figure("all", 30...30), figure("ill", part)]
      state.rests = [
        PublishedRest(
          .init(dataset: "ill", labels: ["x"], kind: .members), of: "all", without: "ill",
          place: ["practice": .label("x")], possible: .any)
      ]
      return state
    }
    #expect(Self.pinned(state(28...28)).contains { $0.isRest && $0.reason == .values([2]) })
    #expect(Self.pinned(state(18...22)).isEmpty)
  }

  @Test func `figures that exclude each other are named, not believed`() {
    var state = Self.table([[10, 20]], rows: false, columns: false, rule: Self.exact)
    state.figures.append(
      PublishedFigure(
        .init(dataset: "other", labels: [], kind: .population), subject: "people", place: [:],
        possible: PossibleCounts(31...31)))
    #expect(DisclosureAttack([("now", state)]).contradictory == ["now"])
  }
}
