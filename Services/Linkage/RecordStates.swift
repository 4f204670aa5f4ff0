import Contracts
import Cryptography
import Linking

/// In which state a batch leaves the records that it names or that its objections reach.
///
/// Of each record the highest version counts (at the same version a retraction, one for a correction before one for an
/// objection), of each erasure the highest stamps. Of a retracted record the highest version that was no retraction still
/// says whose it was; see ``Observation``.
struct RecordStates {
  /// Erasures to store.
  private(set) var raised: [Erasure] = []
  /// Combinations under tokens by which an objection reaches further than before.
  private(set) var widened: [StoredCombination] = []
  /// Tokens of these, and of records that were taken back.
  private(set) var widenedTokens: Set<Token16> = []
  private(set) var marks = ErasureMarks()
  /// Before the batch.
  private(set) var stored: [Token16: Observation] = [:]
  private(set) var current: [Token16: Observation] = [:]
  /// The event that a record's new version comes from.
  private(set) var winners: [Token16: Int] = [:]
  /// Retracted ones to which a version came that the retraction had overtaken.
  private(set) var overtaken: Set<Token16> = []
  /// Stored combinations of all these records, by digest.
  private(set) var combinations: [Token16: StoredCombination] = [:]
  private var incoming: [Token16: Combination] = [:]
  /// By event; nil where there is none.
  private var digests: [Token16?] = []

  init(_ batch: LinkageBatch, reading source: some LinkageSource) throws {
    digest(batch)
    try readRecords(batch, source)
    try readErasures(batch, source)
    try readReached(source)
    current = stored
    for (id, observation) in stored where isErased(observation) { current[id]!.state = .excluded }
    for (index, event) in batch.records.enumerated() { apply(event, index) }
  }

  func combination(_ digest: Token16) -> Combination { incoming[digest] ?? combinations[digest]!.combination }

  /// - Parameter observation: of the batch, or as it is stored.
  mutating func suppress(_ observation: Observation) {
    if current[observation.recordID] == nil { stored[observation.recordID] = observation }
    current[observation.recordID, default: observation].state = .suppressed
  }

  // MARK: What is stored

  private mutating func digest(_ batch: LinkageBatch) {
    let hasher = SHA256Hasher()
    digests.reserveCapacity(batch.records.count)
    for event in batch.records {
      switch event.content {
      case .record(let combination), .exclusion(_, let combination):
        let digest = combination.digest(of: event.recordID, hasher)
        digests.append(digest)
        incoming[digest] = combination
      case .retraction: digests.append(nil)
      }
    }
  }

  private mutating func readRecords(_ batch: LinkageBatch, _ source: some LinkageSource) throws {
    let ids = Set(batch.records.map(\.recordID))
    guard !ids.isEmpty else { return }
    for observation in try source.observations(recordIDs: Array(ids)) { stored[observation.recordID] = observation }
    if !incoming.isEmpty {
      for standing in try source.standings(digests: Array(incoming.keys)) {
        let combination = incoming[standing.digest]!
        combinations[standing.digest] = StoredCombination(standing: standing, combination: combination)
      }
    }
    let former = Set(stored.values.compactMap(\.combination)).filter { combinations[$0] == nil }
    guard !former.isEmpty else { return }
    for stored in try source.combinations(digests: Array(former)) { combinations[stored.digest] = stored }
  }

  private mutating func readErasures(_ batch: LinkageBatch, _ source: some LinkageSource) throws {
    let tokens = Set(batch.erasures.map(\.token)).union(incoming.values.lazy.map(\.withdrawal))
    guard !tokens.isEmpty else { return }
    for erasure in try source.erasures(withdrawals: Array(tokens)) { marks.take(erasure) }
    var changed: Set<ErasureMarks.Scope> = []
    for erasure in batch.erasures {
      let change = marks.take(erasure)
      if change == .none { continue }
      if change == .widened { widenedTokens.insert(erasure.token) }
      changed.insert(.init(token: erasure.token, allSources: erasure.allSources))
    }
    raised = changed.map { scope in
      Erasure(
        token: scope.token, allSources: scope.allSources, mark: marks.mark(scope.token, allSources: scope.allSources)!)
    }
  }

  /// A repeated erasure finds nothing: what it reaches was withdrawn when it came first.
  private mutating func readReached(_ source: some LinkageSource) throws {
    guard !widenedTokens.isEmpty else { return }
    widened = try source.combinations(withdrawals: widenedTokens)
    for stored in widened { combinations[stored.digest] = stored }
    guard !widened.isEmpty else { return }
    for observation in try source.observations(combinations: widened.map(\.digest)) where isErased(observation) {
      stored[observation.recordID] = observation
    }
  }

  // MARK: States

  /// Whether it has to end now: what is excluded has ended before.
  private func isErased(_ observation: Observation) -> Bool {
    (observation.state == .live || observation.state == .suppressed) && reason(observation) != nil
  }

  func reason(_ observation: Observation) -> RetractionReason? {
    guard let digest = observation.combination else { return nil }
    return marks.reason(
      token: combination(digest).withdrawal, stamp: observation.stamp, source: observation.source)
  }

  private mutating func apply(_ event: RecordEvent, _ index: Int) {
    var next = observation(event, digests[index])
    if let known = current[event.recordID] {
      guard next.version >= known.version else { return overtake(next, known) }
      // At the same version: retracted before held back before passed, and what was said twice changes nothing.
      if next.version == known.version {
        guard !known.isRetracted else { return overtake(next, known) }
        if case .record = event.content { return }
        guard next.isRetracted || known.state != .excluded else { return }
      }
      if next.isRetracted {
        next.retract(said: known.isRetracted ? known.said : known.version, traces: traces(known))
      }
    }
    current[event.recordID] = next
    winners[event.recordID] = index
  }

  /// What comes after its own retraction still says whose record it was.
  private mutating func overtake(_ next: Observation, _ known: Observation) {
    guard known.isRetracted, !next.isRetracted else { return }
    if let said = known.said, next.version <= said { return }
    current[known.recordID]!.retract(said: next.version, traces: traces(next))
    overtaken.insert(known.recordID)
  }

  private func traces(_ observation: Observation) -> Observation.Traces? {
    observation.isRetracted ? observation.traces : Observation.Traces(observation.combination.map(combination))
  }

  private func observation(_ event: RecordEvent, _ digest: Token16?) -> Observation {
    var observation = Observation(
      recordID: event.recordID, version: event.version, stamp: event.stamp, source: event.source, state: .live,
      combination: digest)
    switch event.content {
    case .retraction: observation.state = .retracted
    case .exclusion: observation.state = .excluded
    case .record: if reason(observation) != nil { observation.state = .excluded }
    }
    return observation
  }
}
