/// Local ids that people with different numbers have: written for none, or given twice. They say nothing of anybody.
enum SharedLocals {
  /// By node, whether its local id is one of these.
  static func find(_ nodes: LinkNodes, roots: [Int32], isTrusted: [Bool]) -> [Bool] {
    var places = KeyPlaces(capacity: nodes.count)
    var owners: [Int32] = []
    var isShared: [Bool] = []
    var placeOfNode = [Int32](repeating: -1, count: nodes.count)
    for node in 0..<nodes.count where nodes.key(node, .local) != 0 {
      let place = places.place(of: nodes.key(node, .local))
      placeOfNode[node] = Int32(place)
      if place == owners.count {
        owners.append(-1)
        isShared.append(false)
      }
      guard isTrusted[node] else { continue }
      if owners[place] >= 0, owners[place] != roots[node] { isShared[place] = true }
      owners[place] = roots[node]
    }
    return placeOfNode.map { $0 >= 0 && isShared[Int($0)] }
  }
}
