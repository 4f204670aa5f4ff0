/// Sets of nodes that only grow together. A set is named by its smallest node, so the name does not depend on the order of
/// the joins.
struct DisjointSets {
  private var parents: [Int32]

  init(_ count: Int) { parents = (0..<Int32(count)).map(\.self) }

  mutating func root(_ node: Int) -> Int {
    var node = Int32(node)
    while parents[Int(node)] != node {
      parents[Int(node)] = parents[Int(parents[Int(node)])]
      node = parents[Int(node)]
    }
    return Int(node)
  }

  mutating func join(_ one: Int, _ other: Int) {
    let (one, other) = (root(one), root(other))
    if one != other { parents[max(one, other)] = Int32(min(one, other)) }
  }
}
