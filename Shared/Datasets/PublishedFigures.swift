import Clinical
import Disclosure

/// The published counts of one release by the labels of their cells: practices only, no totals.
public struct PublishedCounts: Sendable {
  public let dataset: String
  public let scheme: FigureScheme
  /// Values of the scheme's dimensions, in its order.
  public let cells: [(labels: [String], counts: [CountKind: PublishedCount])]

  public init(
    dataset: String, scheme: FigureScheme, cells: [(labels: [String], counts: [CountKind: PublishedCount])]
  ) {
    (self.dataset, self.scheme, self.cells) = (dataset, scheme, cells)
  }

  /// Figures with what may stand behind them, each subject's and place's once, and what holds between subjects.
  public func state() -> PublishedState {
    var maker = FigureMaker(dataset: dataset, scheme: scheme)
    for cell in cells { maker.add(cell.labels, cell.counts) }
    return maker.state
  }
}

private struct FigureMaker {
  let dataset: String
  let scheme: FigureScheme
  private(set) var state = PublishedState()
  private let hidden: Set<FigureScheme.Hidden>
  /// What has its figure already: a population stands in the rows of every period.
  private var known: Set<Known> = []

  private struct Known: Hashable {
    let subject: String
    let place: [String: PublishedFigure.Value]
    let possible: PossibleCounts
  }

  init(dataset: String, scheme: FigureScheme) {
    (self.dataset, self.scheme) = (dataset, scheme)
    hidden = Set(scheme.hidden)
  }

  mutating func add(_ labels: [String], _ counts: [CountKind: PublishedCount]) {
    var place: [String: PublishedFigure.Value] = [:]
    var subjectParts: [String] = []
    for (dimension, label) in zip(scheme.dimensions, labels) {
      switch dimension.role {
      case .place: place[dimension.name] = .label(label)
      case .ages: place[dimension.name] = Self.span(label).map { .span($0) } ?? .label(label)
      case .subject: subjectParts.append(label)
      }
    }
    let row = Row(labels: labels, counts: counts, place: place)
    if scheme.isByProperty { return addProperty(row, property: subjectParts.first ?? "") }
    let split = value(of: scheme.splitColumn, labels).map { scheme.split[$0] ?? $0 }
    let group = value(of: scheme.groupColumn, labels)
    let periods = zip(scheme.dimensions, labels).filter {
      $0.0.role == .subject && $0.0.column != scheme.splitColumn && $0.0.column != scheme.groupColumn
    }.map(\.1)
    addPeople(row, split: split)
    if let events = scheme.events {
      addEvents(row, subject(events, split: split, group: group, periods))
      if let group { relate(events, split: split ?? "", group: group, periods) }
    }
  }

  private struct Row {
    let labels: [String]
    let counts: [CountKind: PublishedCount]
    var place: [String: PublishedFigure.Value]
  }

  private func value(of column: String?, _ labels: [String]) -> String? {
    column.flatMap { column in scheme.dimensions.firstIndex { $0.column == column } }.map { labels[$0] }
  }

  /// `18-39` as 18...39, `80+` as 80 and more, `7` as itself.
  private static func span(_ label: String) -> ClosedRange<Int>? {
    if label.hasSuffix("+") { return Int(label.dropLast()).map { $0...Int.max } }
    let numbers = label.split(separator: "-").compactMap { Int($0) }
    guard let first = numbers.first, let last = numbers.last, first <= last else { return nil }
    return first...last
  }

  // MARK: - People

  private mutating func addPeople(_ row: Row, split: String?) {
    let population = row.counts[.population]
    if let population { add(row, .population, scheme.population, possible(row, .population, population)) }
    guard let members = row.counts[.members], let split else { return }
    let subject = "\(split) among \(scheme.population)"
    addPart(row, .members, members, of: scheme.population, whole: population, subject)
  }

  /// A part and its rest. The rule hides the part also where the rest is small.
  private mutating func addPart(
    _ row: Row, _ kind: CountKind, _ part: PublishedCount, of whole: String, whole count: PublishedCount?,
    _ subject: String
  ) {
    let most = PossibleCounts.most
    let rest: PossibleCounts
    var own = possible(row, kind, part)
    if part == .suppressed, count == .suppressed, kind != .members {
      // Hidden with its whole, whatever it is.
      (own, rest) = (.any, .any)
    } else if scheme.rule.hidesSmallRests, let count {
      let small = scheme.rule.possible(.suppressed)
      if part == .suppressed, count == .suppressed {
        // Of a small whole the rest is small, or nothing: all of it may be in the part, or none.
        own = isHidden(row, kind) ? own : PossibleCounts(0...small.upperBound)
        rest = .any
      } else if part == .suppressed {
        // Either it is small or the rest is; what the whole may be bounds it.
        let greatest = min(scheme.rule.possible(count).upperBound, most)
        own = isHidden(row, kind) ? own : PossibleCounts(small, or: small.lowerBound...max(small.upperBound, greatest))
        rest = .any
      } else {
        rest = PossibleCounts(0...0, or: (small.upperBound + 1)...most)
      }
    } else {
      rest = .any
    }
    add(row, kind, subject, own)
    state.rests.append(
      PublishedRest(
        .init(dataset: dataset, labels: row.labels, kind: kind), of: whole, without: subject, place: row.place,
        possible: rest))
  }

  // MARK: - Events

  private func subject(_ events: String, split: String?, group: String?, _ periods: [String]) -> String {
    // Whom no practice knows is the same whatever is asked of practices.
    let isOfSplit = group != "unlinked"
    return ([events] + (isOfSplit ? [split].compactMap(\.self) : []) + [group].compactMap(\.self) + periods)
      .joined(separator: " | ")
  }

  private mutating func relate(_ events: String, split: String, group: String, _ periods: [String]) {
    let whole = subject(events, split: nil, group: nil, periods)
    let groups = ["with", "without", "unlinked"].map { subject(events, split: split, group: $0, periods) }
    state.relations.insert(.sum(whole: whole, parts: groups))
    guard group == "with", known.insert(Known(subject: whole, place: [:], possible: .any)).inserted else { return }
    // No figure shows the whole; it is there all the same, and the same for every value of the split.
    state.figures.append(
      PublishedFigure(
        .init(dataset: dataset, labels: periods, kind: .events), subject: whole, place: [:], possible: .any))
  }

  private mutating func addEvents(_ row: Row, _ subject: String) {
    let people = "people with \(subject)"
    if let count = row.counts[.events] { add(row, .events, subject, possible(row, .events, count)) }
    if let count = row.counts[.people] {
      add(row, .people, people, possible(row, .people, count))
      state.relations.insert(.atLeast(subject, people))
    }
    if let count = row.counts[.followed] {
      addPart(row, .followed, count, of: subject, whole: row.counts[.events], "followed \(subject)")
    }
    if let count = row.counts[.followedPeople] {
      addPart(row, .followedPeople, count, of: people, whole: row.counts[.people], "followed \(people)")
    }
  }

  /// Every property of the records of one source has the same sum.
  private mutating func addProperty(_ row: Row, property: String) {
    let events = scheme.events ?? "records"
    let isOfPeople = property == "cluster_size"
    var row = row
    if property == "source" { row.place["value"] = nil }
    let subject = isOfPeople ? "people by \(property), \(events)" : "\(events) by \(property)"
    addEvents(row, subject)
    guard !isOfPeople, property != "source" else { return }
    state.relations.insert(.sum(whole: "\(events) by source", parts: [subject]))
    state.relations.insert(.sum(whole: "followed \(events) by source", parts: ["followed \(subject)"]))
  }

  // MARK: - One figure

  private func isHidden(_ row: Row, _ kind: CountKind) -> Bool {
    hidden.contains(FigureScheme.Hidden(labels: row.labels, kind: kind.rawValue))
  }

  private func possible(_ row: Row, _ kind: CountKind, _ published: PublishedCount) -> PossibleCounts {
    if isHidden(row, kind) { return .any }
    // Events are hidden with few people, however many they are.
    if published == .suppressed, kind.carriers != kind { return PossibleCounts(1...PossibleCounts.most) }
    return PossibleCounts(scheme.rule.possible(published))
  }

  private mutating func add(_ row: Row, _ kind: CountKind, _ subject: String, _ possible: PossibleCounts) {
    guard known.insert(Known(subject: subject, place: row.place, possible: possible)).inserted else { return }
    state.figures.append(
      PublishedFigure(
        .init(dataset: dataset, labels: row.labels, kind: kind), subject: subject, place: row.place, possible: possible)
    )
  }
}
