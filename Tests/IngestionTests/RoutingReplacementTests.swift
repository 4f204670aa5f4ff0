import Contracts
import Cryptography
import KeyRing
import Postgres
import StageKit
import Testing

@testable import Ingestion

/// A new routing key takes the place of the one that everything stored is named under.
struct RoutingReplacementTests {
  private let ingestion: TestIngestion
  private let ring: KeyRing
  private let sealing: SectionSealing
  private let tokens: RecordTokens
  private let layer: OuterLayer
  private let numbers = SyntheticNumbers.valid(4)

  private var database: Connection { ingestion.database }
  private var version: RoutingVersion { ingestion.version }

  init() throws {
    ingestion = try TestIngestion()
    let keys = KeyInstallation("\(TestDatabase.directory)/keys-\(hexadecimal(randomBytes(6)))")
    _ = try keys.make()
    ring = try keys.ring(of: .ingestion)
    _ = try ring.rotate(.routing)
    sealing = try SectionSealing(
      keys: try StageKeys(keys, of: .ingestion, others: [.pseudonymisation, .publication]))
    tokens = try RecordTokens(ring, version: 1)
    let held = ring.usable(.routing)
    layer = try OuterLayer(from: held[1].secret, to: held[0].secret)
  }

  private func replacement(of version: RoutingVersion? = nil, progress: @escaping () -> Void = {}) -> RoutingReplacement
  {
    RoutingReplacement(
      layout: ingestion.layout,
      statements: ObjectionStatements(layout: ingestion.layout, version: version ?? self.version), sealing: sealing,
      progress: progress)
  }

  private func replace() throws -> RoutingReplacement.Outcome {
    try replacement().next(ring.usable(.routing), database)
  }

  private func tokens(_ sql: String) throws -> [Token16] {
    let rows = try database.query(sql)
    return (0..<rows.count).compactMap { Token16(bytes: rows.bytes($0, 0)) }
  }

  private func settle(_ id: String) throws { try Settlement.balanced(id, database) }

  @Test func `until every extract is balanced nothing is replaced and nothing more is admitted`() throws {
    try ingestion.submit("e1", at: 100, [TestPatient(ref: "p1", token: 1)])
    #expect(try replace() == .waiting(extracts: 1))
    try ingestion.submit("e2", at: 200, [TestPatient(ref: "p2", token: 2)])
    #expect(try ingestion.state("e2") == "staging")
    // Objections flow on.
    try ingestion.speak(.dissent, day: 10)
    #expect(try ingestion.outbox().envelopes(.objection).map(\.envelope.routingVersion) == [0])
    try settle("e1")
    guard case .replaced = try replace() else {
      Issue.record("nothing was replaced")
      return
    }
    #expect(version.current == 2 && version.target == nil)
    try ingestion.admitAll()
    #expect(try ingestion.state("e2") == "admitted")
    #expect(try replace() == .nothing)
  }

  @Test func `every token of every table is what it would be under the new key`() throws {
    for id in 1...2 {
      try ingestion.submit("e\(id)", at: Int64(id) * 100, (1...6).map { TestPatient(ref: "p\($0)", token: UInt64($0)) })
      try settle("e\(id)")
    }
    try ingestion.open("held", at: 900, expected: 9)
    try ingestion.stage("held", at: 900, (1...6).map { ($0, TestPatient(ref: "q\($0)", token: UInt64($0))) })
    for token in 1...3 { try ingestion.speak(.dissent, day: 10, token: UInt64(token)) }
    try ingestion.speak(.withdrawn, day: 11, token: 3)
    try database.query(
      "insert into explanation_log (by, token) values ('someone', $1)", [.bytes(TestIngestion.routingToken(1).bytes)])
    // An end that concerns nobody by name.
    try database.execute("insert into ended_objection (token, type, stamp) values ('', 1, 1)")
    let supersessions = Supersessions(tokens: tokens, sealing: sealing)
    let pairs = [(0, 1), (1, 2)].map {
      Supersessions.Pair(superseded: numbers[$0.0], current: numbers[$0.1])
    }
    _ = try database.transaction { try supersessions.store(pairs, database) }
    _ = try ingestion.outbox()

    let held = try database.query("select no::bigint from extract where extract_id = 'held'").int(0, 0)
    let queries = [
      "select routing_token from record_state order by record_id",
      "select token from statement order by origin, type, stamp", "select token from ended_objection order by id",
      "select token from explanation_log", "select routing_token from staged_\(held) order by sequence",
    ]
    let former = try queries.map(tokens)
    #expect(former.map(\.count) == [6, 3, 1, 1, 6])
    var pieces = 0
    _ = try replacement(progress: { pieces += 1 }).next(ring.usable(.routing), database)
    #expect(try queries.map(tokens) == former.map { $0.map(layer.replace) })
    #expect(try database.query("select count(*) from ended_objection where token = ''").int(0, 0) == 1)
    #expect(pieces >= 5)
    let staged = try database.query("select routing_token, partition::bigint from staged_\(held)")
    for row in 0..<staged.count {
      #expect(Int32(staged.int(row, 1)) == ingestion.layout.partition(of: staged.bytes(row, 0)))
    }
    try tokens.use(ring, version: 2)
    try supersessions.refresh(database)
    for place in 0...1 {
      #expect(supersessions.current(tokens.routingToken(nhsNumber: numbers[place].digits)) == numbers[2].digits)
    }
  }

  @Test func `behind what was said before, the whole ledger goes out under the new key, and then its end`() throws {
    for token in 1...5 { try ingestion.speak(.dissent, day: 10, token: UInt64(token)) }
    let stated = try database.query("select count(*), max(stamp) from statement")
    _ = try replace()
    let entries = try ingestion.outbox()
    let messages = try entries.map { try Envelope(serializedBytes: $0.value) }
    #expect(messages.map(\.kind) == Array(repeating: .objection, count: 10) + Array(repeating: .ledger, count: 4))
    #expect(messages.map(\.routingVersion) == Array(repeating: 0, count: 5) + Array(repeating: 2, count: 9))
    for (entry, message) in zip(entries, messages).dropFirst(5).prefix(5) {
      let former = try #require(zip(entries, messages).prefix(5).first { $0.1.objection == message.objection })
      #expect(Token16(bytes: entry.key) == layer.replace(Token16(bytes: former.0.key)!))
      #expect(entry.partition == ingestion.layout.partition(of: entry.key))
    }
    #expect(entries.suffix(4).map(\.partition) == [0, 1, 2, 3])
    #expect(messages.dropFirst(5).prefix(5).map(\.objection.stamp).max() == stated.int(0, 1))
    // For a broker that has forgotten, in the same order.
    try database.transaction { try ingestion.ledger.statements.restate(database) }
    #expect(try ingestion.outbox().map(\.value) == entries.suffix(9).map(\.value))
  }

  @Test func `an interrupted replacement has changed nothing, and the next one does all of it`() throws {
    struct Killed: Error {}
    try ingestion.submit("e1", at: 100, (1...3).map { TestPatient(ref: "p\($0)", token: UInt64($0)) })
    try settle("e1")
    _ = try ingestion.outbox()
    let former = try tokens("select routing_token from record_state order by record_id")
    #expect(throws: Killed.self) {
      try database.transaction {
        try database.query("update routing_version set target = 2")
        _ = try version.refresh(database)
        throw Killed()
      }
    }
    // Its keys do not open what replaced numbers are sealed with: by then other tables have been written.
    _ = try database.query(
      "insert into superseded values ($1, $1, '\\x00')", [.bytes(TestIngestion.routingToken(1).bytes)])
    _ = try version.refresh(database)
    #expect(throws: StageError.self) { try replace() }
    #expect(try tokens("select routing_token from record_state order by record_id") == former)
    #expect(try ingestion.outbox().isEmpty && version.current == 1 && version.target == 2)
    try database.execute("delete from superseded")
    _ = try replace()
    #expect(try tokens("select routing_token from record_state order by record_id") == former.map(layer.replace))
  }

  @Test func `another instance neither works under the former key nor goes on while tokens are replaced`() throws {
    let other = try TestDatabase.connect(beside: database)
    let theirs = RoutingVersion()
    _ = try theirs.refresh(other)
    try other.transaction { try theirs.enter(other) }
    try database.transaction {
      try version.enterAlone(database)
      #expect(throws: StageWait.self) { try other.transaction { try theirs.enter(other) } }
    }
    _ = try replace()
    #expect(throws: StageWait.self) { try other.transaction { try theirs.enter(other) } }
    #expect(try theirs.refresh(other))
    try other.transaction { try theirs.enter(other) }
    // It has the former key only: it stops, with an error that names the version.
    let outdated = ring.usable(.routing).suffix(1)
    #expect(throws: StageError.self) {
      _ = try replacement(of: theirs).next(Array(outdated), other)
    }
  }
}
