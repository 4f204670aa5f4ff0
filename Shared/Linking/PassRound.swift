/// One step, decided on the clusters at its beginning.
///
/// A cluster without a trusted number (a weak one) looks for anchors: clusters that it could belong to. Those are the
/// clusters with a trusted number; where the step is among weak clusters only, those with a record of a practice, for
/// nearly everybody is registered with one. With exactly one it joins. With several it stays by itself, and takes part in
/// no later step: whatever would tell them apart has been asked before.
struct PassRound {
  private let nodes: LinkNodes
  private let pass: LinkPass
  private let roots: [Int32]
  private let traits: ClusterTraits

  struct Outcome {
    /// Roots of weak clusters, each with its anchor's.
    var attached: [(Int, Int)] = []
    /// Roots of weak clusters that are as good as each other.
    var joined: [(Int, Int)] = []
    /// Roots of clusters that several answered.
    var ambiguous: [Int] = []

    var isEmpty: Bool { attached.isEmpty && joined.isEmpty }
  }

  init(_ nodes: LinkNodes, _ pass: LinkPass, roots: [Int32], traits: ClusterTraits) {
    self.nodes = nodes
    self.pass = pass
    self.roots = roots
    self.traits = traits
  }

  /// Of one key: who has it. Two anchors are as good as many.
  private struct Holders {
    private(set) var anchors: [Int32] = []
    var weak: [Int32] = []

    mutating func add(anchor: Int32) {
      if anchors.count < 2, anchors.first != anchor { anchors.append(anchor) }
    }
  }

  func outcome() -> Outcome {
    let holders = holders()
    var answers: [Int32: Set<Int32>] = [:]
    for held in holders { note(held, &answers) }
    var outcome = Outcome()
    for (weak, anchors) in answers {
      if anchors.count == 1, let anchor = anchors.first {
        outcome.attached.append((Int(weak), Int(anchor)))
      } else {
        outcome.ambiguous.append(Int(weak))
      }
    }
    for held in holders where held.anchors.isEmpty { joinEachOther(held.weak, answers, &outcome) }
    return outcome
  }

  private func note(_ held: Holders, _ answers: inout [Int32: Set<Int32>]) {
    guard !held.anchors.isEmpty else { return }
    // One anchor for several who do not know each other tells of none that he is it.
    if pass.isMutual, held.anchors.count == 1, held.weak.count > 1 { return }
    // Nobody is registered twice: who is, is somebody else, to whom the others may belong as well.
    let barred =
      held.anchors.count == 1 && isRegistered(held.anchors[0]) && pass != .local && pass != .numberNearly
      ? held.weak.filter(isRegistered) : []
    for weak in held.weak where !barred.contains(weak) {
      answers[weak, default: []].formUnion(held.anchors + barred)
    }
  }

  private func isRegistered(_ root: Int32) -> Bool { traits.isRegistered[Int(root)] }

  private func joinEachOther(_ weak: [Int32], _ answers: [Int32: Set<Int32>], _ outcome: inout Outcome) {
    let free = weak.filter { answers[$0] == nil }
    guard free.count > 1 else { return }
    if pass.isExact {
      for other in free.dropFirst() { outcome.joined.append((Int(free[0]), Int(other))) }
    } else if !pass.reachesNumbers, free.count == 2, weak.count == 2 {
      outcome.joined.append((Int(free[0]), Int(free[1])))
    }
  }

  // MARK: Who holds which key

  /// Of keys that a weak cluster has and that more than one cluster has.
  private func holders() -> [Holders] {
    var weak: [(key: UInt64, root: Int32)] = []
    each { node, key in
      let root = roots[node]
      if takesPart(Int(root)) { weak.append((key, root)) }
    }
    weak.sort { $0 < $1 }
    var places = KeyPlaces(capacity: weak.count)
    var holders: [Holders] = []
    for (key, root) in weak {
      let place = places.place(of: key)
      if place == holders.count { holders.append(Holders()) }
      if isAnchor(root) {
        holders[place].add(anchor: root)
      } else if holders[place].weak.last != root {
        holders[place].weak.append(root)
      }
    }
    if pass.reachesNumbers {
      each { node, key in
        guard traits.isNumbered[Int(roots[node])], let place = places.known(key) else { return }
        holders[place].add(anchor: roots[node])
      }
    }
    return holders.filter { $0.anchors.count + $0.weak.count > 1 }
  }

  private func takesPart(_ root: Int) -> Bool {
    if traits.isNumbered[root] || traits.isAmbiguous[root] { return false }
    switch pass {
    case .firstOfJanuaryAlone: return traits.isJanuary[root]
    // Several records that say 1 January mean it.
    case .yearAlone: return !traits.isJanuary[root] || traits.isSingle[root]
    default: return true
    }
  }

  private func isAnchor(_ root: Int32) -> Bool {
    if pass == .firstOfJanuaryAlone { return false }
    if pass == .yearAlone { return !traits.isJanuary[Int(root)] }
    return pass.reachesNumbers ? traits.isNumbered[Int(root)] : traits.isRegistered[Int(root)]
  }

  /// Every node with each key of this step that it has. A number that is not trusted is no number to be nearly, and 1
  /// January no date of birth to go by.
  private func each(_ body: (Int, UInt64) -> Void) {
    for key in pass.keys {
      for node in 0..<nodes.count {
        let value = nodes.key(node, key)
        guard value != 0, pass != .local || !traits.isLocalShared[node] else { continue }
        guard key != .numberBirthSex || traits.isTrusted[node] else { continue }
        if key != .demographics || nodes.births[node] == .known { body(node, value) }
      }
    }
    if pass == .numberNearly { for guess in nodes.guesses { body(Int(guess.node), guess.key) } }
  }
}
