import Contracts
import Cryptography
import Linking
import Testing

@testable import Linkage

@Suite("Records without a number of persons who object")
struct SuppressionTests {
  private func state(_ id: UInt64, _ index: MemoryIndex) -> Observation.State? { index.stored[recordID(id)]?.state }

  private func expect(
    _ decision: LinkageDecision, ends id: UInt64, as state: Observation.State,
    _ location: SourceLocation = #_sourceLocation
  ) {
    #expect(decision.ended.contains(.init(recordID: recordID(id), state: state)), sourceLocation: location)
  }

  @Test(arguments: 100..<160)
  func `what is suppressed depends on what was said, not on order, batches or repetitions`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let said = randomWorld(&generator, records: UInt64.random(in: 6...40, using: &generator), isMonotone: true)
    let bounds = LinkageOracle.suppressed(said)
    #expect(bounds.must == bounds.may, "the world was meant to leave nothing open")
    let truth = LinkageOracle.truth(said)
    for _ in 0..<6 {
      var index = MemoryIndex()
      for batch in batches(said.shuffled(using: &generator), &generator) { try index.apply(batch) }
      #expect(index.truth == truth)
      #expect(index.view.persons(except: truth.isErased) == truth.persons)
    }
  }

  @Test func `with the objections left out nothing is suppressed and everybody is there`() throws {
    var generator = SeededGenerator(seed: 7)
    let said = randomWorld(&generator, records: 60, isMonotone: true)
    let without = said.filter { said in
      switch said {
      case .erasure: false
      case .record(let event):
        switch event.content {
        case .exclusion, .unrecognised: false
        case .record, .retraction: true
        }
      }
    }
    var index = MemoryIndex()
    for batch in batches(without.shuffled(using: &generator), &generator) { try index.apply(batch) }
    #expect(index.truth.suppressed.isEmpty)
    #expect(index.truth == LinkageOracle.truth(without))
  }

  @Test func `the oracle notices each objection that is dropped on purpose and had an effect`() throws {
    var generator = SeededGenerator(seed: 8)
    var noticed = 0
    for _ in 0..<160 {
      let said = randomWorld(&generator, records: 30, isMonotone: true)
      let bounds = LinkageOracle.suppressed(said)
      for (position, one) in said.enumerated() {
        guard case .erasure = one else { continue }
        let rest = said.enumerated().filter { $0.offset != position }.map(\.element)
        guard LinkageOracle.truth(rest).suppressed != bounds.must else { continue }
        var index = MemoryIndex()
        try index.apply(Said.batch(rest))
        #expect(!bounds.contain(index.truth.suppressed))
        noticed += 1
      }
    }
    #expect(noticed > 20)
  }

  @Test func `a record without number that comes after the objection goes out as a retraction`() throws {
    for numbered in [
      exclusion(1, nhs: 1, demographics: 5, stamp: 30),
      record(1, nhs: 1, demographics: 5, stamp: 10),
    ] {
      var index = MemoryIndex()
      try index.apply(LinkageBatch(records: [numbered], erasures: [erasure(1, stamp: 20)]))
      #expect(state(1, index) == .suppressing)
      #expect(index.stored[recordID(1)]?.member.nhsNumber == nil, "of an objector no number's token is kept")
      let decision = try index.apply(record(2, demographics: 5, stamp: 40, source: .hospital))
      #expect(decision.dispositions == [.retraction(.type2)])
      #expect(state(2, index) == .suppressed)
      #expect(index.stored[recordID(2)]?.member == ClusterMember(recordID: recordID(2)))
      #expect(
        try index.apply(record(2, demographics: 5, stamp: 40, source: .hospital)).dispositions
          == [.retraction(.type2)], "redelivered, it goes out as before")
    }
  }

  @Test func `a record already linked is withdrawn when the objection comes, and its person is decided anew`() throws {
    var index = MemoryIndex()
    try index.apply(
      record(2, demographics: 5, stamp: 5), record(3, nhs: 1, demographics: 5, stamp: 6),
      record(4, nhs: 1, stamp: 30, source: .hospital))
    let person = PersonID.of(smallestRecordID: recordID(2))
    #expect([2, 3, 4].allSatisfy { index.stored[recordID($0)]?.member.person == person })
    let decision = try index.apply(LinkageBatch(erasures: [erasure(1, stamp: 20)]))
    expect(decision, ends: 2, as: .suppressed)
    expect(decision, ends: 3, as: .suppressing)
    #expect(decision.reassigned.map(\.recordID) == [recordID(4)])
    #expect(index.view.persons { $0 == recordID(3) }.keys.sorted() == [recordID(4)])
  }

  @Test func `a record already linked is withdrawn when the objector's number is first seen with its demographics`()
    throws
  {
    var index = MemoryIndex()
    try index.apply(LinkageBatch(records: [record(2, demographics: 5, stamp: 5)], erasures: [erasure(1, stamp: 20)]))
    #expect(state(2, index) == .live)
    let decision = try index.apply(exclusion(1, nhs: 1, demographics: 5, stamp: 30))
    #expect(decision.dispositions == [.retraction(.type2)])
    expect(decision, ends: 2, as: .suppressed)
  }

  @Test func `an objection to general practice data reaches records of general practices only`() throws {
    var index = MemoryIndex()
    try index.apply(
      record(2, demographics: 5, stamp: 5, source: .gp), record(3, demographics: 5, stamp: 5, source: .hospital),
      record(4, nhs: 1, demographics: 5, stamp: 5, source: .community))
    let decision = try index.apply(LinkageBatch(erasures: [erasure(1, all: false, stamp: 20)]))
    expect(decision, ends: 2, as: .suppressed)
    #expect(state(3, index) == .live && state(4, index) == .live, "the numbered one suppresses and stays itself")
    let all = try index.apply(LinkageBatch(erasures: [erasure(1, all: true, stamp: 20)]))
    expect(all, ends: 3, as: .suppressed)
  }

  @Test func `of two people with one address and birthday either one's objection is enough`() throws {
    var index = MemoryIndex()
    try index.apply(
      record(1, nhs: 1, demographics: 5, stamp: 5), record(2, nhs: 2, demographics: 5, stamp: 5),
      record(3, demographics: 5, stamp: 5))
    let decision = try index.apply(LinkageBatch(erasures: [erasure(2, stamp: 20)]))
    expect(decision, ends: 2, as: .suppressing)
    expect(decision, ends: 3, as: .suppressed)
    #expect(state(1, index) == .live)
    // The one who does not object is no reason to let the other's records pass either.
    #expect(try index.apply(record(4, demographics: 5, stamp: 50)).dispositions == [.retraction(.type2)])
  }

  @Test func `a suppressing observation is no candidate when a record without number looks for its person`() throws {
    var index = MemoryIndex()
    let ended = erasure(1, stamp: 30, inForce: false)
    try index.apply(
      LinkageBatch(
        records: [exclusion(1, nhs: 1, demographics: 5, stamp: 10), record(2, nhs: 2, demographics: 5, stamp: 40)],
        erasures: [ended]))
    let decision = try index.apply(record(3, demographics: 5, stamp: 40))
    let person = PersonID.of(smallestRecordID: recordID(2))
    #expect(decision.dispositions == [.record(person: person, assignment: 1)])
  }

  @Test func `after a reinstatement what is admitted anew passes, and nothing comes back by itself`() throws {
    var index = MemoryIndex()
    try index.apply(
      LinkageBatch(
        records: [exclusion(1, nhs: 1, demographics: 5, stamp: 10), record(2, demographics: 5, stamp: 12)],
        erasures: [erasure(1, stamp: 11)]))
    #expect(state(2, index) == .suppressed)
    let reinstatement = erasure(1, stamp: 30, inForce: false)
    #expect(try index.apply(LinkageBatch(erasures: [reinstatement])).ended.isEmpty)
    #expect(try index.apply(record(2, demographics: 5, stamp: 12)).dispositions == [.retraction(.type2)])
    #expect(try index.apply(record(3, demographics: 5, stamp: 30)).dispositions == [.retraction(.type2)])
    let person = PersonID.of(smallestRecordID: recordID(2))
    #expect(
      try index.apply(record(2, version: 2, demographics: 5, stamp: 31)).dispositions
        == [.record(person: person, assignment: 1)])
    // Repeated, an older statement changes nothing; a newer dissent does.
    try index.apply(LinkageBatch(erasures: [erasure(1, stamp: 11)]))
    #expect(state(2, index) == .live)
    let again = try index.apply(LinkageBatch(erasures: [erasure(1, stamp: 35)]))
    expect(again, ends: 2, as: .suppressed)
  }

  @Test func `at one statement the objection wins, in either order`() {
    let dissent = ObjectionMark(erasedStamp: 5, statementStamp: 9, isInForce: true)
    let end = ObjectionMark(erasedStamp: 9, statementStamp: 9, isInForce: false)
    let both = ObjectionMark(erasedStamp: 9, statementStamp: 9, isInForce: true)
    #expect(dissent.merged(with: end) == both && end.merged(with: dissent) == both)
    let later = ObjectionMark(erasedStamp: 7, statementStamp: 10, isInForce: false)
    #expect(later.merged(with: both) == both.merged(with: later))
    #expect(!later.merged(with: both).isInForce)
  }

  @Test func `a correction of the suppressing record ends its effect on what comes later`() throws {
    let held = exclusion(1, nhs: 1, demographics: 5, stamp: 10)
    for correction in [
      record(1, version: 2, demographics: 5, stamp: 15), record(1, version: 2, nhs: 1, stamp: 15),
      exclusion(1, version: 2, nhs: 1, demographics: 6, stamp: 15),
    ] {
      var index = MemoryIndex()
      try index.apply(LinkageBatch(records: [held], erasures: [erasure(1, stamp: 11)]))
      try index.apply(record(2, demographics: 5, stamp: 12))
      #expect(state(2, index) == .suppressed)
      try index.apply(correction)
      #expect(state(2, index) == .suppressed, "what it held is gone")
      #expect(try index.apply(record(2, version: 2, demographics: 5, stamp: 13)).dispositions != [.retraction(.type2)])
      #expect(state(2, index) == .live)
    }
  }

  @Test func `held back and passed at one version, a record suppresses in either order`() throws {
    let (held, passed) = (
      exclusion(1, nhs: 1, demographics: 5, stamp: 10), record(1, nhs: 1, demographics: 5, stamp: 10)
    )
    for order in [[held, passed], [passed, held]] {
      var index = MemoryIndex()
      for event in order { try index.apply(event) }
      #expect(state(1, index) == .suppressing)
      #expect(index.view.persons { _ in false }.isEmpty)
    }
  }

  @Test func `own objections of a record without number end it, also when it was suppressed before`() throws {
    let weak = record(2, demographics: 5, stamp: 5)
    let own = Erasure(
      token: withdrawalToken(1_002), allSources: true,
      mark: ObjectionMark(erasedStamp: 20, statementStamp: 20, isInForce: true))
    let objector = LinkageBatch(
      records: [exclusion(1, nhs: 1, demographics: 5, stamp: 10)], erasures: [erasure(1, stamp: 11)])
    for order in [[LinkageBatch(erasures: [own]), objector], [objector, LinkageBatch(erasures: [own])]] {
      var index = MemoryIndex()
      try index.apply(weak)
      for batch in order { try index.apply(batch) }
      #expect(state(2, index) == .withdrawn)
    }
  }

  @Test func `batches without weak records and without objections ask nothing more`() throws {
    let source = CountingSource()
    _ = try LinkageDecision(LinkageBatch(records: [record(1, nhs: 1, demographics: 5)]), reading: source)
    #expect(source.asked == [])
    _ = try LinkageDecision(LinkageBatch(records: [record(2, demographics: 5)]), reading: source)
    #expect(source.asked == ["witnesses"])
    source.asked = []
    _ = try LinkageDecision(
      LinkageBatch(records: [exclusion(3, nhs: 3, demographics: 6)], erasures: [erasure(3, stamp: 9)]),
      reading: source)
    #expect(source.asked == ["withdrawals", "unnumbered"])
  }
}

/// An empty index that counts the reads that suppression is the reason for.
private final class CountingSource: ObservationSource {
  var asked: [String] = []

  func observations(recordIDs: [Token16]) -> [Observation] { [] }
  func erasures(withdrawals: [Token16]) -> [Erasure] { [] }
  func observations(withdrawals: [Token16]) -> [Observation] {
    asked.append("withdrawals")
    return []
  }
  func witnesses(demographics: [Token16]) -> [Witness] {
    asked.append("witnesses")
    return []
  }
  func unnumbered(demographics: [Token16]) -> [Observation] {
    asked.append("unnumbered")
    return []
  }
  func live(nhsNumbers: [Token16]) -> [ClusterMember] { [] }
  func live(demographics: [Token16], withNumber: Bool) -> [ClusterMember] { [] }
}
