import Contracts
import Cryptography
import Postgres
import Testing

@testable import Ingestion

struct ResubmissionsTests {
  private let ingestion: TestIngestion
  private let patients = [TestPatient(ref: "p1", token: 1), TestPatient(ref: "p2", token: 2)]

  init() throws { ingestion = try TestIngestion() }

  @Test func `organisations are asked once to send again what the patient's records are in, and no one else is`() throws
  {
    try ingestion.submit("e1", at: 100, patients)
    try ingestion.speak(.dissent, day: 10, .objectionType1)
    #expect(try ingestion.asked().isEmpty)
    try ingestion.speak(.withdrawn, day: 11, .objectionType1)
    while try ingestion.resubmissions.next(ingestion.database) {}
    let asked = try ingestion.outbox().receipts().filter { $0.status == .resubmissionRequested }
    #expect(asked.map(\.id) == ["e1"] && asked.map(\.organisation) == ["A81001"])
    // Neither whom nor what it is about.
    #expect(asked.allSatisfy { $0.recordsAdmitted == 0 && $0.excluded.isEmpty && $0.reason == "objection_ended" })
    try ingestion.speak(.dissent, day: 12)
    try ingestion.speak(.withdrawn, day: 13)
    #expect(try ingestion.asked().isEmpty)
    try ingestion.submit("e2", at: 200, patients)
    try ingestion.speak(.dissent, day: 14)
    try ingestion.speak(.withdrawn, day: 15)
    #expect(try ingestion.asked() == ["e2"])
    try ingestion.speak(.dissent, day: 14, token: 9)
    try ingestion.speak(.withdrawn, day: 15, token: 9)
    try ingestion.submit("e3", at: 300, patients)
    #expect(try ingestion.asked().isEmpty)
  }

  @Test func `what was admitted after the end of an objection is not asked for`() throws {
    try ingestion.speak(.dissent, day: 10)
    try ingestion.speak(.withdrawn, day: 11)
    try ingestion.submit("e1", at: 100, patients)
    #expect(try ingestion.asked().isEmpty)
    #expect(try ingestion.database.query("select count(*) from ended_objection").int(0, 0) == 0)
  }

  @Test func `a type 1 objection concerns general practices only`() throws {
    try ingestion.submit("e1", at: 100, patients)
    try ingestion.database.execute("update scope set source = 2")
    try ingestion.speak(.dissent, day: 10, .objectionType1)
    try ingestion.speak(.withdrawn, day: 11, .objectionType1)
    #expect(try ingestion.asked().isEmpty)
    try ingestion.speak(.dissent, day: 10)
    try ingestion.speak(.withdrawn, day: 11)
    #expect(try ingestion.asked() == ["e1"])
  }

  @Test func `an objection does not wait for an admission, and asking comes after it`() throws {
    let other = try TestDatabase.connect(beside: ingestion.database)
    defer { other.close() }
    try ingestion.submit("e1", at: 100, patients)
    try ingestion.speak(.dissent, day: 10)
    _ = try ingestion.outbox()
    try ingestion.database.execute("set statement_timeout = '5s'")
    try other.transaction {
      try other.query("select no::bigint from scope for update")
      // What would wait does.
      #expect(throws: PostgresError.self) {
        try ingestion.database.execute("set lock_timeout = '10ms'; update scope set resubmission_asked = true")
      }
      try ingestion.database.execute("set lock_timeout = 0")
      try ingestion.speak(.withdrawn, day: 11)
      #expect(try ingestion.outbox().envelopes(.objection).count == 1)
      #expect(try !ingestion.resubmissions.next(ingestion.database))
      #expect(try ingestion.outbox().isEmpty)
    }
    #expect(try ingestion.asked() == ["e1"])
  }

  @Test func `what ends while an admission is under way is asked for in the extract that it admits`() throws {
    let other = try TestDatabase.connect(beside: ingestion.database)
    defer { other.close() }
    try other.execute("set statement_timeout = '5s'")
    var thrown: (any Error)?
    var wasAsked = true
    // Told in the midst of an admission.
    let admission = Admission(layout: ingestion.layout, ledger: ingestion.ledger, receipts: ingestion.receipts) {
      _, _ in
      do {
        try other.transaction {
          try ingestion.ledger.record(
            [
              .init(
                origin: TestIngestion.hash("person/1"), token: TestIngestion.routingToken(1),
                decision: Decision(type: .objectionType2, decision: .withdrawn, day: 11), organisation: "patient")
            ], other)
        }
        while try ingestion.resubmissions.next(other) {}
        wasAsked = try other.query("select exists (select from scope where resubmission_asked)").bool(0, 0)
      } catch { thrown = error }
    }
    try ingestion.submit("e1", at: 100, [TestPatient(ref: "p3", token: 3, dissents: true)])
    try ingestion.speak(.dissent, day: 10)
    try ingestion.open("e2", at: 200, expected: 2)
    try ingestion.stage("e2", at: 200, Array(zip(1..., patients)))
    try ingestion.close("e2", at: 200, expected: 2)
    _ = try ingestion.outbox()
    #expect(try admission.admitNext(ingestion.database))
    #expect(thrown == nil && !wasAsked)
    #expect(try ingestion.state("e2") == "admitted")
    #expect(try ingestion.asked() == ["e2"])
  }
}
