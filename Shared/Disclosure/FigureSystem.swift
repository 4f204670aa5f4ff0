/// Published figures as a system of the smallest counts that they are sums of.
///
/// Of each subject the values of all dimensions are crossed, ages at every bound that any figure has; a figure is the sum
/// of the crossings that it covers. So tables with different margins, nested ages and repeated figures hold together.
struct FigureSystem {
  private(set) var system = LinearSystem()
  /// By figure, in their order.
  private(set) var variables: [Int] = []
  /// By rest; -1 where nothing is known of its whole.
  private(set) var restVariables: [Int] = []
  /// Everything that is a count of people or events.
  private(set) var counts: [Int] = []
  /// Figures that exclude each other: the definitions say otherwise than the published counts.
  private(set) var hasContradiction = false

  private var bounds: [String: [Int]] = [:]
  private var subjects: [String: Subject] = [:]

  private struct Subject {
    var dimensions: [String] = []
    /// Crossings: their values in the order of the dimensions, and their variables.
    var atoms: [[PublishedFigure.Value]: Int] = [:]
  }

  init(_ state: PublishedState) {
    collectBounds(state.figures)
    var own: [String: [Int]] = [:]
    for (number, figure) in state.figures.enumerated() { own[figure.subject, default: []].append(number) }
    variables = Array(repeating: -1, count: state.figures.count)
    for (subject, numbers) in own.sorted(by: { $0.key < $1.key }) { add(subject, numbers, state.figures) }
    for rest in state.rests { restVariables.append(add(rest)) }
    for relation in state.relations.sorted(by: { "\($0)" < "\($1)" }) { add(relation) }
  }

  // MARK: - Crossings

  private mutating func collectBounds(_ figures: [PublishedFigure]) {
    var found: [String: Set<Int>] = [:]
    for figure in figures {
      for case (let dimension, .span(let span)) in figure.place {
        found[dimension, default: []].insert(span.lowerBound)
        if span.upperBound < Int.max { found[dimension]!.insert(span.upperBound + 1) }
      }
    }
    bounds = found.mapValues { $0.sorted() }
  }

  /// The smallest spans within one.
  private func pieces(_ value: PublishedFigure.Value, _ dimension: String) -> [PublishedFigure.Value] {
    guard case .span(let span) = value else { return [value] }
    let starts = bounds[dimension]!.filter { span.contains($0) }
    return starts.enumerated().map { place, start in
      .span(start...(place + 1 < starts.count ? starts[place + 1] - 1 : span.upperBound))
    }
  }

  private mutating func add(_ name: String, _ numbers: [Int], _ figures: [PublishedFigure]) {
    var dimensions: Set<String> = []
    for number in numbers { dimensions.formUnion(figures[number].place.keys) }
    var subject = Subject(dimensions: dimensions.sorted())
    // What all figures tell apart is never crossed with what is elsewhere.
    let common = subject.dimensions.filter { dimension in
      numbers.allSatisfy { number in
        if case .label = figures[number].place[dimension] { true } else { false }
      }
    }
    var groups: [[PublishedFigure.Value]: [Int]] = [:]
    for number in numbers { groups[common.map { figures[number].place[$0]! }, default: []].append(number) }
    for (_, members) in groups.sorted(by: { $0.value[0] < $1.value[0] }) {
      cross(&subject, members, figures)
    }
    subjects[name] = subject
  }

  private mutating func cross(_ subject: inout Subject, _ numbers: [Int], _ figures: [PublishedFigure]) {
    var values: [[PublishedFigure.Value]] = []
    for dimension in subject.dimensions {
      var seen: [PublishedFigure.Value] = []
      var known: Set<PublishedFigure.Value> = []
      for number in numbers {
        guard let value = figures[number].place[dimension] else { continue }
        for piece in pieces(value, dimension) where known.insert(piece).inserted { seen.append(piece) }
      }
      values.append(seen)
    }
    for number in numbers {
      let figure = figures[number]
      var crossings: [[PublishedFigure.Value]] = [[]]
      for (place, dimension) in subject.dimensions.enumerated() {
        let own = figure.place[dimension].map { pieces($0, dimension) } ?? values[place]
        crossings = crossings.flatMap { crossing in own.map { crossing + [$0] } }
      }
      let atoms = crossings.map { atom($0, &subject) }
      if atoms.count == 1 {
        variables[number] = atoms[0]
        if !system.restrict(atoms[0], to: figure.possible) { hasContradiction = true }
      } else {
        variables[number] = count(figure.possible)
        system.add(atoms, sumTo: variables[number])
      }
    }
  }

  private mutating func atom(_ crossing: [PublishedFigure.Value], _ subject: inout Subject) -> Int {
    if let known = subject.atoms[crossing] { return known }
    let variable = count(.any)
    subject.atoms[crossing] = variable
    return variable
  }

  private mutating func count(_ domain: PossibleCounts) -> Int {
    let variable = system.variable(domain)
    counts.append(variable)
    return variable
  }

  // MARK: - Rests

  private mutating func add(_ rest: PublishedRest) -> Int {
    let whole = atoms(of: rest.whole, at: rest.place)
    let part = atoms(of: rest.part, at: rest.place)
    guard !whole.isEmpty, !part.isEmpty else { return -1 }
    let variable = count(rest.possible)
    system.add(whole, less: part + [variable], within: 0...0)
    return variable
  }

  /// The crossings of a subject that lie at a place; none where the subject does not tell such places apart.
  private func atoms(of name: String, at place: [String: PublishedFigure.Value]) -> [Int] {
    guard let subject = subjects[name] else { return [] }
    var wanted: [(position: Int, values: Set<PublishedFigure.Value>)] = []
    for (dimension, value) in place {
      guard let position = subject.dimensions.firstIndex(of: dimension) else { return [] }
      wanted.append((position, Set(pieces(value, dimension))))
    }
    return subject.atoms.filter { crossing, _ in
      wanted.allSatisfy { $0.values.contains(crossing[$0.position]) }
    }.map(\.value).sorted()
  }

  // MARK: - Relations

  private mutating func add(_ relation: SubjectRelation) {
    switch relation {
    case .sum(let whole, let parts):
      // A part of which no figure is published is there all the same.
      let known = parts.filter { subjects[$0] != nil }
      guard subjects[whole] != nil, !known.isEmpty else { return }
      compare([whole], known, 0...(known.count == parts.count ? 0 : PossibleCounts.most))
    case .atLeast(let more, let less):
      guard subjects[more] != nil, subjects[less] != nil else { return }
      compare([more], [less], 0...PossibleCounts.most)
    }
  }

  /// By the dimensions that all of them tell apart: one sum less the others is within the range.
  private mutating func compare(_ left: [String], _ right: [String], _ range: ClosedRange<Int>) {
    let all = left + right
    let common = subjects[all[0]]!.dimensions.filter { dimension in
      all.allSatisfy { subjects[$0]!.dimensions.contains(dimension) }
    }
    let sums = all.map { groups(subjects[$0]!, by: common) }
    var keys: Set<[PublishedFigure.Value]> = Set(sums[0].keys)
    for sum in sums.dropFirst() { keys.formIntersection(sum.keys) }
    for key in keys.sorted(by: { "\($0)" < "\($1)" }) {
      let more = sums[..<left.count].flatMap { $0[key]! }
      let less = sums[left.count...].flatMap { $0[key]! }
      system.add(more, less: less, within: range)
    }
  }

  private func groups(_ subject: Subject, by common: [String]) -> [[PublishedFigure.Value]: [Int]] {
    let places = common.map { subject.dimensions.firstIndex(of: $0)! }
    var groups: [[PublishedFigure.Value]: [Int]] = [:]
    for (crossing, variable) in subject.atoms { groups[places.map { crossing[$0] }, default: []].append(variable) }
    return groups.mapValues { $0.sorted() }
  }
}
