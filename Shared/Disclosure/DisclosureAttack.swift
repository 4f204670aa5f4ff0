import Clinical

/// What an intruder can find out who has everything that was published and knows all definitions.
public struct DisclosureAttack: Sendable {
  /// A figure behind which fewer than three small counts are possible.
  public struct Pinned: Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
      /// All that it can be.
      case values([Int])
      /// Not decided within the limit, which counts as pinned.
      case undecided
      /// The change since another state of the data can only be these.
      case difference(ClosedRange<Int>, since: String)
    }

    public let state: String
    public let figure: PublishedFigure.Name
    /// It is what of the whole is not in this figure.
    public var isRest = false
    public let reason: Reason

    public var description: String {
      let what = isRest ? "all but \(figure.kind.rawValue)" : figure.kind.rawValue
      let cell = "\(figure.dataset), \(figure.labels.joined(separator: "|")), \(what), \(state)"
      switch reason {
      case .values(let values): return "\(cell): can only be \(values.map(String.init).joined(separator: " or "))"
      case .undecided: return "\(cell): not decided within the limit"
      case .difference(let range, let since):
        return "\(cell): changed by \(range.lowerBound) to \(range.upperBound) since \(since)"
      }
    }
  }

  public private(set) var pinned: [Pinned] = []
  /// States of which the published counts and the definitions cannot both be true.
  public private(set) var contradictory: [String] = []
  /// Figures looked at.
  public private(set) var figures = 0

  public static let wanted = 3
  static let small = 1...PublishedCount.usualThreshold

  /// - Parameter states: everything published, by the state of the data that it is of, in order of time.
  public init(_ states: [(name: String, state: PublishedState)], effort: Int = 1_000_000) {
    var before: (name: String, bounds: [PublishedFigure.Name: ClosedRange<Int>])?
    for (name, state) in states {
      figures += state.figures.count
      let system = FigureSystem(state)
      let found = FeasibleValues(system.system, questions: system.counts, wanted: Self.wanted, effort: effort)
      if system.hasContradiction || found.isContradictory {
        contradictory.append(name)
        before = nil
        continue
      }
      var bounds: [PublishedFigure.Name: ClosedRange<Int>] = [:]
      for (figure, variable) in zip(state.figures, system.variables) {
        bounds[figure.name] = found.bounds[variable]
        if let reason = Self.reason(found.answers[variable]!, found.bounds[variable]) {
          pinned.append(Pinned(state: name, figure: figure.name, reason: reason))
        }
      }
      for (rest, variable) in zip(state.rests, system.restVariables) where variable >= 0 {
        if let reason = Self.reason(found.answers[variable]!, found.bounds[variable]) {
          pinned.append(Pinned(state: name, figure: rest.name, isRest: true, reason: reason))
        }
      }
      pinned += Self.crossings(state, system, found, name)
      if let before { pinned += Self.differences(state.figures, before.bounds, bounds, name, since: before.name) }
      before = (name, bounds)
    }
  }

  private static func reason(_ answer: FeasibleValues.Answer, _ bounds: ClosedRange<Int>) -> Pinned.Reason? {
    switch answer {
    case .enough: nil
    case .only(let values): values.contains { small.contains($0) } ? .values(values) : nil
    case .undecided: bounds.overlaps(small) ? .undecided : nil
    }
  }

  /// Counts that no figure shows and several together give away, named by a figure that they are part of.
  private static func crossings(
    _ state: PublishedState, _ system: FigureSystem, _ found: FeasibleValues, _ name: String
  ) -> [Pinned] {
    let shown = Set(system.variables + system.restVariables)
    let hidden = system.counts.filter { !shown.contains($0) }
    guard !hidden.isEmpty else { return [] }
    var owners: [Int: Int] = [:]
    for (number, variable) in system.variables.enumerated() where owners[variable] == nil { owners[variable] = number }
    var parts: [Int: Int] = [:]
    for constraint in system.system.constraints where constraint.range == 0...0 {
      guard let whole = constraint.terms.last, whole.sign < 0, let owner = owners[whole.variable] else { continue }
      for term in constraint.terms.dropLast() where parts[term.variable] == nil { parts[term.variable] = owner }
    }
    return hidden.compactMap { variable in
      guard let owner = parts[variable], let reason = reason(found.answers[variable]!, found.bounds[variable]) else {
        return nil
      }
      return Pinned(state: name, figure: state.figures[owner].name, reason: reason)
    }
  }

  private static func differences(
    _ figures: [PublishedFigure], _ before: [PublishedFigure.Name: ClosedRange<Int>],
    _ after: [PublishedFigure.Name: ClosedRange<Int>], _ name: String, since: String
  ) -> [Pinned] {
    figures.map(\.name).compactMap { figure in
      guard let old = before[figure], let new = after[figure] else { return nil }
      let change = (new.lowerBound - old.upperBound)...(new.upperBound - old.lowerBound)
      let isSmall = change.overlaps(small) || change.overlaps(-small.upperBound ... -small.lowerBound)
      guard change.count < wanted, isSmall else { return nil }
      return Pinned(state: name, figure: figure, reason: .difference(change, since: since))
    }
  }
}
