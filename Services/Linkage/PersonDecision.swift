import Cryptography
import Linking

/// Whose records each combination's are: a function of the combinations that records have, whatever the order in which they
/// came. A person is named after the smallest of its record ids.
///
/// Objections change nothing of it: what is excluded or suppressed is compared as before, and goes out as nobody's.
struct PersonDecision {
  /// As they are to be stored; of combinations that are not here nothing has changed.
  private(set) var after: [Token16: StoredCombination] = [:]
  /// The same as they are stored; none of those that come with the batch.
  private(set) var before: [Token16: StoredCombination] = [:]

  /// - Parameters:
  ///   - affected: closed.
  ///   - stored: combinations of the records of the batch.
  init(
    _ affected: AffectedCombinations, _ holders: CombinationHolders, stored: [Token16: StoredCombination],
    reading source: some LinkageSource
  ) throws {
    link(affected.nodes.filter(\.isPresent), holders)
    var persons: Set<Token16> = []
    for (digest, smallest) in holders.smallest where !affected.contains(digest) {
      note(stored[digest]!, smallest: smallest, &persons)
    }
    try rename(persons, affected, source)
  }

  private mutating func link(_ nodes: [AffectedCombinations.Node], _ holders: CombinationHolders) {
    guard !nodes.isEmpty else { return }
    var compared = LinkNodes()
    compared.reserve(nodes.count)
    for node in nodes { compared.add(node.combination) }
    let linker = Linker(compared)
    let own = nodes.map { holders.smallest[$0.digest] ?? $0.stored!.smallest }
    var smallest: [Int32: Token16] = [:]
    for (id, cluster) in zip(own, linker.clusters) { smallest[cluster] = min(id, smallest[cluster] ?? id) }
    let ambiguous = Dictionary(linker.ambiguous.map { (linker.clusters[$0.node], $0.pass) }) { first, _ in first }
    for (place, node) in nodes.enumerated() {
      let cluster = linker.clusters[place]
      before[node.digest] = node.stored
      after[node.digest] = StoredCombination(
        id: node.stored?.id ?? 0, digest: node.digest, combination: node.combination, smallest: own[place],
        person: smallest[cluster]!, rank: linker.rank(place), isTrusted: linker.isTrusted[place],
        ambiguous: ambiguous[cluster]?.rawValue ?? 0)
    }
  }

  // MARK: Where only records came or went

  /// The person has the same combinations, and can have another name.
  private mutating func note(_ stored: StoredCombination, smallest: Token16, _ persons: inout Set<Token16>) {
    guard smallest != stored.smallest else { return }
    if smallest < stored.person || stored.smallest == stored.person { persons.insert(stored.person) }
    before[stored.digest] = stored
    after[stored.digest] = stored
    after[stored.digest]!.smallest = smallest
  }

  private mutating func rename(
    _ persons: Set<Token16>, _ affected: AffectedCombinations, _ source: some LinkageSource
  ) throws {
    guard !persons.isEmpty else { return }
    let members = try source.combinations(persons: Array(persons)).filter { !affected.contains($0.digest) }
    for (_, members) in Dictionary(grouping: members, by: \.person) {
      let person = members.map { after[$0.digest]?.smallest ?? $0.smallest }.min()!
      for member in members {
        before[member.digest] = member
        after[member.digest, default: member].person = person
      }
    }
  }
}
