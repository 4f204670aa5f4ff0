import Contracts
import Cryptography

/// What a batch says, in the order of arrival within each input partition.
struct LinkageBatch: Sendable {
  var records: [RecordEvent] = []
  var erasures: [Erasure] = []
}

/// What goes out for one ``RecordEvent``.
enum Disposition: Hashable, Sendable {
  case record(person: Token16, assignment: Int64)
  case retraction(RetractionReason)
  /// A higher version is known, or a retraction of the same one.
  case nothing

  /// What is told of every record that was taken for an objector's, whatever the objection: downstream it is the same,
  /// and it must not depend on which of several objections came first.
  static let suppression = RetractionReason.type2
}

/// What a batch changes, and what goes out for it: a function of the batch and of what is stored.
///
/// The state after any sequence of batches is a function of the set of their events: of each record the highest
/// version counts (at the same version a retraction, one for a correction before one for an objection), of each erasure
/// the highest stamps, and persons follow from the live observations. Of a retracted record the highest version that was
/// no retraction still says whose it was; see ``Observation``. So batches may be cut, repeated and mixed across
/// partitions at will. One thing has a memory: what was suppressed stays so until its next version, also when the
/// observation or the objection that it was suppressed for has been corrected away.
struct LinkageDecision {
  struct Reassignment: Hashable, Sendable {
    let recordID: Token16
    let person: Token16
    let assignment: Int64
  }

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
  /// Stored observations, not among `replaced`, that belong to another person now.
  private(set) var reassigned: [Reassignment] = []
  /// By event.
  private(set) var dispositions: [Disposition] = []

  private var marks = ErasureMarks()
  /// Tokens under which an objection reaches further than before.
  private var widened: Set<Token16> = []
  /// Observations under these.
  private var reached: [Observation] = []
  private var stored: [Token16: Observation] = [:]
  private var current: [Token16: Observation] = [:]
  private var winners: [Token16: Int] = [:]
  /// Retracted ones to which a version came that the retraction had overtaken.
  private var overtaken: Set<Token16> = []

  init(_ batch: LinkageBatch, reading source: some ObservationSource) throws {
    try readErasures(batch, source)
    try readStored(batch, source)
    withdrawStored()
    for (index, event) in batch.records.enumerated() { apply(event, index) }
    try suppress(source)
    restoreAssignments()
    var clusters = AffectedClusters(stored: stored, current: current)
    let moved = try clusters.reassigned(reading: source)
    assign(moved)
    dispositions = batch.records.map(disposition)
    finish(moved)
  }

  // MARK: Erasures

  private mutating func readErasures(_ batch: LinkageBatch, _ source: some ObservationSource) throws {
    var tokens = Set(batch.erasures.map(\.token))
    for event in batch.records {
      switch event.content {
      case .record(_, _, let withdrawal), .exclusion(_, _, let withdrawal): tokens.insert(withdrawal)
      case .retraction, .unrecognised: break
      }
    }
    guard !tokens.isEmpty else { return }
    for erasure in try source.erasures(withdrawals: Array(tokens)) { marks.take(erasure) }
    var changed: Set<ErasureMarks.Scope> = []
    for erasure in batch.erasures {
      let change = marks.take(erasure)
      if change == .none { continue }
      if change == .widened { widened.insert(erasure.token) }
      changed.insert(.init(token: erasure.token, allSources: erasure.allSources))
    }
    raised = changed.map { scope in
      Erasure(
        token: scope.token, allSources: scope.allSources, mark: marks.mark(scope.token, allSources: scope.allSources)!)
    }
  }

  // MARK: Observations

  private mutating func readStored(_ batch: LinkageBatch, _ source: some ObservationSource) throws {
    let ids = Set(batch.records.map(\.recordID))
    if !ids.isEmpty {
      for observation in try source.observations(recordIDs: Array(ids)) { stored[observation.recordID] = observation }
    }
    // A repeated erasure finds nothing: what it reaches was withdrawn when it came first.
    if !widened.isEmpty {
      reached = try source.observations(withdrawals: Array(widened))
      for observation in reached where isErased(observation) { stored[observation.recordID] = observation }
    }
    current = stored
  }

  private mutating func withdrawStored() {
    for (id, observation) in stored where isErased(observation) { current[id]!.erase() }
  }

  /// Whether it has to end now: what suppresses has ended before.
  private func isErased(_ observation: Observation) -> Bool {
    (observation.state == .live || observation.state == .suppressed) && reason(observation) != nil
  }

  private mutating func apply(_ event: RecordEvent, _ index: Int) {
    var next = observation(event)
    if let known = current[event.recordID] {
      guard next.version >= known.version else { return overtake(next, known) }
      // At the same version: retracted before held back before passed, and what was said twice changes nothing.
      if next.version == known.version {
        guard !known.isRetracted else { return overtake(next, known) }
        if case .record = event.content { return }
        guard next.isRetracted || known.state != .suppressing else { return }
      }
      if next.isRetracted, next.said == nil { next.retract(known) }
    }
    current[event.recordID] = next
    winners[event.recordID] = index
  }

  /// What comes after its own retraction still says whose record it was.
  private mutating func overtake(_ next: Observation, _ known: Observation) {
    guard known.isRetracted, let says = next.isRetracted ? next.said : next.version else { return }
    if let said = known.said, says <= said { return }
    current[known.recordID]!.retract(next)
    overtaken.insert(known.recordID)
  }

  private func observation(_ event: RecordEvent) -> Observation {
    var observation = Observation(
      member: ClusterMember(recordID: event.recordID), version: event.version, stamp: event.stamp,
      source: event.source, state: .live)
    switch event.content {
    case .retraction: observation.end(as: .retracted)
    case .unrecognised:
      observation.end(as: .retracted)
      observation.said = event.version
    case .exclusion(_, let demographics, let withdrawal):
      observation.withdrawal = withdrawal
      observation.member.demographics = demographics
      observation.end(as: .suppressing)
    case .record(let nhsNumber, let demographics, let withdrawal):
      observation.withdrawal = withdrawal
      observation.member.nhsNumber = nhsNumber
      observation.member.demographics = demographics
      if reason(observation) != nil { observation.erase() }
    }
    return observation
  }

  private func reason(_ observation: Observation) -> RetractionReason? {
    guard let token = observation.withdrawal else { return nil }
    return marks.reason(token: token, stamp: observation.stamp, source: observation.source)
  }

  // MARK: Suppression

  /// Ends observations without a number that share demographics with one of an objector. Only what the batch brings can
  /// have changed that: new observations without a number, new ones with a number under which an objection is known
  /// (retracted or not), and objections that reach further than before.
  private mutating func suppress(_ source: some ObservationSource) throws {
    var cover = DemographicCover()
    var covered: Set<Token16> = []
    let brought = overtaken.union(winners.keys).map { current[$0]! }
    let others = reached.filter { winners[$0.recordID] == nil && !overtaken.contains($0.recordID) }
    for observation in marks.isEmpty ? [] : brought + others {
      guard let demographics = observation.witnessed, let token = observation.withdrawal else { continue }
      if cover.add(token, at: demographics, marks) { covered.insert(demographics) }
    }
    let sought = Set(brought.compactMap(\.unnumberedDemographics))
    if !sought.isEmpty {
      let witnesses = try source.witnesses(demographics: Array(sought)).filter(stillHolds)
      for witness in witnesses { marks.take(witness.erasure) }
      for witness in witnesses { cover.add(witness.erasure.token, at: witness.demographics, marks) }
    }
    for observation in brought where cover.covers(observation) { current[observation.recordID]!.end(as: .suppressed) }
    guard !covered.isEmpty else { return }
    for observation in try source.unnumbered(demographics: Array(covered)) where cover.covers(observation) {
      let id = observation.recordID
      guard winners[id] == nil, current[id].map({ $0.state == .live }) ?? true else { continue }
      stored[id] = observation
      current[id] = observation
      current[id]!.end(as: .suppressed)
    }
  }

  private func stillHolds(_ witness: Witness) -> Bool {
    guard let now = current[witness.recordID] else { return true }
    return now.witnessed == witness.demographics && now.withdrawal == witness.erasure.token
  }

  // MARK: Persons

  /// A new version keeps person and number until the person is decided anew.
  private mutating func restoreAssignments() {
    for id in winners.keys {
      guard let before = stored[id]?.member else { continue }
      current[id]!.member.assignment = before.assignment
      if current[id]!.state == .live { current[id]!.member.person = before.person }
    }
  }

  private mutating func assign(_ moved: [(member: ClusterMember, person: Token16)]) {
    for (member, person) in moved where current[member.recordID] != nil {
      current[member.recordID]!.member.person = person
      current[member.recordID]!.member.assignment = member.assignment + 1
    }
  }

  // MARK: Outcome

  private func disposition(_ event: RecordEvent) -> Disposition {
    let observation = current[event.recordID]!
    guard observation.version == event.version else { return .nothing }
    switch (event.content, observation.state) {
    case (.retraction(let reason), .retracted), (.retraction(let reason), .witness): return .retraction(reason)
    case (.exclusion(let reason, _, _), .suppressing): return .retraction(reason)
    case (.unrecognised(let reason), .retracted): return .retraction(reason)
    case (.record, .live):
      return .record(person: observation.member.person!, assignment: observation.member.assignment)
    case (.record, .withdrawn), (.record, .suppressing): return .retraction(reason(observation) ?? .type2)
    case (.record, .suppressed): return .retraction(Disposition.suppression)
    case (.record, .retracted), (.record, .witness), (.retraction, _), (.exclusion, _), (.unrecognised, _):
      return .nothing
    }
  }

  private mutating func finish(_ moved: [(member: ClusterMember, person: Token16)]) {
    // Sorted, so that instances and repetitions touch pages and fill the outbox in one order.
    replaced = winners.map { (current[$0.key]!, $0.value) }.sorted { $0.0.recordID < $1.0.recordID }
    let untouched = stored.keys.filter { winners[$0] == nil && !overtaken.contains($0) }
    ended = untouched.filter { current[$0]!.state != stored[$0]!.state }.sorted().map {
      End(recordID: $0, state: current[$0]!.state)
    }
    recognised = overtaken.filter { winners[$0] == nil }.sorted().map { current[$0]! }
    // A repeated record goes out in line as well; the same assignment twice does no harm.
    reassigned = moved.filter { winners[$0.member.recordID] == nil }.map { member, person in
      Reassignment(recordID: member.recordID, person: person, assignment: member.assignment + 1)
    }.sorted { $0.recordID < $1.recordID }
  }
}
