import Contracts
import Cryptography
import Linking

@testable import Linkage

/// The rules of the index written down a second time: all records at once and all against all, from the whole set of
/// events. Who is one person of them, ``Linker`` says of all together; what it says is tested elsewhere.
struct LinkageOracle {
  struct Truth: Equatable {
    var states: [Token16: Observation.State] = [:]
    /// Of live records, the smallest record id of each one's person.
    var persons: [Token16: Token16] = [:]
    var ranks: [Token16: UInt8] = [:]

    var suppressed: Set<Token16> { Set(states.filter { $0.value == .suppressed }.keys) }

    /// Ended at publication by the withdrawal that linkage passes on.
    func isErased(_ id: Token16) -> Bool { states[id] == .excluded }
  }

  /// What must be suppressed whatever came first, and what may be.
  struct Bounds {
    var must: Set<Token16>
    var may: Set<Token16>

    func contain(_ ids: Set<Token16>) -> Bool { must.isSubset(of: ids) && ids.isSubset(of: may) }
  }

  /// One version of a record.
  private struct Version {
    let id: Token16
    let stamp: Int64
    let source: Source
    let combination: Combination
    let isExcluded: Bool

    init?(_ event: RecordEvent) {
      switch event.content {
      case .retraction: return nil
      case .record(let combination): (self.combination, isExcluded) = (combination, false)
      case .exclusion(_, let combination): (self.combination, isExcluded) = (combination, true)
      }
      (id, stamp, source) = (event.recordID, event.stamp, event.source)
    }

    func isErased(by erasure: Erasure) -> Bool {
      erasure.token == combination.withdrawal && stamp <= erasure.mark.erasedStamp
        && (erasure.allSources || source == .gp)
    }
  }

  static func suppressed(_ said: [Said]) -> Bounds {
    let (events, erasures) = parts(said)
    let newest = truth(said)
    // Every version ever said, and objections as if none had ended.
    let ever = events.compactMap(Version.init)
    let may = newest.states.compactMap { id, state -> Token16? in
      guard state == .live || state == .suppressed else { return nil }
      let last = events.filter { $0.recordID == id }.sorted { $0.version < $1.version }.compactMap(Version.init).last!
      return isCovered(last, among: ever, traces: []) { token, all in
        erasures.contains {
          $0.token == token && $0.allSources == all && ($0.mark.isInForce || last.stamp <= $0.mark.erasedStamp)
        }
      } ? id : nil
    }
    return Bounds(must: newest.suppressed, may: Set(may))
  }

  private static func parts(_ said: [Said]) -> (events: [RecordEvent], erasures: [Erasure]) {
    var events: [RecordEvent] = []
    var erasures: [Erasure] = []
    for said in said {
      switch said {
      case .record(let event): events.append(event)
      case .erasure(let erasure): erasures.append(erasure)
      }
    }
    return (events, erasures)
  }

  /// - Parameter suppressed: taken as given; by the rule, where it is nil.
  static func truth(_ said: [Said], suppressed: Set<Token16>? = nil) -> Truth {
    let (events, erasures) = parts(said)
    var truth = Truth()
    var present: [Version] = []
    var traces: [Observation.Traces] = []
    for (id, events) in Dictionary(grouping: events, by: \.recordID) {
      let last = events.map(\.version).max()!
      let newest = events.filter { $0.version == last }
      let versions = newest.compactMap(Version.init)
      if versions.count < newest.count {
        // Taken back; the last that was said of it tells whose it was.
        let telling = events.filter { Version($0) != nil }.max { $0.version < $1.version }.flatMap(Version.init)
        let left = Observation.Traces(telling?.combination)
        truth.states[id] = left == nil ? .retracted : .witness
        if let left { traces.append(left) }
        continue
      }
      let isExcluded =
        versions.contains(where: \.isExcluded) || erasures.contains { erasure in versions[0].isErased(by: erasure) }
      truth.states[id] = isExcluded ? .excluded : .live
      present.append(versions[0])
    }
    for version in present where truth.states[version.id] == .live {
      let isSuppressed =
        suppressed?.contains(version.id)
        ?? isCovered(version, among: present, traces: traces) { token, all in
          let said = erasures.filter { $0.token == token && $0.allSources == all }.map(\.mark)
          let last = said.map(\.statementStamp).max()
          return said.contains { $0.statementStamp == last && $0.isInForce }
            || said.contains { version.stamp <= $0.erasedStamp }
        }
      if isSuppressed { truth.states[version.id] = .suppressed }
    }
    link(present, &truth)
    return truth
  }

  private static func link(_ present: [Version], _ truth: inout Truth) {
    var nodes = LinkNodes()
    var places: [Token16: Int] = [:]
    var smallest: [Int32: Token16] = [:]
    let hasher = SHA256Hasher()
    let digests = present.map { $0.combination.digest(of: $0.id, hasher) }
    for (version, digest) in zip(present, digests) where places[digest] == nil {
      places[digest] = nodes.count
      nodes.add(version.combination)
    }
    let linker = Linker(nodes)
    for (version, digest) in zip(present, digests) {
      let cluster = linker.clusters[places[digest]!]
      smallest[cluster] = min(version.id, smallest[cluster] ?? version.id)
    }
    for (version, digest) in zip(present, digests) where truth.states[version.id] == .live {
      truth.persons[version.id] = smallest[linker.clusters[places[digest]!]]
      truth.ranks[version.id] = linker.rank(places[digest]!)
    }
  }

  /// - Parameter isReached: whether the objections under a token, to all sources or not, reach this record's stamp.
  private static func isCovered(
    _ version: Version, among present: [Version], traces: [Observation.Traces],
    _ isReached: (Token16, _ all: Bool) -> Bool
  ) -> Bool {
    guard version.combination.number == nil else { return false }
    var keys = Set(version.combination.keysToNumbers)
    let unnumbered = present.filter { $0.combination.number == nil }
    // Over others without a number, until it leads no further.
    while true {
      let before = keys.count
      for other in unnumbered where !keys.isDisjoint(with: other.combination.keysToNumbers) {
        keys.formUnion(other.combination.keysToNumbers)
      }
      if keys.count == before { break }
    }
    let holders = present.filter { $0.id == version.id || !keys.isDisjoint(with: $0.combination.keysToNumbers) }
    let tokens =
      Set(holders.map(\.combination.withdrawal))
      .union(traces.filter { keys.contains($0.demographics.high) }.map(\.withdrawal))
    return tokens.contains { isReached($0, true) || (version.source == .gp && isReached($0, false)) }
  }
}
