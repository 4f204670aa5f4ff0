import Postgres
import Testing

@testable import Publication

@Suite struct RegisterTests {
  private static func entry(
    _ number: Int, inputs: String = "x1 100.7", _ recipients: [String]? = ["commissioners"],
    regime: String = "type-1,type-2"
  ) -> RegisterEntry {
    RegisterEntry(
      releaseID: "release-\(number)", dataset: "condition-prevalence", definition: "d", inputs: inputs,
      cutID: "c", rows: 4, sha256: "s", createdAt: Int64(number),
      audience: recipients.map { .init(recipients: $0, regime: regime) })
  }

  @Test func `the register is a chain that may only grow`() throws {
    let database = try TestDatabase.connect()
    let register = ReleaseRegister(database)
    for number in 1...3 { try register.append(Self.entry(number)) }
    #expect(try register.verify().seq == 3)
    #expect(try register.entry("release-2") == Self.entry(2))
    #expect(try register.entry("release-4") == nil)
    for change in [
      "update release_register set row_count = 5", "delete from release_register where seq = 3",
      "truncate release_register cascade",
    ] {
      #expect(throws: PostgresError.self) { try database.execute(change) }
    }
    #expect(try register.verify().seq == 3)
    #expect(throws: PostgresError.self, "a release is registered once") { try register.append(Self.entry(2)) }
  }

  @Test(arguments: [
    "update release_register set row_count = 5 where seq = 2",
    "update release_register set inputs = 'x2 100.7' where seq = 2",
    "update release_register set hash = repeat('0', 64) where seq = 2",
    "delete from release_register where seq = 2",
    "update release_register set release_id = 'release-1x', dataset = 'condition-prevalence' where seq = 2",
    "update release_register set regime = 'type-1' where seq = 2",
    "update release_register set recipients = '{commissioners,others}' where seq = 2",
    "update release_register set recipients = null, regime = null where seq = 2",
  ])
  func `a change behind the trigger's back breaks the chain`(change: String) throws {
    let database = try TestDatabase.connect()
    let register = ReleaseRegister(database)
    for number in 1...3 { try register.append(Self.entry(number)) }
    try database.execute("set session_replication_role = replica")
    try database.execute(change)
    try database.execute("set session_replication_role = default")
    #expect(throws: ReleaseError.brokenRegister(seq: 2)) { try register.verify() }
    #expect(throws: ReleaseError.brokenRegister(seq: 2)) { try register.append(Self.entry(4)) }
  }

  @Test func `entries from before the audience was registered stay as they are, and newer ones continue them`() throws {
    let schema = TestDatabase.freshSchema()
    let old = try TestDatabase.connect(schema: schema, upTo: 5)
    var previous = ReleaseRegister.origin
    for number in 1...2 {
      let entry = Self.entry(number, nil)
      let hash = entry.hash(seq: Int64(number), previous: previous)
      try old.query(
        "insert into release_register values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        [
          .int(Int64(number)), .text(entry.releaseID), .text(entry.dataset), .text(entry.definition),
          .text(entry.inputs), .text(entry.cutID), .int(entry.rows), .text(entry.sha256), .int(entry.createdAt),
          .text(previous), .text(hash),
        ])
      previous = hash
    }
    // Computed apart, by the rule as it was before.
    #expect(previous == Self.hashOfTwoBefore)
    let database = try TestDatabase.connect(schema: schema)
    let register = ReleaseRegister(database)
    #expect(try register.verify() == (2, previous))
    try register.append(Self.entry(3))
    #expect(try register.verify().seq == 3)
    try database.execute("set session_replication_role = replica")
    try database.execute("update release_register set recipients = '{}', regime = '' where seq = 1")
    #expect(throws: ReleaseError.brokenRegister(seq: 1)) { try register.verify() }
  }

  private static let hashOfTwoBefore = "8be05051db84ad35a4cf799905ce52c0eac4c43c22dc46a1e0dc22d60d183ed0"

  @Test func `who has received a release does not receive the same extracts under another regime`() throws {
    let database = try TestDatabase.connect()
    let register = ReleaseRegister(database)
    try register.append(Self.entry(1, inputs: "x1 100.7\nx2 100.8"))
    let other = Self.entry(2, inputs: "x2 100.8\nx3 1.1", ["planners", " Commissioners"], regime: "type-1")
    let error = #expect(throws: ReleaseError.self) { try register.append(other) }
    #expect(
      error == .otherRegime(regime: "type-1", earlier: "release-1", earlierRegime: "type-1,type-2"))
    #expect("\(error!)".contains("release-1"))
    #expect(try register.verify().seq == 1, "nothing was registered")
    try register.append(Self.entry(2, inputs: "x2 100.9", regime: "type-1"))
    try register.append(Self.entry(3, inputs: "x1 100.7", ["planners"], regime: "type-1"))
    try register.append(Self.entry(4, inputs: "x1 100.7"))
    // Kept out by the rule and by nothing else: without the entries that it compares with, the same one is taken.
    #expect(RegimeConflict.first(of: other, among: [Self.entry(1, inputs: "x2 100.8")])?.releaseID == "release-1")
    #expect(RegimeConflict.first(of: other, among: []) == nil)
  }

  @Test(arguments: [
    (Self.entry(1), false),
    (Self.entry(1, regime: "type-1"), true),
    (Self.entry(1, regime: ""), true),
    (Self.entry(1, inputs: "x1 100.8", regime: "type-1"), false),
    (Self.entry(1, inputs: "x1 100.7x", regime: "type-1"), false),
    (Self.entry(1, ["planners"], regime: "type-1"), false),
    (Self.entry(1, ["planners", "commissioners"], regime: "type-1"), true),
    (Self.entry(1, nil), false),
  ])
  func `a conflict needs a common recipient, a common extract and another regime`(
    earlier: RegisterEntry, isConflict: Bool
  ) {
    #expect((RegimeConflict.first(of: Self.entry(2), among: [earlier]) != nil) == isConflict)
  }
}
