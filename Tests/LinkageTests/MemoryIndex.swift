import Contracts
import Cryptography
import Linking
import Testing

@testable import Linkage

/// The index as dictionaries: the decision with everything around it, without PostgreSQL.
struct MemoryIndex: LinkageSource {
  private(set) var stored: [Token16: Observation] = [:]
  private(set) var combinations: [Token16: StoredCombination] = [:]
  private(set) var marks: Set<Erasure> = []
  var view = PublishedView()
  /// A planted fault: a retraction takes the demographics with it.
  var forgetsWitnesses = false
  private var number: Int64 = 0
  private var ids: Int64 = 0
  private var lookup: Set<LookupEntry> = []

  @discardableResult
  mutating func apply(_ batch: LinkageBatch) throws -> LinkageDecision {
    let decision = try LinkageDecision(batch, reading: self)
    number += 1
    for erasure in decision.raised {
      marks = marks.filter { $0.token != erasure.token || $0.allSources != erasure.allSources }
      marks.insert(erasure)
    }
    for created in decision.created { #expect(combinations.updateValue(created, forKey: created.digest) == nil) }
    ids += Int64(decision.created.count)
    for (before, after) in decision.updated {
      #expect(combinations[before.digest]?.standing == before)
      combinations[after.digest]!.standing = after
    }
    for (observation, _) in decision.replaced { stored[observation.recordID] = observation }
    for end in decision.ended {
      stored[end.recordID]!.state = end.state
      // Publication learns of it by a retraction through the outbox.
      if end.state == .suppressed { view.retract(end.recordID, stored[end.recordID]!.version) }
    }
    for observation in decision.recognised {
      #expect(stored[observation.recordID]!.isRetracted && observation.isRetracted)
      stored[observation.recordID] = observation
    }
    for deleted in decision.deleted { #expect(combinations.removeValue(forKey: deleted.digest) == deleted) }
    for entry in decision.lookup.removed { #expect(lookup.remove(entry) != nil) }
    for entry in decision.lookup.added { #expect(lookup.insert(entry).inserted) }
    if forgetsWitnesses {
      for id in stored.keys where stored[id]!.state == .witness { stored[id]!.retract(said: nil, traces: nil) }
    }
    view.take(batch, decision.dispositions, number: number)
    for id in reassigned(by: decision, batch) { view.assign(id, person(id)!, number) }
    return decision
  }

  @discardableResult
  mutating func apply(_ events: RecordEvent...) throws -> LinkageDecision {
    try apply(LinkageBatch(records: events))
  }

  /// As the index leaves messages in the outbox.
  func reassigned(by decision: LinkageDecision, _ batch: LinkageBatch) -> [Token16] {
    var inline: Set<Token16> = []
    for (event, disposition) in zip(batch.records, decision.dispositions) {
      if case .record = disposition { inline.insert(event.recordID) }
    }
    let moved = Set(decision.moved.map(\.digest))
    return stored.values.filter {
      $0.state == .live && moved.contains($0.combination!) && !inline.contains($0.recordID)
    }.map(\.recordID).sorted()
  }

  /// Smallest record id of its person; nil where it goes out as nobody's.
  func person(_ recordID: Token16) -> Token16? {
    guard let observation = stored[recordID], observation.state == .live else { return nil }
    return combinations[observation.combination!]!.standing.person
  }

  var truth: LinkageOracle.Truth {
    var truth = LinkageOracle.Truth(states: stored.mapValues(\.state))
    for id in stored.keys { truth.persons[id] = person(id) }
    for observation in stored.values where observation.state == .live {
      truth.ranks[observation.recordID] = combinations[observation.combination!]!.standing.rank
    }
    return truth
  }

  // MARK: Reading

  func observations(recordIDs: [Token16]) -> [Observation] { recordIDs.compactMap { stored[$0] } }

  func observations(combinations digests: [Token16]) -> [Observation] {
    let wanted = Set(digests)
    return stored.values.filter { $0.combination.map(wanted.contains) ?? false }
  }

  func standings(digests: [Token16]) -> [Standing] { digests.compactMap { combinations[$0]?.standing } }

  func standings(clusters: [Int64]) -> [Standing] {
    combinations.values.map(\.standing).filter { clusters.contains($0.cluster) }
  }

  func combinations(digests: [Token16]) -> [StoredCombination] { digests.compactMap { combinations[$0] } }

  func combinations(ids: [Int64]) -> [StoredCombination] { combinations.values.filter { ids.contains($0.id) } }

  func combinations(places: [UInt64]) -> [StoredCombination] {
    combinations.values.filter { places.contains($0.digest.high) }
  }

  func holders(_ tokens: [UInt64], untrusted: [UInt64]) -> [Holder] {
    let (tokens, untrusted) = (Set(tokens), Set(untrusted))
    return Array(
      Set(
        lookup.filter { tokens.contains($0.token) || (untrusted.contains($0.token) && $0.holder.stored < 0) }
          .map(\.holder)))
  }

  func reserve(_ count: Int) -> Int64 { ids + 1 }

  func erasures(withdrawals: [Token16]) -> [Erasure] { marks.filter { withdrawals.contains($0.token) } }

  func witnesses(demographics: [Token16]) -> [Observation] {
    stored.values.filter { $0.traces.map { demographics.contains($0.demographics) } ?? false }
  }

  func witnesses(withdrawals: [Token16]) -> [Observation] {
    stored.values.filter { $0.traces.map { withdrawals.contains($0.withdrawal) } ?? false }
  }
}

/// What a reader of `linked` knows: of each record the highest version, a retraction before a record, and the person
/// with the highest assignment number; what an erasure reaches is gone.
struct PublishedView {
  private var versions: [Token16: (version: RecordVersion, isLive: Bool)] = [:]
  private var assignments: [Token16: (person: Token16, number: Int64)] = [:]

  mutating func take(_ batch: LinkageBatch, _ dispositions: [Disposition], number: Int64) {
    for (event, disposition) in zip(batch.records, dispositions) {
      switch disposition {
      case .nothing: continue
      case .record(let person, _):
        set(event.recordID, event.version, isLive: true)
        assign(event.recordID, person, number)
      case .retraction: retract(event.recordID, event.version)
      }
    }
  }

  mutating func retract(_ recordID: Token16, _ version: RecordVersion) { set(recordID, version, isLive: false) }

  private mutating func set(_ recordID: Token16, _ version: RecordVersion, isLive: Bool) {
    if let known = versions[recordID] {
      guard version > known.version || (version == known.version && !isLive) else { return }
    }
    versions[recordID] = (version, isLive)
  }

  mutating func assign(_ recordID: Token16, _ person: Token16, _ number: Int64) {
    if let known = assignments[recordID], known.number >= number {
      #expect(known.number > number || known.person == person, "one number for two persons")
      return
    }
    assignments[recordID] = (person, number)
  }

  /// Persons of the records for which `isErased` does not hold.
  func persons(except isErased: (Token16) -> Bool) -> [Token16: Token16] {
    versions.filter { $0.value.isLive && !isErased($0.key) }.keys.reduce(into: [:]) { $0[$1] = assignments[$1]!.person }
  }
}
