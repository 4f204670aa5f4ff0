import Contracts
import Cryptography

@testable import Linkage

/// The rules of linkage written down a second time: all observations against all, from the whole set of events.
struct LinkageOracle {
  struct Truth: Equatable {
    var states: [Token16: Observation.State] = [:]
    var persons: [Token16: Token16] = [:]

    var suppressed: Set<Token16> { Set(states.filter { $0.value == .suppressed }.keys) }

    /// Ended at publication by the withdrawal that linkage passes on.
    func isErased(_ id: Token16) -> Bool { states[id] == .withdrawn || states[id] == .suppressing }
  }

  /// What must be suppressed whatever came first, and what may be.
  struct Bounds {
    var must: Set<Token16>
    var may: Set<Token16>

    func contain(_ ids: Set<Token16>) -> Bool { must.isSubset(of: ids) && ids.isSubset(of: may) }
  }

  static func suppressed(_ said: [Said]) -> Bounds {
    let (events, erasures) = parts(said)
    let newest = truth(said)
    // Every version ever said, and objections as if none had ended.
    let numbered = events.compactMap(Keys.init).filter { $0.isNumbered }
    let may = newest.states.compactMap { id, state -> Token16? in
      guard state == .live || state == .suppressed else { return nil }
      let weak = events.filter { $0.recordID == id }.sorted { $0.version < $1.version }.compactMap(Keys.init).last!
      return weak.isCovered(by: numbered) { other, all in
        erasures.contains {
          $0.token == other.withdrawal && $0.allSources == all
            && ($0.mark.isInForce || weak.stamp <= $0.mark.erasedStamp)
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
    var candidates: [Keys] = []
    var numbered: [Keys] = []
    for (id, events) in Dictionary(grouping: events, by: \.recordID) {
      let last = events.map(\.version).max()!
      let newest = events.filter { $0.version == last }
      let keys = newest.compactMap(Keys.init)
      if keys.count < newest.count {
        // Taken back; the last that was said of it, if it was not that nobody knows, tells whose it was.
        let telling = events.filter { if case .retraction = $0.content { false } else { true } }
        let said = telling.max { $0.version < $1.version }.flatMap(Keys.init)
        let isWitness = said.map { $0.isNumbered && $0.demographics != nil } ?? false
        truth.states[id] = isWitness ? .witness : .retracted
        if let said, isWitness { numbered.append(said) }
        continue
      }
      if keys.contains(where: \.isExcluded) {
        truth.states[id] = .suppressing
      } else if erasures.contains(where: { keys[0].isErased(by: $0) }) {
        truth.states[id] = keys[0].isNumbered && keys[0].demographics != nil ? .suppressing : .withdrawn
      } else {
        truth.states[id] = .live
        candidates.append(keys[0])
      }
      if keys[0].isNumbered { numbered.append(keys[0]) }
    }
    var live: [Keys] = []
    for keys in candidates {
      let isSuppressed =
        suppressed?.contains(keys.id)
        ?? keys.isCovered(by: numbered) { other, all in
          let said = erasures.filter { $0.token == other.withdrawal && $0.allSources == all }.map(\.mark)
          let last = said.map(\.statementStamp).max()
          return said.contains { $0.statementStamp == last && $0.isInForce }
            || said.contains { keys.stamp <= $0.erasedStamp }
        }
      if isSuppressed { truth.states[keys.id] = .suppressed } else { live.append(keys) }
    }
    for (keys, cluster) in zip(live, clusters(live)) {
      let smallest = zip(live, clusters(live)).filter { $0.1 == cluster }.map(\.0.id).min()!
      let digest = SHA256Digest.hash(Array("caredata person".utf8) + smallest.bytes)
      truth.persons[keys.id] = Token16(bytes: Array(digest.prefix(16)))
    }
    return truth
  }

  /// A cluster number per observation, by merging whatever must be together.
  private static func clusters(_ live: [Keys]) -> [Int] {
    var clusters = Array(live.indices)
    func merge(_ left: Int, _ right: Int) {
      let (kept, gone) = (clusters[left], clusters[right])
      for index in clusters.indices where clusters[index] == gone { clusters[index] = kept }
    }
    for left in live.indices {
      for right in live.indices {
        let (one, other) = (live[left], live[right])
        if let number = one.nhs {
          if number == other.nhs { merge(left, right) }
          continue
        }
        guard let token = one.demographics, token == other.demographics else { continue }
        let numbers = Set(live.filter { $0.demographics == token }.compactMap(\.nhs))
        if other.nhs == nil || numbers.count == 1 { merge(left, right) }
      }
    }
    return clusters
  }

  private struct Keys {
    let id: Token16
    let stamp: Int64
    let source: Source
    /// Of an exclusion it is not known, only that there is one.
    let nhs: Token16?
    let demographics: Token16?
    let withdrawal: Token16
    let isExcluded: Bool

    var isNumbered: Bool { nhs != nil || isExcluded }

    init?(_ event: RecordEvent) {
      switch event.content {
      case .retraction, .unrecognised: return nil
      case .record(let nhs, let demographics, let withdrawal):
        (self.nhs, self.demographics, self.withdrawal, isExcluded) = (nhs, demographics, withdrawal, false)
      case .exclusion(_, let demographics, let withdrawal):
        (nhs, self.demographics, self.withdrawal, isExcluded) = (nil, demographics, withdrawal, true)
      }
      id = event.recordID
      stamp = event.stamp
      source = event.source
    }

    func isErased(by erasure: Erasure) -> Bool {
      erasure.token == withdrawal && stamp <= erasure.mark.erasedStamp && (erasure.allSources || source == .gp)
    }

    /// - Parameter isReached: whether the objections under a token, to all sources or not, reach this record's stamp.
    func isCovered(by numbered: [Keys], _ isReached: (Keys, _ all: Bool) -> Bool) -> Bool {
      guard !isNumbered, let demographics else { return false }
      return numbered.contains { other in
        other.demographics == demographics && (isReached(other, true) || (source == .gp && isReached(other, false)))
      }
    }
  }
}
