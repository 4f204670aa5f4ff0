import Cryptography
import Linking

/// All combinations whose persons a batch can have changed, and whatever decides on them.
///
/// Two combinations can have a say in each other's person where they share the NHS number, or a key that at least one of
/// them looks for others by: one whose number is not trusted, or that has none. Of the others only those keys count that
/// lead to a trusted number. So from the combinations that came or went, it goes on by number from each, by key from those
/// that look to all, from those that do not to those that do, until nothing is added.
struct AffectedCombinations {
  struct Node {
    let digest: Token16
    let combination: Combination
    /// Nil: it comes with the batch.
    let stored: StoredCombination?
    let isPresent: Bool
  }

  private(set) var nodes: [Node] = []
  private let leaving: Set<Token16>
  private var places: [Token16: Int] = [:]
  private var ids: Set<Int64> = []
  private var numbers: Set<UInt64> = []
  private var tokens: Set<UInt64> = []
  private var untrusted: Set<UInt64> = []

  /// - Parameter leaving: digests of those that nobody has any more.
  init(leaving: Set<Token16>) { self.leaving = leaving }

  func contains(_ digest: Token16) -> Bool { places[digest] != nil }

  mutating func add(_ digest: Token16, _ combination: Combination) {
    guard places.updateValue(nodes.count, forKey: digest) == nil else { return }
    nodes.append(Node(digest: digest, combination: combination, stored: nil, isPresent: true))
  }

  mutating func add(_ stored: StoredCombination) {
    guard places[stored.digest] == nil else { return }
    ids.insert(stored.id)
    places[stored.digest] = nodes.count
    nodes.append(
      Node(
        digest: stored.digest, combination: stored.combination, stored: stored,
        isPresent: !leaving.contains(stored.digest)))
  }

  mutating func close(reading source: some LinkageSource) throws {
    var done = 0
    while done < nodes.count {
      try addOfNumbers(nodes[done...].compactMap(\.combination.place), source)
      let asked = keysAsked(from: done)
      done = nodes.count
      guard !asked.tokens.isEmpty || !asked.untrusted.isEmpty else { continue }
      var (found, places): ([Int64], [UInt64]) = ([], [])
      for holder in try source.holders(asked.tokens, untrusted: asked.untrusted) {
        switch holder {
        case .combination(let id): if ids.insert(id).inserted { found.append(id) }
        case .number(let place): places.append(place)
        }
      }
      if !found.isEmpty { for stored in try source.combinations(ids: found) { add(stored) } }
      try addOfNumbers(places, source)
    }
  }

  private mutating func addOfNumbers(_ places: [UInt64], _ source: some LinkageSource) throws {
    let wanted = places.filter { numbers.insert($0).inserted }
    guard !wanted.isEmpty else { return }
    for stored in try source.combinations(places: wanted) { add(stored) }
  }

  private mutating func keysAsked(from start: Int) -> (tokens: [UInt64], untrusted: [UInt64]) {
    var asked: (tokens: [UInt64], untrusted: [UInt64]) = ([], [])
    let isTrusted = trust(from: start)
    for (node, isTrusted) in zip(nodes[start...], isTrusted) {
      for key in node.combination.keysAsked(isTrusted: isTrusted) where !tokens.contains(key) {
        if isTrusted {
          if untrusted.insert(key).inserted { asked.untrusted.append(key) }
        } else {
          tokens.insert(key)
          asked.tokens.append(key)
        }
      }
    }
    return asked
  }

  /// Whether the number was trusted before and is after the batch. All that have it stand behind `start`.
  private func trust(from start: Int) -> [Bool] {
    var present = LinkNodes()
    for node in nodes[start...] where node.isPresent { present.add(node.combination) }
    var after = Linker.trusted(present).makeIterator()
    return nodes[start...].map { node in
      let isTrusted = node.isPresent ? after.next()! : true
      return isTrusted && node.stored?.standing.isTrusted ?? true
    }
  }
}
