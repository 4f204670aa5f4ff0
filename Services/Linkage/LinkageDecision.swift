import Contracts
import Cryptography
import Linking

/// What a batch says, in the order of arrival within each input partition.
struct LinkageBatch: Sendable {
  var records: [RecordEvent] = []
  var erasures: [Erasure] = []
}

/// What goes out for one ``RecordEvent``.
enum Disposition: Hashable, Sendable {
  /// - person: the smallest record id of the person's.
  case record(person: Token16, rank: UInt8)
  case retraction(RetractionReason)
  /// A higher version is known, or a retraction of the same one.
  case nothing

  /// What is told of every record that was taken for an objector's, whatever the objection: downstream it is the same,
  /// and it must not depend on which of several objections came first.
  static let suppression = RetractionReason.type2
}

/// What a batch changes, and what goes out for it: a function of the batch and of what is stored.
///
/// The state after any sequence of batches is a function of the set of their events: ``RecordStates`` says which versions
/// and objections count, ``PersonDecision`` whose the records are, ``Suppression`` which are taken for an objector's. So
/// batches may be cut, repeated and mixed across partitions at will. One thing has a memory: what was suppressed stays so
/// until its next version, also when the record or the objection that it was suppressed for has been corrected away.
struct LinkageDecision {
  struct End: Hashable, Sendable {
    let recordID: Token16
    let state: Observation.State
  }

  /// Erasures to store.
  private(set) var raised: [Erasure] = []
  /// Observations to store, each with the index of the event that it comes from.
  private(set) var replaced: [(observation: Observation, event: Int)] = []
  /// Stored observations, not among `replaced`, that an erasure reaches or that prove to be an objector's.
  private(set) var ended: [End] = []
  /// Stored retracted observations, not among `replaced`, of which the batch says what they were.
  private(set) var recognised: [Observation] = []
  /// Combinations that nobody had before the batch, with the ids that they are to have.
  private(set) var created: [StoredCombination] = []
  /// What else is to be stored of how combinations stand, before and after.
  private(set) var updated: [(before: Standing, after: Standing)] = []
  /// Of these, those that are another person's now, or more or less surely so.
  var moved: [Standing] {
    updated.filter { $0.before.person != $0.after.person || $0.before.rank != $0.after.rank }.map(\.after)
  }
  /// Combinations that nobody has any more.
  private(set) var deleted: [StoredCombination] = []
  private(set) var lookup = LookupChanges(before: [], after: [])
  /// By event.
  private(set) var dispositions: [Disposition] = []

  /// Of a combination that a record of the batch has.
  func combinationID(_ digest: Token16) -> Int64 { (persons.after[digest] ?? states.combinations[digest]!.standing).id }

  /// Whether there is an observation of the record.
  func isStored(_ recordID: Token16) -> Bool { states.stored[recordID] != nil }

  private var states: RecordStates
  private var persons: PersonDecision

  init(_ batch: LinkageBatch, reading source: some LinkageSource) throws {
    var states = try RecordStates(batch, reading: source)
    let holders = try CombinationHolders(states, reading: source)
    var affected = AffectedCombinations(leaving: holders.disappeared)
    for digest in holders.appeared.sorted() { affected.add(digest, states.combination(digest)) }
    for digest in holders.disappeared.sorted() { affected.add(states.combinations[digest]!) }
    for stored in try Self.suppressible(states, source) { affected.add(stored) }
    try affected.close(reading: source)
    let reached = try Self.suppress(affected, &states, source)
    persons = try PersonDecision(affected, holders, stored: states.combinations, reached: reached, reading: source)
    self.states = states
    try store(affected, holders, source)
    dispositions = batch.records.map(disposition)
  }

  // MARK: Suppression

  /// Combinations that did not come or go with the batch, and of which records may have to be suppressed: those that the
  /// batch brings a record of and an objection is known to reach, those that objections now reach further from, and those
  /// that share demographics with what was taken back.
  private static func suppressible(
    _ states: RecordStates, _ source: some LinkageSource
  ) throws -> [StoredCombination] {
    var found = states.widened
    for id in states.winners.keys {
      guard let observation = states.current[id], observation.state == .live, let digest = observation.combination
      else { continue }
      if let stored = states.combinations[digest], stored.standing.isReached { found.append(stored) }
    }
    var demographics = Set(newWitnesses(states).map(\.demographics.high))
    if !states.widenedTokens.isEmpty {
      for witness in try source.witnesses(withdrawals: Array(states.widenedTokens)) {
        demographics.insert(witness.traces!.demographics.high)
      }
    }
    if !demographics.isEmpty { found += try source.untrusted(demographics: demographics) }
    return found
  }

  private static func newWitnesses(_ states: RecordStates) -> [Observation.Traces] {
    states.current.values.compactMap { observation in
      observation.traces == states.stored[observation.recordID]?.traces ? nil : observation.traces
    }
  }

  /// - Returns: digests of affected combinations from which an objection is reached.
  private static func suppress(
    _ affected: AffectedCombinations, _ states: inout RecordStates, _ source: some LinkageSource
  ) throws -> Set<Token16> {
    let nodes = Suppression.beside(affected.nodes.filter(\.isPresent))
    guard !nodes.isEmpty else { return [] }
    let demographics = Set(nodes.compactMap { $0.combination.number == nil ? $0.combination.demographics : nil })
    var witnesses = newWitnesses(states)
    if !demographics.isEmpty {
      for witness in try source.witnesses(demographics: Array(demographics)) {
        if states.current[witness.recordID].map({ $0.traces == witness.traces }) ?? true {
          witnesses.append(witness.traces!)
        }
      }
    }
    var marks = states.marks
    let tokens = Set(nodes.map(\.combination.withdrawal)).union(witnesses.map(\.withdrawal))
    for erasure in try source.erasures(withdrawals: Array(tokens)) { marks.take(erasure) }
    let suppression = Suppression(nodes, witnesses: witnesses, marks: marks)
    let reached = suppression.reached
    guard !reached.isEmpty else { return [] }
    for observation in states.current.values where suppression.covers(observation) { states.suppress(observation) }
    for observation in try source.observations(combinations: reached) {
      if states.current[observation.recordID] == nil, suppression.covers(observation) { states.suppress(observation) }
    }
    return Set(reached)
  }

  // MARK: Outcome

  private mutating func store(
    _ affected: AffectedCombinations, _ holders: CombinationHolders, _ source: some LinkageSource
  ) throws {
    let new = persons.new
    if !new.isEmpty { persons.number(new, from: try source.reserve(new.count)) }
    let combinations = Dictionary(uniqueKeysWithValues: affected.nodes.map { ($0.digest, $0.combination) })
    var compared: (before: [StoredCombination], after: [StoredCombination]) = ([], [])
    var renamed: [(Standing, Standing)] = []
    // Sorted, so that instances and repetitions touch pages and fill the outbox in one order.
    for (digest, after) in persons.after.sorted(by: { $0.key < $1.key }) {
      let before = persons.before[digest]
      if let before, before != after { updated.append((before, after)) }
      guard let combination = combinations[digest] else {
        renamed.append((before!, after))
        continue
      }
      let stored = StoredCombination(standing: after, combination: combination)
      compared.after.append(stored)
      if let before {
        compared.before.append(StoredCombination(standing: before, combination: combination))
      } else {
        created.append(stored)
      }
    }
    deleted = holders.disappeared.sorted().map { states.combinations[$0]! }
    lookup = LookupChanges(before: compared.before + deleted, after: compared.after, renamed: renamed)
    raised = states.raised
    let (current, winners, stored) = (states.current, states.winners, states.stored)
    replaced = winners.map { (current[$0.key]!, $0.value) }.sorted { $0.0.recordID < $1.0.recordID }
    let untouched = stored.keys.filter { winners[$0] == nil && !states.overtaken.contains($0) }
    ended = untouched.filter { current[$0]!.state != stored[$0]!.state }.sorted().map {
      End(recordID: $0, state: current[$0]!.state)
    }
    recognised = states.overtaken.filter { winners[$0] == nil }.sorted().map { current[$0]! }
  }

  private func disposition(_ event: RecordEvent) -> Disposition {
    let observation = states.current[event.recordID]!
    guard observation.version == event.version else { return .nothing }
    switch (event.content, observation.state) {
    case (.retraction(let reason), .retracted), (.retraction(let reason), .witness): return .retraction(reason)
    case (.exclusion(let reason, _), .excluded): return .retraction(reason)
    case (.record, .live):
      let digest = observation.combination!
      let standing = persons.after[digest] ?? states.combinations[digest]!.standing
      return .record(person: standing.person, rank: standing.rank)
    case (.record, .excluded): return .retraction(states.reason(observation) ?? .type2)
    case (.record, .suppressed), (.record, .withdrawn): return .retraction(Disposition.suppression)
    case (.record, .retracted), (.record, .witness), (.retraction, _), (.exclusion, _): return .nothing
    }
  }
}
