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
  /// By node, the step by which it, or the cluster that it was in, joined; nil: none did.
  public private(set) var passes: [LinkPass?]
  /// Nodes that several clusters answered, with the step.
  public private(set) var ambiguous: [(node: Int, pass: LinkPass)] = []
  /// Numbers of several clusters.
  public let disputed: Int

  private var sets: DisjointSets

  public init(_ nodes: LinkNodes) {
    sets = DisjointSets(nodes.count)
    let numbers = NumberClusters(nodes, joining: &sets)
    disputed = numbers.disputed
    clusters = []
    passes = [LinkPass?](repeating: nil, count: nodes.count)
    settle()
    notePasses(.number, since: (0..<Int32(nodes.count)).map(\.self), numbers.isTrusted)
    let isLocalShared = SharedLocals.find(nodes, roots: clusters, isTrusted: numbers.isTrusted)
    for pass in LinkPass.weak {
      // A cluster that has just joined may bring another its anchor.
      repeat {
        let traits = ClusterTraits(
          nodes, roots: clusters, isTrusted: numbers.isTrusted, isLocalShared: isLocalShared,
          ambiguous: ambiguous.map(\.node))
        let outcome = PassRound(nodes, pass, roots: clusters, traits: traits).outcome()
        ambiguous += outcome.ambiguous.map { ($0, pass) }
        if outcome.joins.isEmpty { break }
        for (one, other) in outcome.joins { sets.join(one, other) }
        let before = clusters
        settle()
        notePasses(pass, since: before, numbers.isTrusted)
      } while pass.isExact
    }
    ambiguous.sort { $0.node < $1.node }
  }

  private mutating func settle() { clusters = (0..<passes.count).map { Int32(sets.root($0)) } }

  /// Of those that came to another cluster, or to whom others came where nobody had a number.
  private mutating func notePasses(_ pass: LinkPass, since before: [Int32], _ isTrusted: [Bool]) {
    var parts: [Int32: Set<Int32>] = [:]
    for node in 0..<before.count where before[node] != clusters[node] {
      parts[clusters[node], default: [clusters[node]]].insert(before[node])
    }
    guard !parts.isEmpty else { return }
    for node in 0..<before.count where passes[node] == nil && parts[clusters[node]] != nil {
      if pass == .number || !isTrusted[node] { passes[node] = pass }
    }
  }
}
