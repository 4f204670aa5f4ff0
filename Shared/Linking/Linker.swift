/// Which records are one person: a function of the set of records, whatever their order.
///
/// Strong clusters come first, by NHS number (``NumberClusters``). What has no trusted number is attached to one of them
/// where exactly one answers, from the most telling key down, and by itself where none does (``LinkPass``,
/// ``PassRound``). Two clusters with trusted numbers are never joined, so twins with a number each stay two.
///
/// The outcome for some nodes depends on no others than those that share a key with them, directly or over others.
public struct Linker: Sendable {
  /// By node, the smallest node of its cluster.
  public private(set) var clusters: [Int32]
  /// By node, the step on which its belonging to its person rests: the last by which it, or the cluster that it was in, came
  /// to another. That others came to it later changes nothing. Nil: it is alone.
  public private(set) var passes: [LinkPass?]
  /// By node, whether it belongs to the cluster that owns its number.
  public let isTrusted: [Bool]
  /// Nodes that several clusters answered, with the step.
  public private(set) var ambiguous: [(node: Int, pass: LinkPass)] = []
  /// Numbers of several clusters.
  public let disputed: Int

  private var sets: DisjointSets

  public init(_ nodes: LinkNodes) {
    sets = DisjointSets(nodes.count)
    let numbers = NumberClusters(nodes, joining: &sets)
    disputed = numbers.disputed
    isTrusted = numbers.isTrusted
    clusters = []
    passes = [LinkPass?](repeating: nil, count: nodes.count)
    settle()
    noteNumbers()
    let isLocalShared = SharedLocals.find(nodes, roots: clusters, isTrusted: isTrusted)
    for pass in LinkPass.weak {
      // A cluster that has just joined may bring another its anchor.
      repeat {
        let traits = ClusterTraits(
          nodes, roots: clusters, isTrusted: isTrusted, isLocalShared: isLocalShared,
          ambiguous: ambiguous.map(\.node))
        let outcome = PassRound(nodes, pass, roots: clusters, traits: traits).outcome()
        ambiguous += outcome.ambiguous.map { ($0, pass) }
        if outcome.isEmpty { break }
        note(pass, outcome)
        for (one, other) in outcome.attached + outcome.joined { sets.join(one, other) }
        settle()
      } while pass.isExact
    }
    ambiguous.sort { $0.node < $1.node }
  }

  private mutating func settle() { clusters = (0..<passes.count).map { Int32(sets.root($0)) } }

  private mutating func noteNumbers() {
    for node in 0..<passes.count where clusters[node] != node { passes[node] = .number }
    for node in 0..<passes.count where passes[node] != nil { passes[Int(clusters[node])] = .number }
  }

  /// Before its joins are made.
  private mutating func note(_ pass: LinkPass, _ outcome: PassRound.Outcome) {
    var came: Set<Int32> = []
    var receiving: Set<Int32> = []
    for (weak, anchor) in outcome.attached {
      came.insert(Int32(weak))
      receiving.insert(Int32(anchor))
    }
    for (one, other) in outcome.joined { came.formUnion([Int32(one), Int32(other)]) }
    for node in 0..<passes.count where !isTrusted[node] {
      if came.contains(clusters[node]) || (passes[node] == nil && receiving.contains(clusters[node])) {
        passes[node] = pass
      }
    }
  }

  /// By node, whether it belongs to the cluster that owns its number. It depends on no others than those with this number.
  public static func trusted(_ nodes: LinkNodes) -> [Bool] {
    var sets = DisjointSets(nodes.count)
    return NumberClusters(nodes, joining: &sets).isTrusted
  }

  /// How sure it is that the node is one of its person: 1 is the surest, and what has a number of its own has it also alone;
  /// 0: it is alone.
  public func rank(_ node: Int) -> UInt8 {
    isTrusted[node] ? LinkPass.number.rawValue : passes[node]?.rawValue ?? 0
  }
}
