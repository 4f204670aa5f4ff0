import Contracts
import Cryptography
import Foundation
import Linking
import Postgres
import StageKit
import Testing

@testable import Linkage

@Suite("Index in PostgreSQL")
struct LinkageIndexTests {
  private let layout = TopicLayout(partitions: 3)
  private let schema = TestDatabase.freshSchema()

  private func index() throws -> LinkageIndex {
    LinkageIndex(database: try TestDatabase.connect(schema: schema), layout: layout)
  }

  /// Everything but ids that the database gives, and what tells how often a person changed on the way.
  private func content(_ index: LinkageIndex) throws -> [String] {
    #expect(try StoredLookup.isConsistent(index))
    let rows = try index.database.query(
      """
      select (o.record_id, version_time, version_digest, stamp, state, s.place, s.digest, demographics_token,
        o.withdrawal_token, o.source, extract_id, header, said_time, said_digest)::text
      from observation o left join standing s using (combination)
      union all
      select (source, birth, number_token, pass_keys, withdrawal_token, place, digest, smallest, person, person_id,
        rank, trusted, ambiguous, reached)::text
      from combination c full join standing s on s.combination = c.id
      union all select e::text from erased e order by 1
      """)
    return (0..<rows.count).map { rows.text($0, 0) }
  }

  private func truth(_ index: LinkageIndex) throws -> LinkageOracle.Truth {
    let rows = try index.database.query(
      """
      select record_id, state, person, rank from observation o left join standing s on s.combination = o.combination
      """)
    var truth = LinkageOracle.Truth()
    for row in 0..<rows.count {
      let id = rows.token(row, 0)!
      truth.states[id] = Observation.State(rawValue: Int16(rows.int(row, 1)))
      guard truth.states[id] == .live else { continue }
      truth.persons[id] = rows.token(row, 2)
      truth.ranks[id] = UInt8(rows.int(row, 3))
    }
    return truth
  }

  private struct Sent: Equatable {
    var partition: Int32
    var key: [UInt8]
    var envelope: Envelope
  }

  /// The outbox, taken out.
  private func sent(_ index: LinkageIndex) throws -> [Sent] {
    let rows = try index.database.query("select partition, key, value from outbox order by id")
    try index.database.execute("truncate outbox")
    return try (0..<rows.count).map { row in
      Sent(
        partition: Int32(rows.int(row, 0)), key: rows.bytes(row, 1),
        envelope: try Envelope(serializedBytes: rows.bytes(row, 2)))
    }
  }

  @Test(arguments: [11, 12, 13, 14, 15] as [UInt64])
  func `two connections with shuffled, repeated batches end where one batch ends`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let said = randomWorld(&generator, records: 90, isMonotone: true)
    let once = LinkageIndex(
      database: try TestDatabase.connect(schema: TestDatabase.freshSchema()), layout: layout)
    _ = try once.apply(Said.batch(said))
    let truth = LinkageOracle.truth(said)
    #expect(try self.truth(once) == truth)
    #expect(!truth.suppressed.isEmpty)

    let instances = try [index(), index()]
    var view = PublishedView()
    var number: Int64 = 0
    for (turn, batch) in batches(said.shuffled(using: &generator), &generator).enumerated() {
      let instance = instances[turn % 2]
      let outcome = try instance.apply(batch)
      view.take(batch, outcome.dispositions, number: outcome.assignment)
      #expect(outcome.assignment > number)
      number = outcome.assignment
    }
    #expect(try content(instances[0]) == content(once))
    let named = Dictionary(
      uniqueKeysWithValues: truth.states.keys.map { (PersonID.of(smallestRecordID: $0), $0) })
    for sent in try sent(instances[1]) {
      let id = Token16(bytes: sent.key)!
      #expect(sent.partition == layout.partition(of: sent.key))
      if sent.envelope.kind == .retraction {
        let header = try Header(serializedBytes: sent.envelope.header)
        view.retract(id, RecordVersion(time: header.versionTime, digest: Int64(header.versionDigest)))
        continue
      }
      #expect(sent.envelope.kind == .reassignment)
      let assignment = sent.envelope.assignment
      let person = try #require(named[Token16(bytes: Array(assignment.personID))!])
      view.assign(id, person, assignment.number)
    }
    #expect(view.persons(except: truth.isErased) == truth.persons)
  }

  @Test(arguments: [16, 17, 18] as [UInt64])
  func `with corrections and reinstatements the tables hold what the rules allow`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let said = randomWorld(&generator, records: 60)
    let index = try index()
    for batch in batches(said.shuffled(using: &generator), &generator) { _ = try index.apply(batch) }
    let truth = try truth(index)
    #expect(LinkageOracle.suppressed(said).contain(truth.suppressed))
    #expect(truth == LinkageOracle.truth(said, suppressed: truth.suppressed))
  }

  @Test func `two instances at once end where one ends`() async throws {
    var generator = SeededGenerator(seed: 21)
    let said = randomWorld(&generator, records: 120, isMonotone: true)
    let halves = (0..<2).map { half in
      batches(said.enumerated().filter { $0.offset % 2 == half }.map(\.element), &generator)
    }
    let (schema, layout) = (schema, layout)
    try await withThrowingTaskGroup { group in
      for half in halves {
        group.addTask {
          let index = LinkageIndex(database: try TestDatabase.connect(schema: schema), layout: layout)
          for batch in half { _ = try index.apply(batch) }
        }
      }
      try await group.waitForAll()
    }
    #expect(try truth(index()) == LinkageOracle.truth(said))
  }

  @Test func `a reassignment carries the record's header and the number that follows`() throws {
    let index = try index()
    _ = try index.apply(LinkageBatch(records: [record(2, version: 5, nhs: 1, stamp: 9)]))
    #expect(try sent(index).isEmpty)
    let person = PersonID.of(smallestRecordID: recordID(1))
    let outcome = try index.apply(LinkageBatch(records: [record(1, nhs: 1)]))
    #expect(outcome.dispositions == [.record(person: recordID(1), rank: 1)])
    let sent = try sent(index)
    #expect(sent.map(\.key) == [recordID(2).bytes])
    #expect(try sent[0].envelope.header == Envelope(serializedBytes: envelope(2, 5, 9)).header)
    #expect(Array(sent[0].envelope.assignment.personID) == person.bytes)
    #expect(sent[0].envelope.assignment.number == outcome.assignment && sent[0].envelope.assignment.rank == 1)
  }

  private func envelope(_ id: UInt64, _ version: Int64, _ stamp: Int64) -> [UInt8] {
    var writer = WireWriter()
    writer.bytes(2, headerBytes(id, version, stamp))
    return writer.bytes
  }

  @Test func `a withdrawn person is gone, and what is emitted again under the stamp stays out`() throws {
    let index = try index()
    let records = [record(1, nhs: 1, demographics: 1, stamp: 10), record(2, demographics: 1, stamp: 11)]
    _ = try index.apply(LinkageBatch(records: records))
    let erased = erasure(1, all: true, stamp: 10)
    _ = try index.apply(LinkageBatch(erasures: [erased]))
    #expect(try truth(index).persons.isEmpty)
    // The record without number was of the same person, and goes by a message of its own.
    #expect(try sent(index).map { ($0.key) } == [recordID(2).bytes])
    #expect(try index.apply(LinkageBatch(records: [records[0]])).dispositions == [.retraction(.type2)])
    // An older erasure that comes late takes nothing back.
    let older = erasure(1, all: true, stamp: 5)
    _ = try index.apply(LinkageBatch(erasures: [older]))
    #expect(try index.apply(LinkageBatch(records: [record(3, nhs: 1, stamp: 8)])).dispositions == [.retraction(.type2)])
    #expect(try truth(index).persons.isEmpty)
  }

  @Test func `a record withdrawn after it was linked is retracted at its own version, in every life of the broker`()
    throws
  {
    let index = try index()
    _ = try index.apply(LinkageBatch(records: [record(2, version: 5, demographics: 1, stamp: 9)]))
    _ = try index.apply(
      LinkageBatch(records: [exclusion(1, nhs: 1, demographics: 1, stamp: 10)], erasures: [erasure(1, stamp: 8)]))
    let first = try sent(index)
    #expect(first.map(\.key) == [recordID(2).bytes])
    #expect(first[0].partition == layout.partition(of: recordID(2).bytes))
    #expect(first[0].envelope.kind == .retraction && first[0].envelope.reason == .type2)
    #expect(first[0].envelope.header == Data(headerBytes(2, 5, 9)))
    #expect(try truth(index).states == [recordID(1): .excluded, recordID(2): .suppressed])
    try BrokerLife(database: index.database, layout: layout).begin("second")
    #expect(try sent(index) == first)
  }

  @Test func `records that no objection under a number can reach are counted`() throws {
    let index = try index()
    _ = try index.apply(
      LinkageBatch(
        records: [
          record(1, nhs: 1, demographics: 1), record(2, demographics: 1), record(3, demographics: 2), record(4),
          record(5, demographics: 3, stamp: 50), exclusion(6, nhs: 6, demographics: 3, stamp: 10),
        ],
        erasures: [erasure(6, stamp: 20, inForce: false)]))
    let rows = try index.database.query("select records, without_demographics from beyond_objections")
    #expect(rows.int(0, 0) == 2 && rows.int(0, 1) == 1)
  }

  @Test func `erasures from before are in force unless records passed since`() throws {
    let database = try TestDatabase.connect(schema: schema, upTo: 4)
    for (id, token, state, stamp) in [(1, 1, 0, 30), (2, 2, 0, 10), (3, 3, 2, 30)] as [(UInt64, UInt64, Int64, Int64)] {
      try database.query(
        """
        insert into observation (record_id, version_time, version_digest, stamp, state, withdrawal_token, source,
          extract_id, header, person_id)
        values ($1, 1, 1, $2, $3, $4, 2, 'x', '', case when $3 = 0 then $1 end)
        """,
        [.bytes(recordID(id).bytes), .int(stamp), .int(state), .bytes(withdrawalToken(token).bytes)])
      try database.query(
        "insert into erased values ($1, true, 20)", [.bytes(withdrawalToken(token).bytes)])
    }
    try database.migrate(schema: schema, LinkageMigrations.all)
    let erasures = try PostgresLinkageSource(database: database).erasures(
      withdrawals: [1, 2, 3].map(withdrawalToken))
    #expect(Set(erasures.filter(\.mark.isInForce).map(\.token)) == [withdrawalToken(2), withdrawalToken(3)])
  }

  @Test func `records from before are compared by what is known of them, and keep their persons until then`() throws {
    let database = try TestDatabase.connect(schema: schema, upTo: 9)
    /// Record, state, number, demographics, withdrawal token, person.
    let rows: [(UInt64, Int64, UInt64?, UInt64?, UInt64, UInt64?)] = [
      (2, 0, 1, 5, 1, 2), (3, 0, 1, 5, 1, 2), (4, 0, 1, nil, 1, 2), (5, 0, nil, 5, 1_005, 2),
      (6, 0, nil, nil, 1_006, 6),
      (7, 1, nil, nil, 9, nil), (8, 3, nil, 6, 8, nil), (9, 4, nil, nil, 1_009, nil), (10, 5, nil, 7, 10, nil),
      (12, 0, nil, 8, 1_012, 12),
    ]
    for (id, state, number, demographics, withdrawal, person) in rows {
      try database.query(
        """
        insert into observation (record_id, version_time, version_digest, stamp, state, nhs_token, demographics_token,
          withdrawal_token, source, extract_id, header, person_id, assignment, said_time, said_digest)
        values ($1, 1, 7, 10, $2, nullif($3, ''), nullif($4, ''), $5, 2, 'x', $6, nullif($7, ''), $2 + 3,
          case when $2 = 5 then 1 end, case when $2 = 5 then 7 end)
        """,
        [
          .bytes(recordID(id).bytes), .int(state), .bytes(number.map { nhsToken($0).bytes } ?? []),
          .bytes(demographics.map { demographicsToken($0).bytes } ?? []), .bytes(withdrawalToken(withdrawal).bytes),
          .bytes(headerBytes(id)), .bytes(person.map { PersonID.of(smallestRecordID: recordID($0)).bytes } ?? []),
        ])
    }
    try database.migrate(schema: schema, LinkageMigrations.all)
    let index = LinkageIndex(database: database, layout: layout)
    let before = try truth(index)
    #expect(
      before.persons == [
        recordID(2): recordID(2), recordID(3): recordID(2), recordID(4): recordID(2), recordID(5): recordID(2),
        recordID(6): recordID(6), recordID(12): recordID(12),
      ])
    #expect(before.states[recordID(8)] == .witness && before.states[recordID(10)] == .witness)

    // A record with everything joins them by its number, and takes the person's name over.
    let outcome = try index.apply(LinkageBatch(records: [record(1, nhs: 1, demographics: 5)]))
    #expect(outcome.assignment > 3 && outcome.dispositions == [.record(person: recordID(1), rank: 1)])
    #expect([2, 3, 4, 5].allSatisfy { (try? truth(index))?.persons[recordID($0)] == recordID(1) })
    #expect(try Set(sent(index).map(\.key)) == Set([2, 3, 4, 5].map { recordID($0).bytes }))
    // Objections find them, and what had been held back still tells whose a record without number is.
    _ = try index.apply(LinkageBatch(erasures: [erasure(1, stamp: 20), erasure(8, stamp: 20)]))
    #expect([2, 3, 4].allSatisfy { (try? truth(index))?.states[recordID($0)] == .excluded })
    #expect(try truth(index).states[recordID(5)] == .suppressed)
    let late = try index.apply(LinkageBatch(records: [record(11, demographics: 6, stamp: 15)]))
    #expect(late.dispositions == [.retraction(.type2)])
    _ = try index.apply(LinkageBatch(records: [record(13, nhs: 13, demographics: 8, stamp: 15)]))
    _ = try index.apply(LinkageBatch(erasures: [erasure(13, stamp: 20)]))
    #expect(try truth(index).states[recordID(12)] == .suppressed)
  }

  @Test func `identities from before one table leads to them are found by what they say`() throws {
    let database = try TestDatabase.connect(schema: schema, upTo: 10)
    let hasher = SHA256Hasher()
    // Record, number, whether it is trusted, demographics, local id, smallest record id of its person.
    let rows: [(UInt64, UInt64?, Bool, UInt64?, UInt64?, UInt64)] = [
      (1, 1, true, 5, 1, 1), (2, 1, true, 5, 2, 1), (3, nil, false, 5, 3, 1), (4, 4, false, 6, nil, 4),
      (5, nil, false, nil, nil, 5), (6, nil, false, 7, 4, 6),
    ]
    for (id, number, isTrusted, demographics, local, person) in rows {
      let combination = combination(
        nhs: number, demographics: demographics, local: local, source: .hospital, withdrawal: number ?? 1_000 + id)
      let digest = combination.digest(of: recordID(id), hasher)
      try database.query(
        """
        with c as (
          insert into combination (digest, source, birth, number, number_token, pass_keys, withdrawal_token)
          values ($1, $10, $2, $3, nullif($4, ''), $5, $6) returning id)
        insert into standing (combination, smallest, person, rank, trusted, ambiguous)
          select id, $7, $8, 0, $9 = 1, 0 from c
        """,
        [
          .bytes(Token16(high: digest.high ^ 1 << 63, low: digest.low).bytes), .int(Int64(combination.birth.rawValue)),
          number.map { .int(Int64(bitPattern: nhsToken($0).high)) } ?? .null, .bytes(combination.number?.bytes ?? []),
          .bytes(combination.passKeys), .bytes(combination.withdrawal.bytes), .bytes(recordID(id).bytes),
          .bytes(recordID(person).bytes), .int(isTrusted ? 1 : 0), .int(Int64(combination.source.rawValue)),
        ])
    }
    try database.migrate(schema: schema, LinkageMigrations.all)
    let index = LinkageIndex(database: database, layout: layout)
    #expect(try StoredLookup.isConsistent(index))
    // One entry less is found.
    try database.execute("delete from lookup where (token, holder) in (select token, holder from lookup limit 1)")
    #expect(try !StoredLookup.isConsistent(index))
  }

  @Test func `that an objection is reached from an identity is stored, and forgotten when nothing leads to it`() throws
  {
    let index = try index()
    _ = try index.apply(
      LinkageBatch(
        records: [record(1, nhs: 1, demographics: 5, stamp: 10), record(2, demographics: 5, local: 3, stamp: 10)],
        erasures: [erasure(1, stamp: 20)]))
    func reached() throws -> [Bool] {
      let rows = try index.database.query("select reached from standing order by person, smallest")
      return (0..<rows.count).map { rows.bool($0, 0) }
    }
    #expect(try reached() == [false, true])
    let later = LinkageBatch(records: [record(3, demographics: 5, local: 3, stamp: 50)])
    #expect(try index.apply(later).dispositions == [.retraction(.type2)])
    _ = try index.apply(LinkageBatch(records: [record(1, version: 2, nhs: 1, demographics: 6, stamp: 60)]))
    #expect(try reached() == [false, false])
  }

  @Test func `a batch that fails leaves nothing behind`() throws {
    let index = try index()
    var poison = record(2, nhs: 1)
    poison = RecordEvent(
      recordID: poison.recordID, version: poison.version, stamp: poison.stamp, source: poison.source,
      extractID: "\u{0}", header: poison.header, content: poison.content)
    #expect(throws: PostgresError.self) {
      try index.apply(LinkageBatch(records: [record(1, nhs: 1), poison]))
    }
    #expect(try content(index).isEmpty)
    _ = try index.apply(LinkageBatch(records: [record(1, nhs: 1)]))
    #expect(try content(index).count == 2, "a record and what is compared of it")
  }

  @Test func `in a new life of the broker every reassignment goes out once more`() throws {
    let index = try index()
    _ = try index.apply(LinkageBatch(records: [record(2, nhs: 1), record(3, nhs: 3)]))
    _ = try index.apply(LinkageBatch(records: [record(1, nhs: 1)]))
    let first = try sent(index)
    let life = BrokerLife(database: index.database, layout: layout)
    try life.begin("second")
    let again = try sent(index)
    #expect(again.map(\.key) == [recordID(1).bytes, recordID(2).bytes] && first.map(\.key) == [recordID(2).bytes])
    #expect(Set(again.map(\.envelope.assignment.personID)) == Set(first.map(\.envelope.assignment.personID)))
    #expect(again.allSatisfy { $0.envelope.assignment.number > first[0].envelope.assignment.number })
    try life.begin("second")
    try life.begin("")
    #expect(try sent(index).isEmpty)
  }

  @Test func `markers wait for the last of their cut and follow what was in the outbox`() throws {
    let layout = TopicLayout(partitions: 2)
    let index = LinkageIndex(database: try index().database, layout: layout)
    let alignment = CutAlignment(database: index.database, layout: layout)
    func marker(_ validated: UInt32, _ partition: Int32, cut: String = "cut") -> ReceivedMarker {
      ReceivedMarker(
        cutID: cut, validatedPartition: validated, partitions: 2, partition: partition, key: [UInt8(validated)],
        value: headerBytes(UInt64(validated) * 2 + UInt64(partition)))
    }
    try alignment.record([marker(0, 0), marker(1, 0), marker(0, 0), marker(0, 1, cut: "other")])
    #expect(try index.database.query("select id from outbox").count == 0)
    _ = try index.apply(LinkageBatch(records: [record(2, nhs: 1)]))
    _ = try index.apply(LinkageBatch(records: [record(1, nhs: 1)]))
    try alignment.record([marker(0, 1)])
    try alignment.record([marker(1, 1)])
    let rows = try index.database.query("select partition, key, topic from outbox order by id")
    #expect((0..<rows.count).map { rows.int($0, 0) } == [Int64(layout.partition(of: recordID(2).bytes)), 0, 0, 1, 1])
    #expect((0..<rows.count).map { rows.bytes($0, 1) }.dropFirst() == [[0], [1], [0], [1]])
    #expect((0..<rows.count).allSatisfy { rows.text($0, 2) == "caredata.linked" })
    #expect(try index.database.query("select id from outbox").count == 5)
    // Read again after a crash, a marker goes out again by itself.
    try alignment.record([marker(1, 0)])
    #expect(try index.database.query("select id from outbox").count == 6)
  }

  @Test(arguments: [[0, 1], [1, 0]])
  func `a marker that forbids a release leaves beside one with its tag that does not`(order: [Int]) throws {
    let layout = TopicLayout(partitions: 1)
    let index = LinkageIndex(database: try index().database, layout: layout)
    let alignment = CutAlignment(database: index.database, layout: layout)
    let values: [[UInt8]] = try [[], ["the national list is 9 days old"]].map { reasons in
      try Envelope.with { envelope in
        envelope.kind = .marker
        envelope.marker.cutID = "cut"
        envelope.marker.partitions = 2
        envelope.marker.heldBy = reasons
        envelope.marker.regime = "type-1"
      }.serializedBytes()
    }
    func marker(_ validated: UInt32, _ value: [UInt8]) -> ReceivedMarker {
      ReceivedMarker(
        cutID: "cut", validatedPartition: validated, partitions: 2, partition: 0, key: [1], value: value)
    }
    for position in order { try alignment.record([marker(0, values[position]), marker(0, values[position])]) }
    #expect(try index.database.query("select from outbox").count == 0, "two of one tag do not make a cut")
    try alignment.record([marker(1, values[0])])
    let rows = try index.database.query("select value from outbox")
    #expect(Set((0..<rows.count).map { rows.bytes($0, 0) }) == Set(values), "byte for byte")
    // Made anew when the cut was complete.
    let late = try Envelope.with { $0.marker.heldBy = ["late"] }.serializedBytes() as [UInt8]
    try alignment.record([marker(1, late)])
    let again = try index.database.query("select value from outbox")
    #expect((0..<again.count).contains { again.bytes($0, 0) == late })
  }
}
