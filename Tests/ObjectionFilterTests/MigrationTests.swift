import Contracts
import Cryptography
import Postgres
import StageKit
import Testing

@testable import ObjectionFilter

struct MigrationTests {
  private struct Old {
    let token: Token16
    var statements: [Statement] = []
    var erased: (gp: Int64, all: Int64) = (0, 0)
  }

  private func insert(_ old: Old, _ database: Connection) throws {
    for one in old.statements {
      try database.query(
        "insert into statement values (1, $1, $2, $3::bigint::smallint, $4::bigint::smallint, $5::bigint::int, $6, $7)",
        [
          .bytes(old.token.bytes), .bytes(one.origin.bytes), .int(Int64(one.type.rawValue)),
          .int(Int64(one.decision.rawValue)), .int(orNull: one.day.map(Int64.init)), .int(one.stamp),
          .bool(one.isRetracted),
        ])
    }
    try database.query(
      "insert into erasure values (1, $1, $2, $3)",
      [.bytes(old.token.bytes), .int(old.erased.gp), .int(old.erased.all)])
  }

  /// Statements as version 2 kept them: one per origin and type. The erasure as it was told then: at dissents only.
  private func random(_ number: UInt64, _ generator: inout SeededGenerator) -> Old {
    var old = Old(token: Token16(high: number, low: number))
    var stamp: Int64 = 0
    for type in [ObjectionType.objectionType1, .objectionType2] {
      for origin in 1...3 where Bool.random(using: &generator) {
        stamp += Int64.random(in: 1...5, using: &generator)
        old.statements.append(
          Statement(
            origin: Token16(high: UInt64(origin), low: 0), type: type,
            decision: Bool.random(using: &generator) ? .dissent : .withdrawn,
            day: [nil, 19_000, 19_001, 19_002].randomElement(using: &generator)!, stamp: stamp,
            isRetracted: Int.random(in: 0..<4, using: &generator) == 0))
      }
    }
    if old.statements.isEmpty { return random(number, &generator) }
    let dissents = old.statements.filter { $0.decision == .dissent }
    old.erased.gp = dissents.filter { $0.type == .objectionType1 }.map(\.stamp).max() ?? 0
    old.erased.all = dissents.filter { $0.type == .objectionType2 }.map(\.stamp).max() ?? 0
    return old
  }

  @Test func `from version 2 on, what is in force and erased is told as the rule tells it from the statements`() throws
  {
    let schema = TestDatabase.newSchema()
    let before = try TestDatabase.connect(schema: schema, Array(ObjectionSchema.migrations.prefix(1)))
    var generator = SeededGenerator(seed: 5)
    let olds = (1...300).map { random(UInt64($0), &generator) }
    try before.transaction { for old in olds { try insert(old, before) } }
    before.close()

    let database = try TestDatabase.connect(schema: schema)
    #expect(try database.query("select 1 from subject").count == olds.count)
    let store = ObjectionStore()
    try store.load([1], database)
    try store.read(Set(olds.map(\.token)), database)
    var ended = 0
    for old in olds {
      var told = Subject()
      for statement in old.statements { _ = told.take(statement, highestStamp: 0) }
      // Delivered again it is no news: what comes back is the state as it was loaded.
      let loaded = store.take(old.statements[0], for: old.token, version: 1, in: 1)
      #expect(!loaded.isNews)
      for (now, wanted, erased) in [
        (loaded.subject.gp, told.gp, old.erased.gp), (loaded.subject.all, told.all, old.erased.all),
      ] {
        #expect(now.isInForce == wanted.isInForce && now.stamp == wanted.stamp)
        let isEnded = erased > 0 && !now.isInForce
        ended += isEnded ? 1 : 0
        #expect(now.erased == (isEnded ? max(erased, now.stamp) : erased))
      }
      let barrier = store.state(1).barrier(old.token) ?? Barrier()
      #expect(barrier == loaded.subject.barrier)
    }
    #expect(ended > 20)
    #expect(store.count == olds.filter { $0.erased.gp > 0 || $0.erased.all > 0 }.count)
  }

  @Test func `more rows than one fetch brings are loaded, of the assigned partitions only`() throws {
    let database = try TestDatabase.connect()
    try database.execute(
      """
      insert into subject select n % 2, decode(md5(n::text), 'hex'), n % 3 = 0, n % 3 = 1, 0, n % 3, n, n
      from generate_series(1, 120000) n
      """)
    let store = ObjectionStore()
    try store.load([1], database)
    #expect(store.count == 60_000)
    store.revoke([1])
    #expect(store.count == 0)
    try store.load([0, 1], database)
    #expect(store.count == 120_000)
  }
}
