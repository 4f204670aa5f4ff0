import Contracts
import Cryptography
import Postgres
import Testing

@testable import Ingestion

/// The ledger in its tables: who hears of an objection, and when.
struct ObjectionLedgerTests {
  private let ingestion: TestIngestion
  private let origin = TestIngestion.hash("patient/p1")

  init() throws { ingestion = try TestIngestion() }

  private func speak(_ decision: ObjectionDecision, day: Int32?, token: UInt64) throws {
    try ingestion.database.transaction {
      try ingestion.ledger.record(
        [
          .init(
            origin: origin, token: TestIngestion.routingToken(token),
            decision: Decision(type: .objectionType1, decision: decision, day: day), organisation: "A81001")
        ], ingestion.database)
    }
  }

  private func notices() throws -> [String] {
    try ingestion.outbox().envelopes(.objection).map { key, envelope in
      let notice = envelope.objection
      return "\(key?.low ?? 0) \(notice.decision) \(notice.day)\(notice.retracted ? " retracted" : "")"
    }
  }

  @Test func `a decision is stated once, and again only when a stronger one comes`() throws {
    try speak(.dissent, day: 100, token: 1)
    #expect(try notices() == ["1 dissent 100"])
    try speak(.dissent, day: 100, token: 1)
    try speak(.withdrawn, day: 99, token: 1)
    #expect(try notices().isEmpty)
    try speak(.withdrawn, day: 101, token: 1)
    #expect(try notices() == ["1 withdrawn 101"])
  }

  @Test func `an objection follows a record that a correction moves to another token`() throws {
    try ingestion.submit("e1", at: 100, [TestPatient(ref: "p1", token: 1), TestPatient(ref: "p2", token: 2)])
    try speak(.dissent, day: 100, token: 1)
    _ = try ingestion.outbox()
    try ingestion.submit("e2", at: 200, [TestPatient(ref: "p1", token: 5), TestPatient(ref: "p2", token: 2)])
    #expect(try notices() == ["5 dissent 100", "1 dissent 100 retracted"])
  }

  @Test func `an objection stays under a number that the record has lost, and moves on when it has another`() throws {
    try ingestion.submit("e1", at: 100, [TestPatient(ref: "p1", token: 1)])
    try speak(.dissent, day: 100, token: 1)
    _ = try ingestion.outbox()
    try ingestion.submit("e2", at: 200, [TestPatient(ref: "p1", token: 7, isNumbered: false)])
    #expect(try notices() == ["7 dissent 100"])
    try ingestion.submit("e3", at: 300, [TestPatient(ref: "p1", token: 5)])
    #expect(try notices() == ["5 dissent 100", "1 dissent 100 retracted", "7 dissent 100 retracted"])
  }

  @Test func `two patients that swap their numbers take their objections with them`() throws {
    try ingestion.submit("e1", at: 100, [TestPatient(ref: "p1", token: 1), TestPatient(ref: "p2", token: 2)])
    try speak(.dissent, day: 100, token: 1)
    _ = try ingestion.outbox()
    try ingestion.submit("e2", at: 200, [TestPatient(ref: "p1", token: 2), TestPatient(ref: "p2", token: 1)])
    #expect(try notices() == ["2 dissent 100", "1 dissent 100 retracted"])
  }

  @Test func `where an objection leaves with a patient, it ends before the records that come in its place`() throws {
    try ingestion.submit("e1", at: 100, [TestPatient(ref: "p1", token: 1), TestPatient(ref: "p2", token: 2)])
    try speak(.dissent, day: 100, token: 1)
    _ = try ingestion.outbox()
    try ingestion.submit("e2", at: 200, [TestPatient(ref: "p1", token: 2), TestPatient(ref: "p2", token: 1)])
    let end = try #require(
      try ingestion.outbox().envelopes(.objection).map(\.envelope.objection).first(where: \.retracted))
    #expect(try ingestion.admitted("e2").allSatisfy { $0.stamp > end.stamp })
    // Yet after everything said before, or the objection filter would take it for old.
    #expect(try ingestion.admitted("e1").allSatisfy { $0.stamp < end.stamp })
  }

  @Test func `an objection stays where it is while its origin has no live record`() throws {
    try ingestion.submit("e1", at: 100, [TestPatient(ref: "p1", token: 1), TestPatient(ref: "p2", token: 2)])
    try speak(.dissent, day: 100, token: 1)
    _ = try ingestion.outbox()
    try ingestion.submit("e2", at: 200, [TestPatient(ref: "p2", token: 2)])
    #expect(try notices().isEmpty)
  }

  @Test func `a new broker hears every statement again with the stamps it had`() throws {
    try speak(.dissent, day: 100, token: 1)
    try speak(.withdrawn, day: 101, token: 1)
    let before = try ingestion.outbox().envelopes(.objection).map(\.envelope.objection.stamp)
    try ingestion.database.transaction { try ingestion.ledger.statements.restate(ingestion.database) }
    let again = try ingestion.outbox().envelopes(.objection)
    #expect(again.map(\.envelope.objection.stamp) == [before.max()])
    #expect(again.map(\.envelope.objection.decision) == [.withdrawn])
  }
}
