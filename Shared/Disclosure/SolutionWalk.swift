/// Looks for solutions of a system by walking: starts from some values and mends one violated sum after the other,
/// always by the change that spoils least elsewhere. Finds solutions where there are many, as among rounded counts; where
/// it finds none it has proved nothing.
struct SolutionWalk {
  /// A sum of free variables and what it may be. A variable that only names a sum is not free.
  private struct Sum {
    var terms: [LinearSystem.Term]
    var domain: PossibleCounts
    var offset = 0
  }

  private var sums: [Sum] = []
  private var sumsOf: [[(sum: Int, sign: Int)]]
  /// By variable: the sum that it names; -1 where it is free.
  private var names: [Int]
  private let domains: [PossibleCounts]
  private var values: [Int]
  private var totals: [Int] = []
  private var violated: [Int] = []
  private var placeOfViolated: [Int] = []
  /// By variable, the step in which it was changed last: what was just done is not undone at once.
  private var changedAt: [Int]
  private var steps = 0
  private var random: UInt64
  private(set) var work = 0

  init(_ system: LinearSystem, seed: UInt64) {
    domains = system.domains
    random = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    names = Array(repeating: -1, count: domains.count)
    values = Array(repeating: 0, count: domains.count)
    changedAt = Array(repeating: -1_000, count: domains.count)
    sumsOf = Array(repeating: [], count: domains.count)
    let constraintsOf = system.constraintsOfVariables()
    for constraint in system.constraints {
      let named = constraint.terms.last(where: { term in
        constraint.range == 0...0 && constraintsOf[term.variable].count == 1 && names[term.variable] < 0
      })
      if let named {
        names[named.variable] = sums.count
        let others = constraint.terms.filter { $0.variable != named.variable }
        // named = −sign × (the sum of the others)
        sums.append(
          Sum(
            terms: others.map { LinearSystem.Term(variable: $0.variable, sign: -named.sign * $0.sign) },
            domain: domains[named.variable]))
      } else {
        sums.append(Sum(terms: constraint.terms, domain: PossibleCounts(constraint.range)))
      }
    }
    for (number, sum) in sums.enumerated() {
      for term in sum.terms { sumsOf[term.variable].append((number, term.sign)) }
    }
    totals = Array(repeating: 0, count: sums.count)
    placeOfViolated = Array(repeating: -1, count: sums.count)
  }

  /// Every variable where equal parts of its sums would have it.
  mutating func start(_ bounds: Bounds) {
    for variable in values.indices where names[variable] < 0 {
      let middle = bounds.equalPart(of: variable)
      values[variable] = domains[variable].last(upTo: max(middle, domains[variable].bounds.lowerBound)) ?? 0
    }
    for (number, sum) in sums.enumerated() {
      totals[number] = sum.terms.reduce(0) { $0 + $1.sign * values[$1.variable] }
      note(number)
    }
  }

  func value(_ variable: Int) -> Int { names[variable] >= 0 ? totals[names[variable]] : values[variable] }

  /// - Parameter fixed: a variable that must have this value.
  /// - Returns: whether everything holds now.
  mutating func mend(effort: Int, fixed: (variable: Int, value: Int)? = nil) -> Bool {
    let limit = work + effort
    let restore = fixed.map { fix($0.variable, $0.value) } ?? nil
    defer { if let restore { unfix(restore) } }
    while !violated.isEmpty, work < limit { step(fixed?.variable) }
    return violated.isEmpty
  }

  /// Counts effort that a copy has made.
  mutating func spend(_ effort: Int) { work += effort }

  // MARK: - One variable held

  private enum Held {
    case sum(Int, PossibleCounts)
    case variable
  }

  private mutating func fix(_ variable: Int, _ value: Int) -> Held {
    if names[variable] >= 0 {
      let sum = names[variable]
      let before = sums[sum].domain
      sums[sum].domain = PossibleCounts(value...value)
      note(sum)
      return .sum(sum, before)
    }
    change(variable, to: value)
    return .variable
  }

  private mutating func unfix(_ held: Held) {
    guard case .sum(let sum, let domain) = held else { return }
    sums[sum].domain = domain
    note(sum)
  }

  // MARK: - Steps

  private mutating func draw(_ bound: Int) -> Int {
    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((random >> 33) % UInt64(bound))
  }

  private static func distance(_ total: Int, _ domain: PossibleCounts) -> Int {
    let bounds = domain.bounds
    if total < bounds.lowerBound { return bounds.lowerBound - total }
    if total > bounds.upperBound { return total - bounds.upperBound }
    guard let upper = domain.upper, total > domain.lower.upperBound, total < upper.lowerBound else { return 0 }
    return min(total - domain.lower.upperBound, upper.lowerBound - total)
  }

  /// What is missing to the nearest that the sum may be.
  private func missing(_ sum: Int) -> Int {
    let (total, domain) = (totals[sum], sums[sum].domain)
    if let next = domain.first(from: total), domain.last(upTo: total) != total {
      guard let before = domain.last(upTo: total) else { return next - total }
      return next - total <= total - before ? next - total : before - total
    }
    return domain.last(upTo: total).map { $0 - total } ?? 0
  }

  private mutating func step(_ held: Int?) {
    steps += 1
    let rest = 2 + draw(10)
    let sum = violated[draw(violated.count)]
    let gap = missing(sum)
    var best: (variable: Int, value: Int, cost: Int)?
    let terms = sums[sum].terms
    let start = draw(terms.count)
    for place in terms.indices {
      let term = terms[(start + place) % terms.count]
      guard term.variable != held, steps - changedAt[term.variable] > rest else { continue }
      let own = values[term.variable]
      for part in Set([gap, gap.signum()]) {
        let wanted = own + term.sign * part
        let domain = domains[term.variable]
        let near = wanted > own ? domain.first(from: wanted) : domain.last(upTo: wanted)
        guard let value = near ?? (wanted > own ? domain.last(upTo: wanted) : domain.first(from: wanted)), value != own
        else { continue }
        let cost = cost(of: term.variable, at: value)
        if cost < best?.cost ?? .max || cost == best?.cost && draw(2) == 0 { best = (term.variable, value, cost) }
      }
      if terms.count > 64, place > 48, best != nil { break }
    }
    if let best { change(best.variable, to: best.value) } else { work += 1 }
  }

  private mutating func cost(of variable: Int, at value: Int) -> Int {
    let change = value - values[variable]
    var cost = 0
    for (sum, sign) in sumsOf[variable] {
      let domain = sums[sum].domain
      cost += Self.distance(totals[sum] + sign * change, domain) - Self.distance(totals[sum], domain)
    }
    work += sumsOf[variable].count
    return cost
  }

  private mutating func change(_ variable: Int, to value: Int) {
    let change = value - values[variable]
    values[variable] = value
    changedAt[variable] = steps
    for (sum, sign) in sumsOf[variable] {
      totals[sum] += sign * change
      note(sum)
    }
    work += sumsOf[variable].count
  }

  /// Keeps the list of violated sums.
  private mutating func note(_ sum: Int) {
    let isViolated = Self.distance(totals[sum], sums[sum].domain) > 0
    let place = placeOfViolated[sum]
    if isViolated, place < 0 {
      placeOfViolated[sum] = violated.count
      violated.append(sum)
    } else if !isViolated, place >= 0 {
      let last = violated.removeLast()
      if last != sum {
        violated[place] = last
        placeOfViolated[last] = place
      }
      placeOfViolated[sum] = -1
    }
  }
}
