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
  private var numbers: Set<UInt64> = []
  private var keys: Set<UInt64> = []
  private var trusted: Set<UInt64> = []

  /// - Parameter leaving: digests of those that nobody has any more.
  init(leaving: Set<Token16>) { self.leaving = leaving }

  func contains(_ digest: Token16) -> Bool { places[digest] != nil }

  mutating func add(_ digest: Token16, _ combination: Combination) {
    guard places.updateValue(nodes.count, forKey: digest) == nil else { return }
    nodes.append(Node(digest: digest, combination: combination, stored: nil, isPresent: true))
  }

  mutating func add(_ stored: StoredCombination) {
    guard places[stored.digest] == nil else { return }
    places[stored.digest] = nodes.count
    nodes.append(
      Node(
        digest: stored.digest, combination: stored.combination, stored: stored,
        isPresent: !leaving.contains(stored.digest)))
  }

  mutating func close(reading source: some LinkageSource) throws {
    var done = 0
    while done < nodes.count {
      try addOfNumbers(from: done, source)
      let (wanted, wantedTrusted) = keysAsked(from: done)
      done = nodes.count
      guard !wanted.isEmpty || !wantedTrusted.isEmpty else { continue }
      for stored in try source.combinations(keys: wanted, trusted: wantedTrusted) { add(stored) }
    }
  }

  private mutating func addOfNumbers(from start: Int, _ source: some LinkageSource) throws {
    var wanted: [UInt64] = []
    for node in nodes[start...] {
      if let number = node.combination.number?.high, numbers.insert(number).inserted { wanted.append(number) }
    }
    guard !wanted.isEmpty else { return }
    for stored in try source.combinations(numbers: wanted) { add(stored) }
  }

  private mutating func keysAsked(from start: Int) -> (keys: [UInt64], trusted: [UInt64]) {
    var asked: (keys: [UInt64], trusted: [UInt64]) = ([], [])
    let isTrusted = trust(from: start)
    for (node, isTrusted) in zip(nodes[start...], isTrusted) {
      let combination = node.combination
      for key in isTrusted ? combination.keysToNumbers : combination.keys(isTrusted: false) {
        if keys.insert(key).inserted { asked.keys.append(key) }
        if !isTrusted, trusted.insert(key).inserted { asked.trusted.append(key) }
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
      return isTrusted && node.stored?.isTrusted ?? true
    }
  }
}
