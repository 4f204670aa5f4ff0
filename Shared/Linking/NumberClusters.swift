/// Joins records that share an NHS number, where something else of them agrees as well.
///
/// A shared number alone is not enough: newborns come with their mother's number, and numbers are taken from the wrong
/// member of a household. So two of the three parts of the date of birth have to agree, or its day and month are exchanged;
/// 1 January stands for its year, with the same sex; and who has no date of birth joins the one cluster of the number
/// that has the same sex. Who has nothing but the number joins its cluster where there is only one.
///
/// Where several clusters remain, the number is the one's that a practice has it from, or else the one's that more kinds of
/// sources have it from. The others' number is not trusted: it neither holds them together with its owner nor keeps
/// them from belonging to somebody else. Where none stands out it is trusted of none.
struct NumberClusters {
  private let nodes: LinkNodes
  /// Whether the node belongs to the cluster that owns its number.
  private(set) var isTrusted: [Bool]
  /// Numbers of several clusters.
  private(set) var disputed = 0
  private var group: [Int] = []

  private static let partsOfBirth: [PassKey] = [
    .numberYearMonth, .numberYearDay, .numberMonthDay, .numberYearSwapped,
  ]

  init(_ nodes: LinkNodes, joining sets: inout DisjointSets) {
    self.nodes = nodes
    isTrusted = [Bool](repeating: false, count: nodes.count)
    var numbered: [(number: UInt64, node: Int32)] = []
    for node in 0..<nodes.count where nodes.numbers[node] != 0 { numbered.append((nodes.numbers[node], Int32(node))) }
    numbered.sort { $0.number < $1.number }
    var start = 0
    while start < numbered.count {
      var end = start + 1
      while end < numbered.count, numbered[end].number == numbered[start].number { end += 1 }
      if end == start + 1 {
        isTrusted[Int(numbered[start].node)] = true
      } else {
        group = numbered[start..<end].map { Int($0.node) }
        joinGroup(&sets)
      }
      start = end
    }
  }

  private mutating func joinGroup(_ sets: inout DisjointSets) {
    for pass in Self.partsOfBirth { joinEqual(group, pass, &sets) }
    attach(.firstOfJanuary, .numberYearSex, to: [.known], &sets)
    attach(.unknown, .numberSex, to: [.known, .firstOfJanuary], &sets)
    let bare = group.filter { nodes.key($0, .numberYearMonth) == 0 && nodes.key($0, .numberSex) == 0 }
    for node in bare.dropFirst() { sets.join(bare[0], node) }
    var clusters: [Int: Set<LinkNodes.Source>] = [:]
    for node in group where bare.isEmpty || sets.root(node) != sets.root(bare[0]) {
      clusters[sets.root(node), default: []].formUnion(nodes.sources[node].map { [$0] } ?? [])
    }
    if clusters.count > 1 { disputed += 1 }
    if let node = bare.first {
      guard clusters.count < 2 else { return trust(Self.owner(clusters), sets: &sets) }
      for cluster in clusters.keys { sets.join(node, cluster) }
      return trust(sets.root(node), sets: &sets)
    }
    trust(Self.owner(clusters), sets: &sets)
  }

  private mutating func trust(_ owner: Int?, sets: inout DisjointSets) {
    guard let owner else { return }
    for node in group where sets.root(node) == owner { isTrusted[node] = true }
  }

  private func joinEqual(_ group: [Int], _ pass: PassKey, _ sets: inout DisjointSets) {
    var keys: [(key: UInt64, node: Int)] = []
    for node in group where nodes.key(node, pass) != 0 { keys.append((nodes.key(node, pass), node)) }
    keys.sort { $0.key < $1.key }
    for (one, other) in zip(keys, keys.dropFirst()) where one.key == other.key { sets.join(one.node, other.node) }
  }

  /// Each node with such a date of birth joins the one cluster that shares the key, or, where there is none, those like it.
  private func attach(
    _ birth: LinkNodes.Birth, _ pass: PassKey, to others: [LinkNodes.Birth], _ sets: inout DisjointSets
  ) {
    let weak = group.filter { nodes.births[$0] == birth && nodes.key($0, pass) != 0 }
    guard !weak.isEmpty else { return }
    var answers: [UInt64: Set<Int>] = [:]
    for node in group where others.contains(nodes.births[node]) {
      answers[nodes.key(node, pass), default: []].insert(sets.root(node))
    }
    var alone: [Int] = []
    var joins: [(Int, Int)] = []
    for node in weak {
      guard let clusters = answers[nodes.key(node, pass)] else {
        alone.append(node)
        continue
      }
      if clusters.count == 1, let cluster = clusters.first { joins.append((node, cluster)) }
    }
    for (node, answer) in joins { sets.join(node, answer) }
    joinEqual(alone, pass, &sets)
  }

  private static func owner(_ clusters: [Int: Set<LinkNodes.Source>]) -> Int? {
    let ranked = clusters.map { (cluster: $0.key, rank: ($0.value.contains(.gp) ? 10 : 0) + $0.value.count) }
      .sorted { $0.rank > $1.rank }
    if ranked.count > 1, ranked[0].rank == ranked[1].rank { return nil }
    return ranked.first?.cluster
  }
}
