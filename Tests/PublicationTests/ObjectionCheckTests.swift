import Contracts
import Foundation
import Postgres
import StageKit
import Testing

@testable import Publication

@Suite struct ObjectionCheckTests {
  private static let hospital = extract("h1", organisation: "RVV01", source: Sources.hospital)

  private static func database() throws -> (Connection, FactStore) {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    try store.apply(batch((0..<10).map { record($0, stamp: 10, withdrawal: 100 + $0) }))
    try store.apply(batch((20..<25).map { record($0, stamp: 10, extract: hospital, withdrawal: 80 + $0) }))
    try store.apply(admission(extract("x1"), records: 10))
    try store.apply(admission(hospital, records: 5))
    return (database, store)
  }

  private static func violations(_ database: Connection) throws -> [String: Int64] {
    try ObjectionCheck(database).violating.reduce(into: [:]) { $0[$1.organisation] = $1.violations }
  }

  @Test func `facts under no objection are counted and released`() throws {
    let (database, _) = try Self.database()
    _ = try Releaser.compute(Definitions.load("condition-prevalence"), database)
    #expect(
      try database.lines(
        "select organisation || ' ' || facts || ' ' || violations from objection_check order by organisation")
        == [" 15 0", "A81001 10 0", "RVV01 5 0"])
  }

  @Test func `a fact that a withdrawal should have deleted stops the release, which names organisations only`() throws {
    let (database, store) = try Self.database()
    try store.apply(withdrawal(101, upTo: 10))
    #expect(try Self.violations(database) == [:])
    try database.execute(
      "update record set state = 1 where source = 1 and state = \(RecordState.withdrawn.rawValue)")
    let definition = try Definitions.load("condition-prevalence")
    let error = #expect(throws: ReleaseError.self) { try Releaser.compute(definition, database) }
    #expect(error == .objectionsViolated([.init(organisation: "A81001", facts: 10, violations: 1)]))
    #expect("\(error!)".contains("organisation A81001: 1 of 10 records"))
    #expect(!"\(error!)".contains(token(101).hex) && !"\(error!)".contains(token(1).hex))
    #expect(
      try database.lines(
        "select organisation || ' ' || facts || ' ' || violations from objection_check order by organisation")
        == [" 14 1", "A81001 10 1", "RVV01 4 0"], "remembered although it was refused")
    #expect(try database.query("select from release_register").count == 0)
  }

  @Test func `a live record of who objects is found whatever its stamp, one of who objected before is not`() throws {
    let (database, store) = try Self.database()
    try store.apply(withdrawal(103, upTo: 5, statement: 4))
    try store.apply(withdrawal(104, allSources: false, upTo: 5, statement: 4))
    #expect(try Self.violations(database) == ["A81001": 2, "RVV01": 1])
    try store.apply(withdrawal(103, upTo: 6, statement: 6, inForce: false))
    #expect(try Self.violations(database) == ["A81001": 1])
    try store.apply(withdrawal(104, allSources: false, upTo: 6, statement: 6, inForce: false))
    #expect(try Self.violations(database) == [:])
    try store.apply(withdrawal(104, allSources: false, upTo: 5, statement: 4))
    #expect(try Self.violations(database) == [:], "an older statement that comes late changes nothing")
  }

  @Test func `an objection to general practice data says nothing of hospital records`() throws {
    let (database, store) = try Self.database()
    // Tokens 100 to 104 are those of the hospital's patients, too.
    try store.apply(withdrawal(100, allSources: false, upTo: 5))
    #expect(try Self.violations(database) == ["A81001": 1])
    try store.apply(withdrawal(100, upTo: 5))
    #expect(try Self.violations(database) == ["A81001": 1, "RVV01": 1])
  }

  /// Every message of a person goes through one partition up to pseudonymisation, and a reinstatement is sent to all of
  /// them before any record that follows it. So at linkage and here, a record comes after the reinstatement on its own
  /// partition; the others may lag behind with either, up to the cut.
  @Test func `no order in which partitions lag behind makes a rightful record a violation`() throws {
    var generator = SeededGenerator(seed: 5)
    // Dissent, its end, a record since, another dissent, its end, a newer version of the record.
    let said: [FactBatch] = [
      batch(record(1, stamp: 5, withdrawal: 1)), withdrawal(1, upTo: 12, statement: 10),
      withdrawal(1, upTo: 20, statement: 20, inForce: false),
      batch(record(1, time: 200, stamp: 25, withdrawal: 1)), withdrawal(1, upTo: 31, statement: 30),
      withdrawal(1, upTo: 40, statement: 40, inForce: false),
      batch(record(1, time: 300, stamp: 45, withdrawal: 1)),
    ]
    let others = said.filter { $0.records.changes.isEmpty }
    for cut in 1...said.count {
      for _ in 0..<4 {
        let database = try TestDatabase.connect()
        let store = try FactStore(database)
        // The record's partition in order, two others with the objections only, all of them up to the cut.
        let objections = said.prefix(cut).filter { $0.records.changes.isEmpty }.count
        var partitions = [Array(said.prefix(cut)), Array(others.prefix(objections)), Array(others.prefix(objections))]
        while let index = partitions.indices.filter({ !partitions[$0].isEmpty }).randomElement(using: &generator) {
          try store.apply(partitions[index].removeFirst())
        }
        #expect(try Self.violations(database) == [:])
        let isLive = try database.query("select from record where state = 1").count == 1
        #expect(isLive == [1, 4, 7].contains(cut))
      }
    }
  }

  // MARK: - Cut

  private func cut(_ markers: [(partition: Int64, heldBy: [String], regime: String)]) throws -> ReleaseCut {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    for marker in markers {
      var batch = FactBatch()
      batch.add(
        .init(cutID: "c", validatedPartition: marker.partition, pseudonymisedPartition: 0, partitions: 2),
        heldBy: marker.heldBy, regime: marker.regime)
      try store.apply(batch)
    }
    return ReleaseCut(id: "c", database: database)
  }

  @Test func `every reason that a marker gives holds the release, whatever came with the same tag before or after`()
    throws
  {
    let all = ["the list is 9 days old", "3 objections were rejected"]
    let markers = [(0, [], "r"), (0, all, "r"), (0, [], "r"), (1, [all[0]], "r")] as [(Int64, [String], String)]
    for order in [markers, markers.reversed()] {
      let cut = try cut(order.map { (partition: $0.0, heldBy: $0.1, regime: $0.2) })
      let error = #expect(throws: ReleaseError.self) { try cut.regime() }
      #expect(error == .held(all.sorted()))
      #expect("\(error!)".contains(all[0]) && "\(error!)".contains(all[1]))
    }
  }

  @Test func `what publication could not read itself holds a release that no marker holds`() throws {
    let cut = try cut([(0, ["old"], "r"), (1, [], "r")])
    let rejection = Rejection(topic: "caredata.linked", partition: 1, offset: 7, code: "malformed")
    try UnresolvedObjections.note([rejection], incarnation: "", cut.database)
    let own = UnresolvedObjections.reasons(1, at: .publication)
    #expect(throws: ReleaseError.held(["old"] + own)) { try cut.regime() }
    try cut.database.execute("update cut set held_by = '{}'")
    #expect(throws: ReleaseError.held(own)) { try cut.regime() }
    try cut.database.execute("update rejected_objection set resolved_at = now()")
    #expect(try cut.regime() == "r")
  }

  @Test func `a cut has one regime or is refused`() throws {
    #expect(try cut([(0, [], "a"), (1, [], "a")]).regime() == "a")
    #expect(try cut([(0, [], ""), (1, [], "")]).regime() == "")
    #expect(throws: ReleaseError.mixedRegimes(["a", "b"])) { try cut([(0, [], "a"), (1, [], "b")]).regime() }
    #expect(throws: ReleaseError.mixedRegimes(["", "a"])) { try cut([(0, [], ""), (1, [], "a")]).regime() }
    #expect(throws: ReleaseError.mixedRegimes(["a", "b"])) { try cut([(0, [], "a"), (0, [], "b")]).regime() }
  }
}
