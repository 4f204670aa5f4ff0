import Contracts
import Cryptography
import Linking
import Testing

@testable import Linkage

@Suite("Decision of a batch")
struct LinkageDecisionTests {
  @Test(arguments: 0..<40)
  func `persons follow from the set of events, whatever their order, batches and repetitions`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let said = randomWorld(&generator, records: UInt64.random(in: 4...40, using: &generator))
    let bounds = LinkageOracle.suppressed(said)
    for _ in 0..<5 {
      var index = MemoryIndex()
      for batch in batches(said.shuffled(using: &generator), &generator) { try index.apply(batch) }
      // Corrections and reinstatements leave open what had been suppressed before them, and nothing else.
      #expect(bounds.contain(index.truth.suppressed))
      let truth = LinkageOracle.truth(said, suppressed: index.truth.suppressed)
      #expect(index.truth == truth)
      #expect(index.view.persons(except: truth.isErased) == truth.persons)
    }
    var once = MemoryIndex()
    try once.apply(Said.batch(said))
    #expect(once.truth == LinkageOracle.truth(said))
  }

  @Test func `the oracle notices a planted wrong person`() throws {
    var index = MemoryIndex()
    try index.apply(record(1, nhs: 1), record(2, nhs: 1))
    let said: [Said] = [.record(record(1, nhs: 1)), .record(record(2, nhs: 2))]
    #expect(index.truth != LinkageOracle.truth(said))
  }

  @Test func `a record without number joins the only number, and leaves it when a second one appears`() throws {
    var index = MemoryIndex()
    try index.apply(record(1, nhs: 1, demographics: 5), record(2, demographics: 5))
    #expect(index.person(recordID(2)) == recordID(1))

    let second = LinkageBatch(records: [record(3, nhs: 2, demographics: 5)])
    #expect(index.reassigned(by: try index.apply(second), second) == [recordID(2)])
    #expect(index.person(recordID(2)) == recordID(2))
    #expect(index.truth.ranks[recordID(2)] == 0)

    let corrected = LinkageBatch(records: [record(3, version: 2, nhs: 1, demographics: 5)])
    #expect(index.reassigned(by: try index.apply(corrected), corrected) == [recordID(2)])
    #expect(index.person(recordID(2)) == recordID(1))
    #expect(index.truth.ranks[recordID(2)] == LinkPass.demographics.rawValue)
  }

  @Test func `records without number wait for one of their own`() throws {
    var index = MemoryIndex()
    try index.apply(record(2, demographics: 5), record(3, demographics: 5))
    let batch = LinkageBatch(records: [record(4, nhs: 1, demographics: 5)])
    let number = try index.apply(batch)
    // The smallest record id is still theirs, so their person keeps its id and the new record takes it.
    #expect(index.reassigned(by: number, batch).isEmpty)
    #expect(number.dispositions == [.record(person: recordID(2), rank: 1)])
  }

  @Test func `a merge gives new persons to one side, a split gives them back`() throws {
    var index = MemoryIndex()
    try index.apply(record(1, nhs: 1), record(2, nhs: 1), record(3, nhs: 2), record(4, nhs: 2))
    let merge = LinkageBatch(records: [record(3, version: 2, nhs: 1), record(4, version: 2, nhs: 1)])
    let merged = try index.apply(merge)
    let first = Disposition.record(person: recordID(1), rank: 1)
    #expect(merged.dispositions == [first, first])
    #expect(index.reassigned(by: merged, merge).isEmpty)

    let split = LinkageBatch(records: [record(1, version: 2, nhs: 3)])
    let decision = try index.apply(split)
    #expect(decision.dispositions == [first])
    #expect(index.reassigned(by: decision, split) == [2, 3, 4].map(recordID))
    #expect([2, 3, 4].allSatisfy { index.person(recordID($0)) == recordID(2) })
  }

  @Test func `a repeated record goes out as before, with the person of today`() throws {
    var index = MemoryIndex()
    let before = try index.apply(record(2, nhs: 1))
    #expect(try index.apply(record(2, nhs: 1)).dispositions == before.dispositions)
    try index.apply(record(1, nhs: 1))
    #expect(try index.apply(record(2, nhs: 1)).dispositions == [.record(person: recordID(1), rank: 1)])
  }

  @Test func `a lower version says nothing, and a retraction wins at the same version`() throws {
    var index = MemoryIndex()
    try index.apply(record(1, version: 2, nhs: 1))
    #expect(try index.apply(record(1, version: 1, nhs: 2)).dispositions == [.nothing])
    #expect(try index.apply(retraction(1, version: 1)).dispositions == [.nothing])
    #expect(try index.apply(retraction(1, version: 2)).dispositions == [.retraction(.corrected)])
    #expect(try index.apply(record(1, version: 2, nhs: 1)).dispositions == [.nothing])
    #expect(try index.apply(retraction(1, version: 2)).dispositions == [.retraction(.corrected)])
    #expect(index.stored[recordID(1)]?.state == .retracted)
    #expect(try index.apply(record(1, version: 3, nhs: 1)).dispositions == [.record(person: recordID(1), rank: 1)])
  }

  @Test func `an erasure ends what it reaches and turns what comes later under its stamp into retractions`() throws {
    var index = MemoryIndex()
    try index.apply(
      record(1, nhs: 1, stamp: 10, source: .gp), record(2, nhs: 1, stamp: 30, source: .gp),
      record(3, nhs: 1, stamp: 10))
    let erased = LinkageBatch(erasures: [erasure(1, all: false, stamp: 20)])
    let decision = try index.apply(erased)
    #expect(decision.ended == [.init(recordID: recordID(1), state: .excluded)])
    // Who is one person has nothing to do with who objects.
    #expect(index.reassigned(by: decision, erased).isEmpty && decision.updated.isEmpty)

    #expect(try index.apply(record(1, nhs: 1, stamp: 10, source: .gp)).dispositions == [.retraction(.type1)])
    #expect(try index.apply(record(4, nhs: 1, stamp: 20, source: .gp)).dispositions == [.retraction(.type1)])
    let all = LinkageBatch(erasures: [erasure(1, all: true, stamp: 15)])
    #expect(try index.apply(all).ended == [.init(recordID: recordID(3), state: .excluded)])
    #expect(try index.apply(record(5, nhs: 1, stamp: 15)).dispositions == [.retraction(.type2)])
    #expect(
      try index.apply(record(6, nhs: 1, stamp: 16)).dispositions == [.record(person: recordID(1), rank: 1)])
  }

  @Test func `a repeated erasure looks for nothing`() throws {
    var index = MemoryIndex()
    let erased = erasure(1, all: true, stamp: 20)
    #expect(try index.apply(LinkageBatch(erasures: [erased, erased])).raised == [erased])
    #expect(try index.apply(LinkageBatch(erasures: [erased])).raised.isEmpty)
  }
}
