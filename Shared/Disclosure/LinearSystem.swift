/// Counts that are not known, what each may be, and sums of some of them that are known within bounds.
public struct LinearSystem: Sendable {
  struct Term: Sendable {
    let variable: Int
    /// 1 or -1.
    let sign: Int
  }

  struct Constraint: Sendable {
    let terms: [Term]
    let range: ClosedRange<Int>
  }

  private(set) var domains: [PossibleCounts] = []
  private(set) var constraints: [Constraint] = []

  public init() {}

  public mutating func variable(_ domain: PossibleCounts = .any) -> Int {
    domains.append(domain)
    return domains.count - 1
  }

  /// Terms of all constraints.
  var size: Int { constraints.reduce(0) { $0 + $1.terms.count } }

  /// - Returns: false where nothing can be both.
  @discardableResult
  public mutating func restrict(_ variable: Int, to domain: PossibleCounts) -> Bool {
    guard let both = domains[variable].intersection(domain) else { return false }
    domains[variable] = both
    return true
  }

  /// The whole is the sum of the parts.
  public mutating func add(_ parts: [Int], sumTo whole: Int) {
    constraints.append(
      Constraint(terms: parts.map { Term(variable: $0, sign: 1) } + [Term(variable: whole, sign: -1)], range: 0...0))
  }

  /// One sum less another is within bounds.
  public mutating func add(_ parts: [Int], less others: [Int], within range: ClosedRange<Int>) {
    constraints.append(
      Constraint(
        terms: parts.map { Term(variable: $0, sign: 1) } + others.map { Term(variable: $0, sign: -1) }, range: range))
  }

  /// The part of the system that these variables and constraints make up, numbered by their order; all other variables
  /// are fixed.
  func part(_ variables: [Int], _ own: [Int], _ bounds: Bounds) -> LinearSystem {
    var numbers: [Int: Int] = [:]
    var part = LinearSystem()
    for variable in variables {
      let domain = domains[variable].intersection(PossibleCounts(bounds.lower[variable]...bounds.upper[variable]))
      numbers[variable] = part.variable(domain ?? domains[variable])
    }
    for constraint in own.map({ constraints[$0] }) {
      var fixed = 0
      var terms: [Term] = []
      for term in constraint.terms {
        if let number = numbers[term.variable] {
          terms.append(Term(variable: number, sign: term.sign))
        } else {
          fixed += term.sign * bounds.lower[term.variable]
        }
      }
      let range = (constraint.range.lowerBound - fixed)...(constraint.range.upperBound - fixed)
      part.constraints.append(Constraint(terms: terms, range: range))
    }
    return part
  }

  /// By variable, the constraints that it stands in.
  func constraintsOfVariables() -> [[Int]] {
    var found = [[Int]](repeating: [], count: domains.count)
    for (number, constraint) in constraints.enumerated() {
      for term in constraint.terms { found[term.variable].append(number) }
    }
    return found
  }
}

/// Bounds of the variables of a system, drawn tighter as far as single constraints tell; changes can be taken back.
struct Bounds {
  struct Contradiction: Error {}

  private let system: LinearSystem
  private let constraintsOf: [[Int]]
  private(set) var lower: [Int]
  private(set) var upper: [Int]
  private var trail: [(variable: Int, lower: Int, upper: Int)] = []
  private var queue: [Int] = []
  /// Terms looked at: a measure of effort that is the same on every machine.
  private(set) var work = 0
  private var isQueued: [Bool]

  init(_ system: LinearSystem) {
    self.system = system
    constraintsOf = system.constraintsOfVariables()
    lower = system.domains.map(\.bounds.lowerBound)
    upper = system.domains.map(\.bounds.upperBound)
    isQueued = Array(repeating: false, count: system.constraints.count)
  }

  /// To come back to with ``undo(to:)``.
  var mark: Int { trail.count }

  mutating func undo(to mark: Int) {
    while trail.count > mark {
      let change = trail.removeLast()
      (lower[change.variable], upper[change.variable]) = (change.lower, change.upper)
    }
    for constraint in queue { isQueued[constraint] = false }
    queue.removeAll(keepingCapacity: true)
  }

  /// - Returns: false where the effort has not sufficed: bounds are right then and could be tighter. What excludes itself
  ///   can draw its bounds in by one at a time.
  @discardableResult
  mutating func propagateAll(effort: Int) throws(Contradiction) -> Bool {
    for constraint in system.constraints.indices { enqueue(constraint) }
    return try propagate(effort)
  }

  /// Draws everything from one variable's value.
  @discardableResult
  mutating func fix(_ variable: Int, at value: Int, effort: Int) throws(Contradiction) -> Bool {
    try narrow(variable, value, value)
    return try propagate(effort)
  }

  /// About what a variable has when every sum is shared out equally among what is not fixed yet.
  func equalPart(of variable: Int) -> Int {
    var best: Int?
    for number in constraintsOf[variable] {
      let constraint = system.constraints[number]
      guard let own = constraint.terms.first(where: { $0.variable == variable }) else { continue }
      var need = 0
      var sharers = 0
      var isBounded = true
      for term in constraint.terms {
        if term.sign == own.sign {
          need -= lower[term.variable]
          if lower[term.variable] < upper[term.variable] { sharers += 1 }
        } else {
          if upper[term.variable] - lower[term.variable] > 1 << 20 { isBounded = false }
          need += (lower[term.variable] + upper[term.variable]) / 2
        }
      }
      guard isBounded, constraint.range.upperBound < 1 << 20, sharers > 0 else { continue }
      let part = lower[variable] + max(0, need) / sharers
      best = min(best ?? part, part)
    }
    if let best { return best }
    let width = upper[variable] - lower[variable]
    return lower[variable] + (width < 1 << 20 ? width / 2 : 8)
  }

  private mutating func enqueue(_ constraint: Int) {
    guard !isQueued[constraint] else { return }
    isQueued[constraint] = true
    queue.append(constraint)
  }

  private mutating func propagate(_ effort: Int) throws(Contradiction) -> Bool {
    var next = 0
    while next < queue.count {
      guard work < effort else { return false }
      let number = queue[next]
      next += 1
      isQueued[number] = false
      try tighten(system.constraints[number])
      if next > 4_096 {
        queue.removeFirst(next)
        next = 0
      }
    }
    queue.removeAll(keepingCapacity: true)
    return true
  }

  private mutating func tighten(_ constraint: LinearSystem.Constraint) throws(Contradiction) {
    work += constraint.terms.count
    var (least, most) = (0, 0)
    for term in constraint.terms {
      least += term.sign > 0 ? lower[term.variable] : -upper[term.variable]
      most += term.sign > 0 ? upper[term.variable] : -lower[term.variable]
    }
    guard least <= constraint.range.upperBound, most >= constraint.range.lowerBound else { throw Contradiction() }
    for term in constraint.terms {
      let (own, ownMost) =
        term.sign > 0
        ? (lower[term.variable], upper[term.variable]) : (-upper[term.variable], -lower[term.variable])
      // Bounds of sign × variable, by what the others leave.
      let newLeast = max(own, constraint.range.lowerBound - (most - ownMost))
      let newMost = min(ownMost, constraint.range.upperBound - (least - own))
      if newLeast > own || newMost < ownMost {
        let before = (lower[term.variable], upper[term.variable])
        if term.sign > 0 {
          try narrow(term.variable, newLeast, newMost)
        } else {
          try narrow(term.variable, -newMost, -newLeast)
        }
        let after = (lower[term.variable], upper[term.variable])
        least += term.sign > 0 ? after.0 - before.0 : before.1 - after.1
        most += term.sign > 0 ? after.1 - before.1 : before.0 - after.0
      }
    }
  }

  private mutating func narrow(_ variable: Int, _ least: Int, _ most: Int) throws(Contradiction) {
    let domain = system.domains[variable]
    guard let first = domain.first(from: max(least, lower[variable])),
      let last = domain.last(upTo: min(most, upper[variable])), first <= last
    else { throw Contradiction() }
    guard first > lower[variable] || last < upper[variable] else { return }
    trail.append((variable, lower[variable], upper[variable]))
    (lower[variable], upper[variable]) = (first, last)
    for constraint in constraintsOf[variable] { enqueue(constraint) }
  }
}
