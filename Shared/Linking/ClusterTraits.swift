/// What the steps ask of clusters, by root, and of nodes.
struct ClusterTraits {
  /// By node: it belongs to the cluster that owns its number.
  let isTrusted: [Bool]
  /// By node: its local id is several people's.
  let isLocalShared: [Bool]
  private(set) var isNumbered: [Bool]
  /// Has a record of a practice.
  private(set) var isRegistered: [Bool]
  /// Every date of birth in it is 1 January.
  private(set) var isJanuary: [Bool]
  /// Of one node.
  private(set) var isSingle: [Bool]
  private(set) var isAmbiguous: [Bool]

  init(_ nodes: LinkNodes, roots: [Int32], isTrusted: [Bool], isLocalShared: [Bool], ambiguous: [Int]) {
    self.isTrusted = isTrusted
    self.isLocalShared = isLocalShared
    let none = [Bool](repeating: false, count: nodes.count)
    (isNumbered, isRegistered, isAmbiguous) = (none, none, none)
    isJanuary = [Bool](repeating: true, count: nodes.count)
    isSingle = isJanuary
    for node in 0..<nodes.count {
      let root = Int(roots[node])
      if isTrusted[node] { isNumbered[root] = true }
      if nodes.sources[node] == .gp { isRegistered[root] = true }
      if root != node { isSingle[root] = false }
      if nodes.births[node] != .firstOfJanuary { isJanuary[root] = false }
    }
    for node in ambiguous { isAmbiguous[Int(roots[node])] = true }
  }
}
