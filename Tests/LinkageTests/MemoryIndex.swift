import Contracts
import Cryptography
import Testing

@testable import Linkage

/// The index as dictionaries: the decision with everything around it, without PostgreSQL.
struct MemoryIndex: ObservationSource {
  private(set) var stored: [Token16: Observation] = [:]
  private(set) var marks: Set<Erasure> = []
  var view = PublishedView()
  /// A planted fault: a retraction takes the demographics with it.
  var forgetsWitnesses = false

  @discardableResult
  mutating func apply(_ batch: LinkageBatch) throws -> LinkageDecision {
    let decision = try LinkageDecision(batch, reading: self)
    for erasure in decision.raised {
      marks = marks.filter { $0.token != erasure.token || $0.allSources != erasure.allSources }
      marks.insert(erasure)
    }
    for (observation, _) in decision.replaced { stored[observation.recordID] = observation }
    for end in decision.ended {
      stored[end.recordID]!.end(as: end.state)
      // Publication learns of it by a retraction through the outbox.
      if end.state == .suppressed { view.retract(end.recordID, stored[end.recordID]!.version) }
    }
    for observation in decision.recognised {
      #expect(stored[observation.recordID]!.isRetracted && observation.isRetracted)
      stored[observation.recordID] = observation
    }
    if forgetsWitnesses {
      for id in stored.keys where stored[id]!.state == .witness { stored[id]!.end(as: .retracted) }
    }
    for reassignment in decision.reassigned {
      #expect(stored[reassignment.recordID]!.member.assignment < reassignment.assignment)
      stored[reassignment.recordID]!.member.person = reassignment.person
      stored[reassignment.recordID]!.member.assignment = reassignment.assignment
    }
    view.take(batch, decision.dispositions)
    for reassignment in decision.reassigned {
      view.assign(reassignment.recordID, reassignment.person, reassignment.assignment)
    }
    return decision
  }

  @discardableResult
  mutating func apply(_ events: RecordEvent...) throws -> LinkageDecision {
    try apply(LinkageBatch(records: events))
  }

  var truth: LinkageOracle.Truth {
    LinkageOracle.Truth(states: stored.mapValues(\.state), persons: stored.compactMapValues(\.member.person))
  }

  private var live: [Observation] { stored.values.filter { $0.state == .live } }

  func observations(recordIDs: [Token16]) -> [Observation] { recordIDs.compactMap { stored[$0] } }
  func erasures(withdrawals: [Token16]) -> [Erasure] { marks.filter { withdrawals.contains($0.token) } }
  func observations(withdrawals: [Token16]) -> [Observation] {
    stored.values.filter { observation in
      observation.state != .retracted && observation.state != .withdrawn
        && observation.withdrawal.map(withdrawals.contains) ?? false
    }
  }
  func witnesses(demographics: [Token16]) -> [Witness] {
    stored.values.flatMap { observation -> [Witness] in
      guard let token = observation.witnessed, demographics.contains(token) else { return [] }
      return marks.filter { $0.token == observation.withdrawal }.map {
        Witness(recordID: observation.recordID, demographics: token, erasure: $0)
      }
    }
  }
  func unnumbered(demographics: [Token16]) -> [Observation] {
    live.filter { $0.member.nhsNumber == nil && $0.member.demographics.map(demographics.contains) ?? false }
  }
  func live(nhsNumbers: [Token16]) -> [ClusterMember] {
    live.map(\.member).filter { member in member.nhsNumber.map(nhsNumbers.contains) ?? false }
  }
  func live(demographics: [Token16], withNumber: Bool) -> [ClusterMember] {
    live.map(\.member).filter { member in
      (member.nhsNumber != nil) == withNumber && (member.demographics.map(demographics.contains) ?? false)
    }
  }
}

/// What a reader of `linked` knows: of each record the highest version, a retraction before a record, and the person
/// with the highest assignment number; what an erasure reaches is gone.
struct PublishedView {
  private var versions: [Token16: (version: RecordVersion, isLive: Bool)] = [:]
  private var assignments: [Token16: (person: Token16, number: Int64)] = [:]
  private var withdrawn: Set<Token16> = []

  mutating func take(_ batch: LinkageBatch, _ dispositions: [Disposition]) {
    for (event, disposition) in zip(batch.records, dispositions) {
      switch disposition {
      case .nothing: continue
      case .record(let person, let number):
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
