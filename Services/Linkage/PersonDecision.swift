import Cryptography
import Linking

/// Whose records each combination's are: a function of the combinations that records have, whatever the order in which they
/// came. A person is named after the smallest of its record ids.
///
/// Objections change nothing of it: what is excluded or suppressed is compared as before, and goes out as nobody's.
struct PersonDecision {
  /// As they are to be stored; of combinations that are not here nothing has changed.
  private(set) var after: [Token16: Standing] = [:]
  /// The same as they are stored; none of those that come with the batch.
  private(set) var before: [Token16: Standing] = [:]

  /// - Parameters:
  ///   - affected: closed.
  ///   - stored: combinations of the records of the batch.
  ///   - reached: see ``Standing/isReached``, of the affected ones.
  init(
    _ affected: AffectedCombinations, _ holders: CombinationHolders, stored: [Token16: StoredCombination],
    reached: Set<Token16>, reading source: some LinkageSource
  ) throws {
    link(affected.nodes.filter(\.isPresent), holders, reached)
    var clusters: Set<Int64> = []
    for (digest, smallest) in holders.smallest where !affected.contains(digest) {
      note(stored[digest]!.standing, smallest: smallest, &clusters)
    }
    try rename(clusters, affected, source)
  }

  private mutating func link(
    _ nodes: [AffectedCombinations.Node], _ holders: CombinationHolders, _ reached: Set<Token16>
  ) {
    guard !nodes.isEmpty else { return }
    var compared = LinkNodes()
    compared.reserve(nodes.count)
    for node in nodes { compared.add(node.combination) }
    let linker = Linker(compared)
    let own = nodes.map { holders.smallest[$0.digest] ?? $0.stored!.standing.smallest }
    var smallest: [Int32: Token16] = [:]
    var first: [Int32: Int64] = [:]
    for (place, cluster) in linker.clusters.enumerated() {
      smallest[cluster] = min(own[place], smallest[cluster] ?? own[place])
      if let id = nodes[place].stored?.id { first[cluster] = min(id, first[cluster] ?? id) }
    }
    let ambiguous = Dictionary(linker.ambiguous.map { (linker.clusters[$0.node], $0.pass) }) { first, _ in first }
    for (place, node) in nodes.enumerated() {
      let cluster = linker.clusters[place]
      before[node.digest] = node.stored?.standing
      after[node.digest] = Standing(
        id: node.stored?.id ?? 0, digest: node.digest, cluster: first[cluster] ?? 0, smallest: own[place],
        person: smallest[cluster]!, rank: linker.rank(place), isTrusted: linker.isTrusted[place],
        ambiguous: ambiguous[cluster]?.rawValue ?? 0, isReached: reached.contains(node.digest))
    }
  }

  /// Digests of those that are not stored yet, in their order.
  var new: [Token16] { after.values.filter { $0.id == 0 }.map(\.digest).sorted() }

  /// Gives ids to those that are not stored yet, and to their clusters.
  mutating func number(_ new: [Token16], from first: Int64) {
    var clusters: [Token16: Int64] = [:]
    for (offset, digest) in new.enumerated() {
      let id = first + Int64(offset)
      after[digest]!.id = id
      guard after[digest]!.cluster == 0 else { continue }
      let person = after[digest]!.person
      let cluster = clusters[person] ?? id
      clusters[person] = cluster
      after[digest]!.cluster = cluster
    }
  }

  // MARK: Where only records came or went

  /// The person has the same combinations, and can have another name.
  private mutating func note(_ stored: Standing, smallest: Token16, _ clusters: inout Set<Int64>) {
    guard smallest != stored.smallest else { return }
    if smallest < stored.person || stored.smallest == stored.person { clusters.insert(stored.cluster) }
    before[stored.digest] = stored
    after[stored.digest] = stored
    after[stored.digest]!.smallest = smallest
  }

  private mutating func rename(
    _ clusters: Set<Int64>, _ affected: AffectedCombinations, _ source: some LinkageSource
  ) throws {
    guard !clusters.isEmpty else { return }
    let members = try source.standings(clusters: Array(clusters)).filter { !affected.contains($0.digest) }
    for (_, members) in Dictionary(grouping: members, by: \.cluster) {
      let person = members.map { after[$0.digest]?.smallest ?? $0.smallest }.min()!
      for member in members {
        before[member.digest] = member
        after[member.digest, default: member].person = person
      }
    }
  }
}
