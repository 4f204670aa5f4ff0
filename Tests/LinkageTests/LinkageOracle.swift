import Contracts
import Cryptography

@testable import Linkage

/// The rules of linkage written down a second time: all observations against all, from the whole set of events.
struct LinkageOracle {
  struct Truth: Equatable {
    var states: [Token16: Observation.State] = [:]
    var persons: [Token16: Token16] = [:]
  }

  static func truth(_ said: [Said]) -> Truth {
    var events: [RecordEvent] = []
    var erasures: [Erasure] = []
    for said in said {
      switch said {
      case .record(let event): events.append(event)
      case .erasure(let erasure): erasures.append(erasure)
      }
    }
    var truth = Truth()
    var live: [Keys] = []
    for (id, events) in Dictionary(grouping: events, by: \.recordID) {
      let last = events.map(\.version).max()!
      let newest = events.filter { $0.version == last }
      let keys = newest.compactMap(Keys.init)
      if keys.count < newest.count {
        truth.states[id] = .retracted
      } else if erasures.contains(where: { keys[0].isErased(by: $0) }) {
        truth.states[id] = .withdrawn
      } else {
        truth.states[id] = .live
        live.append(keys[0])
      }
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
    let nhs: Token16?
    let demographics: Token16?
    let withdrawal: Token16

    init?(_ event: RecordEvent) {
      guard case .record(let nhs, let demographics, let withdrawal) = event.content else { return nil }
      id = event.recordID
      stamp = event.stamp
      source = event.source
      self.nhs = nhs
      self.demographics = demographics
      self.withdrawal = withdrawal
    }

    func isErased(by erasure: Erasure) -> Bool {
      erasure.token == withdrawal && stamp <= erasure.stamp && (erasure.allSources || source == .gp)
    }
  }
}
