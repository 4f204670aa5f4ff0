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
        case .exclusion: false
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
      #expect(state(1, index) == .excluded)
      let decision = try index.apply(record(2, demographics: 5, stamp: 40, source: .hospital))
      #expect(decision.dispositions == [.retraction(.type2)])
      #expect(state(2, index) == .suppressed)
      #expect(index.person(recordID(2)) == nil)
      #expect(
        try index.apply(record(2, demographics: 5, stamp: 40, source: .hospital)).dispositions
          == [.retraction(.type2)], "redelivered, it goes out as before")
    }
  }

  @Test func `what comes later of an identity that an objection has been reached from is suppressed as well`() throws {
    for isReached in [true, false] {
      var index = MemoryIndex()
      try index.apply(
        LinkageBatch(
          records: [record(1, nhs: 1, demographics: 5, stamp: 10), record(2, demographics: 5, local: 3, stamp: 10)],
          erasures: isReached ? [erasure(1, stamp: 20)] : []))
      #expect(state(2, index) == (isReached ? .suppressed : .live))
      let later = [
        record(2, version: 2, demographics: 5, local: 3, stamp: 40), record(3, demographics: 5, local: 3, stamp: 50),
      ]
      for event in later {
        let decision = try index.apply(event)
        #expect(
          decision.dispositions == (isReached ? [.retraction(.type2)] : [.record(person: recordID(1), rank: 4)]))
        #expect(decision.created.isEmpty)
      }
    }
  }

  @Test func `a record already linked is withdrawn when the objection comes, and others keep their person`() throws {
    var index = MemoryIndex()
    try index.apply(
      record(2, demographics: 5, stamp: 5), record(3, nhs: 1, demographics: 5, stamp: 6),
      record(4, nhs: 1, stamp: 30, source: .hospital))
    #expect([2, 3, 4].allSatisfy { index.person(recordID($0)) == recordID(2) })
    let decision = try index.apply(LinkageBatch(erasures: [erasure(1, stamp: 20)]))
    expect(decision, ends: 2, as: .suppressed)
    expect(decision, ends: 3, as: .excluded)
    #expect(decision.moved.isEmpty)
    #expect(index.view.persons { $0 == recordID(3) } == [recordID(4): recordID(2)])
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
      record(2, demographics: 5, stamp: 5, source: .gp), record(3, demographics: 5, stamp: 5),
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
    expect(decision, ends: 2, as: .excluded)
    expect(decision, ends: 3, as: .suppressed)
    #expect(state(1, index) == .live)
    // The one who does not object is no reason to let the other's records pass either.
    #expect(try index.apply(record(4, demographics: 5, stamp: 50)).dispositions == [.retraction(.type2)])
  }

  @Test func `what is held back keeps a record without number from being taken for somebody else's`() throws {
    var index = MemoryIndex()
    let ended = erasure(1, stamp: 30, inForce: false)
    try index.apply(
      LinkageBatch(
        records: [exclusion(1, nhs: 1, demographics: 5, stamp: 10), record(2, nhs: 2, demographics: 5, stamp: 40)],
        erasures: [ended]))
    let decision = try index.apply(record(3, demographics: 5, stamp: 40))
    #expect(decision.dispositions == [.record(person: recordID(3), rank: 0)])
  }

  @Test func `over the id at an organisation, and over other records without number, an objection reaches on`() throws {
    let said: [Said] = [
      .record(record(1, nhs: 1, demographics: 5, stamp: 5)), .record(record(2, demographics: 5, local: 7, stamp: 5)),
      .record(record(3, demographics: 6, local: 7, stamp: 5)), .record(record(4, demographics: 6, stamp: 5)),
      .record(record(5, demographics: 8, local: 9, stamp: 5)), .record(record(6, nhs: 6, local: 7, stamp: 5)),
      .erasure(erasure(1, stamp: 4, statement: 20)),
    ]
    var generator = SeededGenerator(seed: 10)
    for _ in 0..<40 {
      var index = MemoryIndex()
      for said in said.shuffled(using: &generator) { try index.apply(Said.batch([said])) }
      #expect([2, 3, 4].allSatisfy { state($0, index) == .suppressed })
      #expect([1, 5, 6].allSatisfy { state($0, index) == .live }, "what has a number of its own follows that")
    }
  }

  @Test func `of somebody without a number who objects the other records without number go out neither`() throws {
    var index = MemoryIndex()
    try index.apply(record(2, demographics: 5, stamp: 5))
    let decision = try index.apply(
      LinkageBatch(
        records: [exclusion(1, demographics: 5, stamp: 10)], erasures: [erasure(1_001, stamp: 8)]))
    expect(decision, ends: 2, as: .suppressed)
    #expect(try index.apply(record(3, demographics: 5, stamp: 30)).dispositions == [.retraction(.type2)])
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
    #expect(
      try index.apply(record(2, version: 2, demographics: 5, stamp: 31)).dispositions
        == [.record(person: recordID(1), rank: LinkPass.demographics.rawValue)])
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
      #expect(state(1, index) == .excluded)
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
      #expect(state(2, index) == .excluded)
    }
  }
}
