import Contracts
import Cryptography
import Testing

@testable import Ingestion

struct ObjectionEndingTests {
  private let practice = TestIngestion.hash("practice")
  private let national = TestIngestion.hash("national")
  private let token = TestIngestion.routingToken(1)

  private func entry(
    _ origin: Token16, _ decision: ObjectionDecision, day: Int32?, _ type: ObjectionType = .objectionType2,
    retracted: Bool = false
  ) -> LedgerEntry {
    LedgerEntry(
      origin: origin, token: token, decision: Decision(type: type, decision: decision, day: day),
      isRetracted: retracted)
  }

  private func ends(_ changes: [LedgerEntry], _ ledger: [LedgerEntry]) -> [ObjectionType] {
    ObjectionEnding.scopes(changes, ledger: ledger).map(\.type)
  }

  @Test func `a later withdrawal ends a dissent, an earlier or undated one does not`() {
    let ledger = [entry(practice, .dissent, day: 100)]
    #expect(ends([entry(practice, .withdrawn, day: 101)], ledger) == [.objectionType2])
    #expect(ends([entry(national, .withdrawn, day: 100)], ledger).isEmpty)
    #expect(ends([entry(national, .withdrawn, day: nil)], ledger).isEmpty)
  }

  @Test func `an objection that another origin upholds does not end`() {
    let ledger = [entry(practice, .dissent, day: 100), entry(national, .dissent, day: nil)]
    #expect(ends([entry(practice, .withdrawn, day: 200)], ledger).isEmpty)
    #expect(ends([entry(national, .withdrawn, day: 200)], ledger) == [.objectionType2])
  }

  @Test func `a dissent stated under a wrong token ends when it is retracted`() {
    let ledger = [entry(practice, .dissent, day: 100)]
    #expect(ends([entry(practice, .dissent, day: 100, retracted: true)], ledger) == [.objectionType2])
    #expect(ends([entry(practice, .dissent, day: 100, retracted: true)], []).isEmpty)
  }

  @Test func `types end by themselves`() {
    let ledger = [entry(practice, .dissent, day: 100, .objectionType1), entry(practice, .dissent, day: 100)]
    #expect(ends([entry(practice, .withdrawn, day: 101, .objectionType1)], ledger) == [.objectionType1])
  }

  @Test func `organisations are asked once to send again what the patient's records are in, and no one else is`() throws
  {
    let ingestion = try TestIngestion()
    func speak(_ decision: ObjectionDecision, day: Int32, _ type: ObjectionType) throws -> [Receipt] {
      try ingestion.database.transaction {
        try ingestion.ledger.record(
          [
            .init(
              origin: TestIngestion.hash("person"), token: TestIngestion.routingToken(1),
              decision: Decision(type: type, decision: decision, day: day), organisation: "patient")
          ], ingestion.database)
      }
      return try ingestion.outbox().receipts().filter { $0.status == .resubmissionRequested }
    }
    try ingestion.submit("e1", at: 100, [TestPatient(ref: "p1", token: 1), TestPatient(ref: "p2", token: 2)])
    _ = try ingestion.outbox()
    #expect(try speak(.dissent, day: 10, .objectionType1).isEmpty)
    let asked = try speak(.withdrawn, day: 11, .objectionType1)
    #expect(asked.map(\.id) == ["e1"] && asked.map(\.organisation) == ["A81001"])
    // Neither whom nor what it is about.
    #expect(asked.allSatisfy { $0.recordsAdmitted == 0 && $0.excluded.isEmpty && $0.reason == "objection_ended" })
    _ = try speak(.dissent, day: 12, .objectionType2)
    #expect(try speak(.withdrawn, day: 13, .objectionType2).isEmpty)
    try ingestion.submit("e2", at: 200, [TestPatient(ref: "p1", token: 1), TestPatient(ref: "p2", token: 2)])
    _ = try ingestion.outbox()
    _ = try speak(.dissent, day: 14, .objectionType2)
    #expect(try speak(.withdrawn, day: 15, .objectionType2).map(\.id) == ["e2"])
  }
}
