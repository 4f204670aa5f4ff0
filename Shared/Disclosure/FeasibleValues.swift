/// What each variable of a system can be, found as far as the question needs: whether it can be at least so many
/// different things.
///
/// Bounds are drawn tight first. Where the constraints of a component form a tree and no domain has a gap, every value
/// between the bounds can be, and nothing needs to be searched (arc-consistent trees are consistent). Elsewhere
/// solutions are looked for, one after the other, until every variable has shown enough values or time is up.
public struct FeasibleValues: Sendable {
  public enum Answer: Equatable, Sendable {
    case enough
    /// Only these.
    case only([Int])
    /// Not decided within the limit; whoever protects takes it for too few.
    case undecided
  }

  /// By variable asked about.
  public private(set) var answers: [Int: Answer] = [:]
  /// By variable, as far as bounds tell.
  public private(set) var bounds: [ClosedRange<Int>] = []
  /// Nothing fits all that is said.
  public private(set) var isContradictory = false

  private let wanted: Int

  /// - Parameters:
  ///   - questions: variables.
  ///   - wanted: how many values are enough.
  ///   - effort: terms of constraints looked at per component; the same on every machine, so that the answers are.
  public init(_ system: LinearSystem, questions: [Int], wanted: Int = 3, effort: Int = 1_000_000) {
    self.wanted = wanted
    var tight = Bounds(system)
    var isThrough = false
    do throws(Bounds.Contradiction) {
      isThrough = try tight.propagateAll(effort: effort + 100 * system.size)
    } catch {
      isContradictory = true
      for question in questions { answers[question] = .undecided }
      return
    }
    bounds = zip(tight.lower, tight.upper).map { $0...$1 }
    var open: [Int: [Int]] = [:]
    let components = Components(system, tight)
    for question in Set(questions) {
      let domain = system.domains[question]
      if domain.count(in: bounds[question], upTo: wanted) < wanted {
        // Bounds are wide or exact: a value between them that nothing supports only makes fewer of few.
        answers[question] = .only(values(domain, bounds[question]))
      } else if isThrough, components.isExact(question) {
        answers[question] = .enough
      } else {
        open[components.number(question), default: []].append(question)
      }
    }
    for (component, questions) in open.sorted(by: { $0.key < $1.key }) {
      let variables = components.variables(component)
      let part = system.part(variables, components.constraints(component), tight)
      search(part, variables, questions.sorted(), effort)
    }
  }

  private func values(_ domain: PossibleCounts, _ bounds: ClosedRange<Int>) -> [Int] {
    var found: [Int] = []
    var value = domain.first(from: bounds.lowerBound)
    while let present = value, present <= bounds.upperBound, found.count < wanted {
      found.append(present)
      value = domain.first(from: present + 1)
    }
    return found
  }

  // MARK: - Search

  /// - Parameter variables: of the whole system, in the order of those of the part.
  private mutating func search(_ part: LinearSystem, _ variables: [Int], _ questions: [Int], _ effort: Int) {
    let numbers = Dictionary(uniqueKeysWithValues: variables.enumerated().map { ($1, $0) })
    let own = questions.map { numbers[$0]! }
    var seen: [Int: Set<Int>] = [:]
    var left = effort
    func isOpen(_ question: Int) -> Bool { seen[question, default: []].count < wanted }
    func note(_ solution: Bounds) {
      for question in own { seen[question, default: []].insert(solution.lower[question]) }
    }
    left -= walk(part, own, effort / 2, isOpen) { question, value in seen[question, default: []].insert(value) }
    for (question, whole) in zip(own, questions) {
      let domain = part.domains[question]
      var isDecided = true
      var value = domain.first(from: domain.bounds.lowerBound)
      var tried = 0
      while isOpen(question), let present = value, tried < 64 {
        value = domain.first(from: present + 1)
        if seen[question, default: []].contains(present) { continue }
        tried += 1
        // A part of what is left, so that the first question does not take it all.
        var solver = SolutionSearch(part, preference: tried, effort: left / 8)
        defer { left -= solver.work }
        switch solver.solve(question, at: present) {
        case .found(let solution): note(solution)
        case .none: break
        case .unknown: isDecided = false
        }
      }
      if !isOpen(question) {
        answers[whole] = .enough
      } else {
        let isThrough = isDecided && value == nil
        answers[whole] = isThrough ? .only(seen[question, default: []].sorted()) : .undecided
      }
    }
  }

  /// Solutions by walking: one answers for all, and the next begins where it ended, with something else there.
  /// - Returns: the effort.
  private func walk(
    _ part: LinearSystem, _ questions: [Int], _ effort: Int, _ isOpen: (Int) -> Bool, _ note: (Int, Int) -> Void
  ) -> Int {
    var bounds = Bounds(part)
    guard (try? bounds.propagateAll(effort: effort)) ?? false else { return bounds.work }
    var solution = SolutionWalk(part, seed: 1)
    solution.start(bounds)
    guard solution.mend(effort: effort / 2) else { return bounds.work + solution.work }
    for question in questions { note(question, solution.value(question)) }
    for step in 1...4 {
      for question in questions where isOpen(question) {
        for change in [step, -step] where isOpen(question) && bounds.work + solution.work < effort {
          let value = solution.value(question) + change
          guard bounds.lower[question]...bounds.upper[question] ~= value,
            part.domains[question].first(from: value) == value
          else { continue }
          var next = solution
          let isMended = next.mend(effort: effort / 64, fixed: (question, value))
          if isMended { for other in questions { note(other, next.value(other)) } }
          solution.spend(next.work - solution.work)
        }
      }
    }
    return bounds.work + solution.work
  }
}

/// Variables that constraints hold together; what is fixed holds nothing together.
private struct Components {
  private var roots: [Int]
  private var members: [Int: [Int]] = [:]
  private var held: [Int: [Int]] = [:]
  private var trees: Set<Int> = []

  init(_ system: LinearSystem, _ bounds: Bounds) {
    roots = Array(system.domains.indices)
    func isFixed(_ variable: Int) -> Bool { bounds.lower[variable] == bounds.upper[variable] }
    for constraint in system.constraints {
      let free = constraint.terms.map(\.variable).filter { !isFixed($0) }
      for other in free.dropFirst() { join(free[0], other) }
    }
    var edges: [Int: Int] = [:]
    var nodes: [Int: Int] = [:]
    var gaps: Set<Int> = []
    for variable in roots.indices {
      let root = find(variable)
      members[root, default: []].append(variable)
      nodes[root, default: 0] += 1
      if system.domains[variable].hasGap, !isFixed(variable) { gaps.insert(root) }
    }
    for (number, constraint) in system.constraints.enumerated() {
      let free = constraint.terms.map(\.variable).filter { !isFixed($0) }
      guard let first = free.first else { continue }
      held[find(first), default: []].append(number)
      nodes[find(first), default: 0] += 1
      edges[find(first), default: 0] += free.count
    }
    for (root, count) in nodes where edges[root, default: 0] == count - 1 && !gaps.contains(root) { trees.insert(root) }
  }

  private mutating func find(_ variable: Int) -> Int {
    var root = variable
    while roots[root] != root { root = roots[root] }
    var step = variable
    while roots[step] != root { (roots[step], step) = (root, roots[step]) }
    return root
  }

  private mutating func join(_ one: Int, _ other: Int) {
    let (left, right) = (find(one), find(other))
    if left != right { roots[right] = left }
  }

  private func root(_ variable: Int) -> Int {
    var root = variable
    while roots[root] != root { root = roots[root] }
    return root
  }

  func number(_ variable: Int) -> Int { root(variable) }
  func variables(_ component: Int) -> [Int] { members[component] ?? [] }
  func constraints(_ component: Int) -> [Int] { held[component] ?? [] }
  func isExact(_ variable: Int) -> Bool { trees.contains(root(variable)) }
}

/// Looks for one solution of a component: fixes a variable, draws what follows, and takes back what leads nowhere.
private struct SolutionSearch {
  enum Outcome {
    case found(Bounds)
    /// There is none.
    case none
    case unknown
  }

  private let system: LinearSystem
  private let preference: Int
  private var bounds: Bounds
  private let effort: Int
  private var random: UInt64

  var work: Int { bounds.work }

  init(_ system: LinearSystem, preference: Int, effort: Int) {
    (self.system, bounds) = (system, Bounds(system))
    (self.preference, self.effort) = (preference, effort)
    random = UInt64(preference) &* 0x9E37_79B9_7F4A_7C15 &+ 1
  }

  mutating func solve(_ variable: Int? = nil, at value: Int = 0) -> Outcome {
    do throws(Bounds.Contradiction) {
      guard try bounds.propagateAll(effort: effort) else { return .unknown }
      if let variable, try !bounds.fix(variable, at: value, effort: effort) { return .unknown }
    } catch {
      return .none
    }
    switch descend() {
    case true?: return .found(bounds)
    case false?: return .none
    case nil: return .unknown
    }
  }

  /// True: everything is fixed; false: nothing fits; nil: no effort left.
  private mutating func descend() -> Bool? {
    guard let variable = tightest() else { return true }
    var wasCutShort = false
    for value in candidates(variable) {
      guard bounds.work < effort else { return nil }
      let mark = bounds.mark
      do throws(Bounds.Contradiction) {
        guard try bounds.fix(variable, at: value, effort: effort) else {
          bounds.undo(to: mark)
          return nil
        }
        switch descend() {
        case true?: return true
        case false?: break
        case nil: wasCutShort = true
        }
      } catch {}
      bounds.undo(to: mark)
      if wasCutShort { return nil }
    }
    // Of a wide range only some values were tried.
    return width(variable) < Self.candidates ? false : nil
  }

  private static let candidates = 24

  private func width(_ variable: Int) -> Int {
    system.domains[variable].count(in: bounds.lower[variable]...bounds.upper[variable], upTo: Self.candidates)
  }

  private func tightest() -> Int? {
    var best: (variable: Int, width: Int)?
    for variable in system.domains.indices {
      let width = bounds.upper[variable] - bounds.lower[variable]
      if width > 0, width < best?.width ?? .max { best = (variable, width) }
    }
    return best?.variable
  }

  /// Values in the order in which they are tried: from about where sums leave everybody an equal part, outwards, each
  /// attempt a little elsewhere. Of a wide range also some that are far off.
  private mutating func candidates(_ variable: Int) -> [Int] {
    let range = bounds.lower[variable]...bounds.upper[variable]
    let domain = system.domains[variable]
    var middle = bounds.equalPart(of: variable)
    if preference > 0 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      middle += Int(random >> 33) % (2 * preference + 1) - preference
    }
    middle = min(max(middle, range.lowerBound), range.upperBound)
    var values: [Int] = []
    var up = domain.first(from: middle)
    var down = domain.last(upTo: middle - 1)
    while values.count < Self.candidates, up != nil || down != nil {
      if let present = up {
        if present <= range.upperBound { values.append(present) }
        up = present < range.upperBound ? domain.first(from: present + 1) : nil
      }
      if let present = down {
        if present >= range.lowerBound { values.append(present) }
        down = present > range.lowerBound ? domain.last(upTo: present - 1) : nil
      }
    }
    if range.count > values.count {
      var step = Self.candidates
      while range.lowerBound + step < range.upperBound, step < 1 << 20 {
        if let present = domain.first(from: range.lowerBound + step), present <= range.upperBound {
          values.append(present)
        }
        step *= 2
      }
      values += [range.lowerBound, range.upperBound]
    }
    return values
  }
}
