import Contracts
import Cryptography
import Linking
import Postgres
import Testing

@testable import Linkage

@Suite("Records taken back of persons who object")
struct WitnessTests {
  private func state(_ id: UInt64, _ index: MemoryIndex) -> Observation.State? { index.stored[recordID(id)]?.state }

  @Test func `the oracle notices that a retraction takes away whose record it was`() throws {
    var generator = SeededGenerator(seed: 9)
    var noticed = 0
    for _ in 0..<400 {
      let said = randomWorld(&generator, records: 16, isMonotone: true)
      var index = MemoryIndex()
      index.forgetsWitnesses = true
      for batch in batches(said.shuffled(using: &generator), &generator) { try index.apply(batch) }
      if !LinkageOracle.suppressed(said).contain(index.truth.suppressed) { noticed += 1 }
    }
    #expect(noticed > 10)
  }

  @Test func `what an objector's practice takes back still tells which records without number are theirs`() throws {
    let (held, passed) = (
      exclusion(1, nhs: 1, demographics: 5, stamp: 10), record(1, nhs: 1, demographics: 5, stamp: 10)
    )
    let objection = Said.erasure(erasure(1, stamp: 11))
    for said in [held, passed] {
      for taken in [retraction(1, version: 1, stamp: 10), retraction(1, version: 2, stamp: 15)] {
        let three: [Said] = [.record(said), .record(taken), objection]
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
          var index = MemoryIndex()
          try index.apply(record(2, demographics: 5, stamp: 5))
          for place in order { try index.apply(Said.batch([three[place]])) }
          #expect(state(1, index) == .witness)
          #expect(state(2, index) == .suppressed)
          #expect(index.combinations.values.allSatisfy { $0.combination.number == nil })
          #expect(try index.apply(record(3, demographics: 5, stamp: 30)).dispositions == [.retraction(.type2)])
        }
      }
    }
  }

  @Test func `taken back in the batch in which a record without number comes, it still tells whose that is`() throws {
    var index = MemoryIndex()
    try index.apply(
      LinkageBatch(records: [exclusion(1, nhs: 1, demographics: 5, stamp: 10)], erasures: [erasure(1, stamp: 11)]))
    try index.apply(retraction(1, version: 2, stamp: 15), record(2, demographics: 5, stamp: 20))
    #expect(state(2, index) == .suppressed)
  }

  @Test func `of the versions of a retracted record the newest tells whose it was, whichever comes last`() throws {
    let versions = [
      record(1, version: 1, nhs: 1, demographics: 5, stamp: 10),
      record(1, version: 2, nhs: 1, demographics: 6, stamp: 12),
      retraction(1, version: 3, stamp: 15),
    ]
    for order in [[0, 1, 2], [0, 2, 1], [2, 0, 1], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
      var index = MemoryIndex()
      try index.apply(LinkageBatch(erasures: [erasure(1, stamp: 20)]))
      for place in order { try index.apply(versions[place]) }
      try index.apply(record(2, demographics: 5, stamp: 5), record(3, demographics: 6, stamp: 5))
      #expect(state(2, index) == .live && state(3, index) == .suppressed)
      // The correction of a correction: the number was not theirs at all.
      try index.apply(record(1, version: 4, nhs: 2, demographics: 6, stamp: 30))
      #expect(try index.apply(record(4, demographics: 6, stamp: 5)).dispositions != [.retraction(.type2)])
    }
  }

  @Test func `a record that came without number at last tells of nobody, however it was taken back`() throws {
    let first = record(1, nhs: 1, demographics: 5, stamp: 10)
    for second in [
      record(1, version: 2, demographics: 5, stamp: 12), exclusion(1, version: 2, demographics: 5, stamp: 12),
    ] {
      for events in [[first, second], [second, first]] {
        for taken in [retraction(1, version: 2, stamp: 12), retraction(1, version: 3, stamp: 15)] {
          for place in 0...2 {
            var order = events
            order.insert(taken, at: place)
            var index = MemoryIndex()
            try index.apply(LinkageBatch(erasures: [erasure(1, stamp: 20)]))
            for event in order { try index.apply(event) }
            #expect(state(1, index) == .retracted)
            try index.apply(record(2, demographics: 5, stamp: 5))
            #expect(state(2, index) == .live)
          }
        }
      }
    }
  }

  @Test func `what was taken back of somebody who does not object any more covers what came before, and no more`()
    throws
  {
    var index = MemoryIndex()
    try index.apply(
      LinkageBatch(records: [exclusion(1, nhs: 1, demographics: 5, stamp: 10)], erasures: [erasure(1, stamp: 11)]))
    try index.apply(retraction(1, version: 2, stamp: 15))
    try index.apply(LinkageBatch(erasures: [erasure(1, stamp: 30, inForce: false)]))
    try index.apply(record(2, demographics: 5, stamp: 30), record(3, demographics: 5, stamp: 31))
    #expect(state(2, index) == .suppressed && state(3, index) == .live)
    // It objects to nothing, and of a person it is none.
    #expect(index.person(recordID(3)) == recordID(2))
    try index.apply(LinkageBatch(erasures: [erasure(1, stamp: 35)]))
    #expect(state(3, index) == .suppressed)
  }

  @Test func `of people who never object what was taken back suppresses nothing`() throws {
    var index = MemoryIndex()
    try index.apply(record(1, nhs: 1, demographics: 5), retraction(1, version: 2))
    #expect(state(1, index) == .witness)
    let decision = try index.apply(record(2, demographics: 5))
    #expect(decision.dispositions == [.record(person: recordID(2), rank: 0)])
  }

  @Test func `a record taken back keeps two tokens, also when it comes after its retraction`() throws {
    let (said, taken) = (record(1, nhs: 1, demographics: 5, stamp: 10), retraction(1, version: 2, stamp: 15))
    for order in [[said, taken], [taken, said]] {
      let index = LinkageIndex(
        database: try TestDatabase.connect(schema: TestDatabase.freshSchema()), layout: TopicLayout(partitions: 3))
      for event in order { _ = try index.apply(LinkageBatch(records: [event])) }
      let rows = try index.database.query(
        """
        select state, demographics_token, withdrawal_token, said_time,
          combination is null and not exists (select from combination) and not exists (select from lookup),
          version_time, header from observation
        """)
      #expect(rows.int(0, 0) == Int64(Observation.State.witness.rawValue))
      #expect(rows.token(0, 1) == demographicsToken(5) && rows.token(0, 2) == withdrawalToken(1))
      #expect(rows.int(0, 3) == 1 && rows.bool(0, 4) && rows.int(0, 5) == 2)
      #expect(rows.bytes(0, 6) == headerBytes(1, 2, 15))
      _ = try index.apply(LinkageBatch(records: [record(2, demographics: 5, stamp: 5)]))
      let beyond = try index.database.query("select records from beyond_objections")
      #expect(beyond.int(0, 0) == 0, "an objection under the number would reach it")
      _ = try index.apply(LinkageBatch(erasures: [erasure(1, stamp: 20)]))
      let sent = try index.database.query("select key from outbox")
      #expect((0..<sent.count).map { sent.bytes($0, 0) } == [recordID(2).bytes])
      #expect(
        try index.apply(LinkageBatch(records: [record(3, demographics: 5, stamp: 30)])).dispositions
          == [.retraction(.type2)])
    }
  }
}
