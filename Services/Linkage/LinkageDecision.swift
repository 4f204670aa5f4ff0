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
}

/// What a batch changes, and what goes out for it: a function of the batch and of what is stored.
///
/// The state after any sequence of batches is a function of the set of their events: of each record the highest
/// version counts (at the same version a retraction), of each erasure the highest stamp, and persons follow from the
/// live observations. So batches may be cut, repeated and mixed across partitions at will.
struct LinkageDecision {
  struct Reassignment: Hashable, Sendable {
    let recordID: Token16
    let person: Token16
    let assignment: Int64
  }

  /// Erasures beyond the stored ones.
  private(set) var raised: [Erasure] = []
  /// Observations to store, each with the index of the event that it comes from.
  private(set) var replaced: [(observation: Observation, event: Int)] = []
  /// Stored observations that an erasure of this batch reaches.
  private(set) var withdrawn: [Token16] = []
  /// Stored observations, not among `replaced`, that belong to another person now.
  private(set) var reassigned: [Reassignment] = []
  /// By event.
  private(set) var dispositions: [Disposition] = []

  private var marks = ErasureMarks()
  private var stored: [Token16: Observation] = [:]
  private var current: [Token16: Observation] = [:]
  private var winners: [Token16: Int] = [:]

  init(_ batch: LinkageBatch, reading source: some ObservationSource) throws {
    try readErasures(batch, source)
    try readStored(batch, source)
    withdrawStored()
    for (index, event) in batch.records.enumerated() { apply(event, index) }
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
    for case .record(_, _, let withdrawal) in batch.records.lazy.map(\.content) { tokens.insert(withdrawal) }
    guard !tokens.isEmpty else { return }
    for erasure in try source.erasures(withdrawals: Array(tokens)) { marks.raise(erasure) }
    var scopes: Set<Erasure> = []
    for erasure in batch.erasures where marks.raise(erasure) {
      scopes.insert(Erasure(token: erasure.token, allSources: erasure.allSources, stamp: 0))
    }
    raised = scopes.map { scope in
      Erasure(
        token: scope.token, allSources: scope.allSources,
        stamp: marks.stamp(scope.token, allSources: scope.allSources)!)
    }
  }

  // MARK: Observations

  private mutating func readStored(_ batch: LinkageBatch, _ source: some ObservationSource) throws {
    let ids = Set(batch.records.map(\.recordID))
    if !ids.isEmpty {
      for observation in try source.observations(recordIDs: Array(ids)) { stored[observation.recordID] = observation }
    }
    // A repeated erasure finds nothing: what it reaches was withdrawn when it came first.
    if !raised.isEmpty {
      let reached = try source.live(withdrawals: Array(Set(raised.map(\.token))))
      for observation in reached where reason(observation) != nil { stored[observation.recordID] = observation }
    }
    current = stored
  }

  private mutating func withdrawStored() {
    for (id, observation) in stored where observation.state == .live && reason(observation) != nil {
      current[id]!.end(as: .withdrawn)
    }
  }

  private mutating func apply(_ event: RecordEvent, _ index: Int) {
    let next = observation(event)
    if let known = current[event.recordID] {
      guard next.version >= known.version else { return }
      if next.version == known.version {
        guard next.state == .retracted, known.state != .retracted else { return }
      }
    }
    current[event.recordID] = next
    winners[event.recordID] = index
  }

  private func observation(_ event: RecordEvent) -> Observation {
    var observation = Observation(
      member: ClusterMember(recordID: event.recordID), version: event.version, stamp: event.stamp,
      source: event.source, state: .live)
    switch event.content {
    case .retraction: observation.end(as: .retracted)
    case .record(let nhsNumber, let demographics, let withdrawal):
      observation.withdrawal = withdrawal
      observation.member.nhsNumber = nhsNumber
      observation.member.demographics = demographics
      if reason(observation) != nil { observation.end(as: .withdrawn) }
    }
    return observation
  }

  private func reason(_ observation: Observation) -> RetractionReason? {
    guard let token = observation.withdrawal else { return nil }
    return marks.reason(token: token, stamp: observation.stamp, source: observation.source)
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
    case (.retraction(let reason), .retracted): return .retraction(reason)
    case (.record, .live):
      return .record(person: observation.member.person!, assignment: observation.member.assignment)
    case (.record, .withdrawn): return .retraction(reason(observation) ?? .type2)
    case (.record, .retracted), (.retraction, _): return .nothing
    }
  }

  private mutating func finish(_ moved: [(member: ClusterMember, person: Token16)]) {
    // Sorted, so that instances and repetitions touch pages and fill the outbox in one order.
    replaced = winners.map { (current[$0.key]!, $0.value) }.sorted { $0.0.recordID < $1.0.recordID }
    withdrawn = stored.keys.filter { winners[$0] == nil && current[$0]!.state != stored[$0]!.state }.sorted()
    // A repeated record goes out in line as well; the same assignment twice does no harm.
    reassigned = moved.filter { winners[$0.member.recordID] == nil }.map { member, person in
      Reassignment(recordID: member.recordID, person: person, assignment: member.assignment + 1)
    }.sorted { $0.recordID < $1.recordID }
  }
}
