import Contracts
import Foundation
import Postgres
import StageKit
import SwiftProtobuf
import Testing

@testable import Ingestion

struct ReleaseHoldTests {
  @Test func `every marker says why nothing may be released, and under which regime`() throws {
    let reading = try TestReading()
    func markers() throws -> [Marker] {
      var intake = Intake()
      try reading.take(ObjectionMessage.with { $0.cut.cutID = "cut" }, &intake)
      try reading.store(&intake)
      return try reading.ingestion.outbox().envelopes(.marker).map(\.envelope.marker)
    }
    let missing = try markers()
    #expect(missing.count == reading.ingestion.layout.partitions)
    #expect(missing.allSatisfy { $0.heldBy == ["no national list of objections has been loaded yet"] })
    #expect(missing.allSatisfy { $0.regime == NationalListRule().regime })
    try reading.ingestion.database.query(
      "insert into national_list (submission_id, expected, drawn_at, whole, confirmed, state) values ('l', 0, $1, true, true, 'in_force')",
      [.int(Date.now.microseconds)])
    #expect(try markers().allSatisfy(\.heldBy.isEmpty))
    let rejection = Rejection(topic: "caredata.objections", partition: 1, offset: 7, code: "malformed")
    // Delivered twice, counted once.
    func note(in incarnation: String) throws {
      try UnresolvedObjections.note([rejection], incarnation: incarnation, reading.ingestion.database)
    }
    try reading.ingestion.database.execute("insert into broker_life (incarnation) values ('first')")
    for _ in 0..<2 { try note(in: "first") }
    #expect(try markers().allSatisfy { $0.heldBy.first?.hasPrefix("1 rejected") == true })
    try reading.ingestion.database.execute("update rejected_objection set resolved_at = now(), resolved_by = 'me'")
    try note(in: "first")
    #expect(try markers().allSatisfy(\.heldBy.isEmpty))
    // A broker that has forgotten gives the place to another message.
    try reading.ingestion.database.execute("insert into broker_life (incarnation) values ('second')")
    try note(in: "second")
    #expect(try markers().allSatisfy { $0.heldBy.count == 1 })
  }

  @Test func `only what may hold an objection is remembered as one that was rejected`() throws {
    func mayHold(_ message: ObjectionMessage) throws -> Bool {
      let bytes: [UInt8] = try message.serializedBytes()
      return bytes.withUnsafeBytes { ObjectionReading.mayHoldObjection($0) }
    }
    #expect(try mayHold(.with { $0.objection.nhsNumber = "1" }))
    #expect(try mayHold(.with { $0.nationalList.expected = 1 }))
    #expect([UInt8](arrayLiteral: 0xFF, 0xFF).withUnsafeBytes { ObjectionReading.mayHoldObjection($0) })
    #expect(try !mayHold(.with { $0.cut.cutID = "c" }))
    #expect(try !mayHold(.with { $0.supersession.current = "1" }))
  }

  @Test func `extracts under way when the schema grows are taken to their end`() throws {
    let database = try TestDatabase.connect(upTo: 2)
    try database.execute(
      """
      insert into extract (extract_id, organisation, source, period, submitted_at, specification)
        values ('e1', 'A81001', 1, '2026-10', 1, '1');
      create table staged_1 (sequence int primary key);
      insert into staged_1 values (1);
      insert into objection_received values ('s', 1, 2);
      """)
    try TestDatabase.migrate(database)
    #expect(try database.query("select count(*) from staged_1 where not dissent").int(0, 0) == 1)
    #expect(try database.query("select received from submission where submission_id = 's'").int(0, 0) == 1)
  }
}
