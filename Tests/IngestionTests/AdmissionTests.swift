import Contracts
import Cryptography
import Foundation
import Testing

@testable import Ingestion

struct AdmissionTests {
  private let ingestion: TestIngestion

  init() throws { ingestion = try TestIngestion() }

  private func patients(_ count: Int) -> [TestPatient] {
    (1...count).map { TestPatient(ref: "p\($0)", token: UInt64($0)) }
  }

  @Test func `an extract is admitted once all its records and its closing manifest have come`() throws {
    try ingestion.open("e1", at: 100, expected: 3)
    try ingestion.stage("e1", at: 100, [(1, TestPatient(ref: "a", token: 1)), (2, TestPatient(ref: "b", token: 2))])
    try ingestion.close("e1", at: 100, expected: 3)
    try ingestion.admitAll()
    #expect(try ingestion.state("e1") == "staging")
    try ingestion.stage("e1", at: 100, [(3, TestPatient(ref: "c", token: 3))])
    try ingestion.admitAll()
    #expect(try ingestion.state("e1") == "admitted")
    let receipt = try #require(try ingestion.outbox().receipts().first)
    #expect(receipt.status == .admitted && receipt.recordsAdmitted == 3 && receipt.entriesAdmitted == 6)
  }

  @Test func `numbers are consecutive per partition and stamps rise`() throws {
    try ingestion.submit("e1", at: 100, patients(50))
    let first = try ingestion.admitted("e1")
    #expect(first.count == 50)
    #expect(Set(first.map(\.partition)).count == 4)
    for partition in Set(first.map(\.partition)) {
      let numbers = first.filter { $0.partition == partition }.map(\.number)
      #expect(numbers == Array(1...Int64(numbers.count)))
    }
    #expect(zip(first, first.dropFirst()).allSatisfy { $0.stamp < $1.stamp })
    try ingestion.submit("e2", at: 200, patients(50).map { TestPatient(ref: $0.ref, token: $0.token, content: 2) })
    let second = try ingestion.admitted("e2")
    #expect(second.allSatisfy { $0.stamp > first.last!.stamp })
  }

  @Test func `a record delivered twice is staged and admitted once`() throws {
    let two = [(1, TestPatient(ref: "a", token: 1)), (2, TestPatient(ref: "b", token: 2))]
    try ingestion.open("e1", at: 100, expected: 3)
    try ingestion.stage("e1", at: 100, two)
    try ingestion.stage("e1", at: 100, two)
    try ingestion.close("e1", at: 100, expected: 3)
    try ingestion.admitAll()
    #expect(try ingestion.state("e1") == "staging", "four deliveries are not three records")
    try ingestion.stage("e1", at: 100, [(2, two[1].1), (3, TestPatient(ref: "c", token: 3))])
    try ingestion.admitAll()
    #expect(try ingestion.admitted("e1").count == 3)
  }

  @Test func `one batch may hold the same record twice`() throws {
    let one = (1, TestPatient(ref: "a", token: 1))
    try ingestion.open("e1", at: 100, expected: 1)
    try ingestion.stage("e1", at: 100, [one, one])
    try ingestion.close("e1", at: 100, expected: 1)
    try ingestion.admitAll()
    #expect(try ingestion.admitted("e1").count == 1)
  }

  @Test func `of two records of one patient the second is rejected, and a rejected one is not admitted`() throws {
    try ingestion.submit(
      "e1", at: 100,
      [
        TestPatient(ref: "a", token: 1), TestPatient(ref: "a", token: 2),
        TestPatient(ref: "", token: 3, rejection: .patientRefMissing),
      ])
    let receipt = try #require(try ingestion.outbox().receipts().first)
    #expect(receipt.recordsAdmitted == 1)
    #expect(receipt.rejected == ["duplicate_patient": 1, "patient_ref_missing": 1])
    #expect(try ingestion.admitted("e1").map(\.token) == [TestIngestion.routingToken(1)])
  }

  @Test func `a corrected extract retracts the absent under the submission's own version`() throws {
    try ingestion.submit("e1", at: 100, patients(3))
    _ = try ingestion.outbox()
    try ingestion.submit("e2", at: 200, patients(2))
    let outbox = try ingestion.outbox()
    let retractions = try outbox.envelopes(.retraction)
    #expect(retractions.count == 1)
    let header = try Header(serializedBytes: retractions[0].envelope.header)
    #expect(retractions[0].key == TestIngestion.routingToken(3))
    #expect(retractions[0].envelope.reason == .corrected)
    #expect(header.recordID == Data(TestIngestion.hash("record/p3").bytes))
    #expect(header.versionTime == 200 && header.number == 0)
    let receipt = try #require(try outbox.receipts().first)
    #expect(receipt.retractions == 1)
    #expect(
      header.versionDigest == receipt.digest, "of two submissions of one moment the greater digest wins, all of it")
  }

  @Test func `a record rejected in the correction is retracted like an absent one`() throws {
    try ingestion.submit("e1", at: 100, patients(2))
    _ = try ingestion.outbox()
    try ingestion.submit(
      "e2", at: 200,
      [TestPatient(ref: "p1", token: 1), TestPatient(ref: "p2", token: 2, rejection: .patientRefMissing)])
    #expect(try ingestion.outbox().envelopes(.retraction).map(\.key) == [TestIngestion.routingToken(2)])
  }

  @Test func `a record that moves to another token is retracted under the old one, in its old version`() throws {
    try ingestion.submit("e1", at: 100, patients(2))
    let old = try #require(try ingestion.outbox().receipts().first)
    try ingestion.submit("e2", at: 200, [TestPatient(ref: "p1", token: 1), TestPatient(ref: "p2", token: 77)])
    let retractions = try ingestion.outbox().envelopes(.retraction)
    #expect(retractions.map(\.key) == [TestIngestion.routingToken(2)])
    let header = try Header(serializedBytes: retractions[0].envelope.header)
    #expect(header.versionTime == 100 && header.versionDigest == old.digest)
    #expect(try ingestion.admitted("e2").map(\.token).contains(TestIngestion.routingToken(77)))
  }

  @Test func `a patient absent once and back again is admitted anew`() throws {
    try ingestion.submit("e1", at: 100, patients(2))
    try ingestion.submit("e2", at: 200, patients(1))
    _ = try ingestion.outbox()
    try ingestion.submit("e3", at: 300, patients(2).map { TestPatient(ref: $0.ref, token: $0.token, content: 3) })
    #expect(try ingestion.outbox().envelopes(.retraction).isEmpty)
    #expect(try ingestion.admitted("e3").count == 2)
  }

  @Test func `the same content again is unchanged, names the extract in force and keeps its counts`() throws {
    try ingestion.submit("e1", at: 100, patients(3))
    _ = try ingestion.outbox()
    try ingestion.submit("e2", at: 200, patients(3).reversed())
    let outbox = try ingestion.outbox()
    let receipt = try #require(try outbox.receipts().first)
    #expect(receipt.status == .unchanged && receipt.sameAs == "e1" && receipt.recordsAdmitted == 3)
    #expect(try outbox.envelopes(.retraction).isEmpty)
    #expect(try ingestion.state("e2") == "unchanged")
  }

  @Test func `the same accepted content beside other faults is unchanged, and its receipt counts its own faults`()
    throws
  {
    try ingestion.submit("e1", at: 100, patients(2))
    _ = try ingestion.outbox()
    try ingestion.submit(
      "e2", at: 200, patients(2) + [TestPatient(ref: "", token: 9, rejection: .patientRefMissing, entries: 5)])
    let outbox = try ingestion.outbox()
    let receipt = try #require(try outbox.receipts().first)
    #expect(receipt.status == .unchanged && receipt.id == "e2" && receipt.sameAs == "e1")
    #expect(receipt.recordsReceived == 3 && receipt.rejected == ["patient_ref_missing": 1] && receipt.isBalanced)
    #expect(outbox.contains { $0.topic == "caredata.rejected.ingestion" })
  }

  @Test func `the same content after an objection is admitted anew, for what was erased may come back`() throws {
    try ingestion.submit("e1", at: 100, patients(2))
    try ingestion.database.transaction {
      try ingestion.ledger.record(
        [
          .init(
            origin: TestIngestion.hash("national"), token: TestIngestion.routingToken(1),
            decision: Decision(type: .objectionType2, decision: .withdrawn, day: 9), organisation: "A81001")
        ], ingestion.database)
    }
    try ingestion.submit("e2", at: 200, patients(2))
    #expect(try ingestion.state("e2") == "admitted")
    try ingestion.submit("e3", at: 300, patients(2))
    #expect(try ingestion.state("e3") == "unchanged")
  }

  @Test func `an extract submitted earlier than the one in force is superseded`() throws {
    try ingestion.submit("e2", at: 200, patients(3))
    _ = try ingestion.outbox()
    try ingestion.submit("e1", at: 100, patients(2))
    let outbox = try ingestion.outbox()
    #expect(try outbox.receipts().map(\.status) == [.superseded])
    #expect(try outbox.envelopes(.retraction).isEmpty)
  }

  @Test func `content submitted again counts as submitted now, against a correction still on its way`() throws {
    try ingestion.submit("e1", at: 100, patients(3))
    try ingestion.submit("e3", at: 300, patients(3))
    _ = try ingestion.outbox()
    try ingestion.submit("e2", at: 200, patients(2))
    #expect(try ingestion.outbox().receipts().map(\.status) == [.superseded])
  }

  @Test func `an earlier extract that never became complete has no future`() throws {
    try ingestion.open("e1", at: 100, expected: 5)
    try ingestion.stage("e1", at: 100, [(1, TestPatient(ref: "a", token: 1))])
    try ingestion.submit("e2", at: 200, patients(1))
    #expect(try ingestion.state("e1") == "superseded")
  }

  @Test func `an organisation that is not active is refused once, with the reason`() throws {
    try ingestion.open("e1", at: 100, expected: 1, organisation: "B82002")
    try ingestion.enrol([.suspend])
    try ingestion.open("e2", at: 100, expected: 1)
    let receipts = try ingestion.outbox().receipts()
    #expect(receipts.map(\.reason) == ["organisation_not_enrolled", "organisation_suspended"])
    #expect(receipts.allSatisfy { $0.status == .refused })
  }

  @Test func `the gate decides when an extract is opened, and its decision stands`() throws {
    try ingestion.open("e1", at: 100, expected: 1)
    try ingestion.enrol([.suspend])
    try ingestion.stage("e1", at: 100, [(1, TestPatient(ref: "a", token: 1))])
    try ingestion.close("e1", at: 100, expected: 1)
    try ingestion.admitAll()
    #expect(try ingestion.state("e1") == "admitted")
    try ingestion.open("e2", at: 200, expected: 1)
    try ingestion.enrol([.activate])
    try ingestion.close("e2", at: 200, expected: 0)
    try ingestion.admitAll()
    #expect(try ingestion.state("e2") == "refused")
  }

  @Test func `the receipt accounts for every record and every entry`() throws {
    try ingestion.submit(
      "e1", at: 100,
      [
        TestPatient(
          ref: "a", token: 1, notes: [Note(.postcodeMissing), Note(.entryBeforeBirth, count: 3)], excluded: 2),
        TestPatient(ref: "b", token: 2, notes: [Note(.postcodeMissing), Note(.entryBeforeBirth)], entries: 7),
        TestPatient(ref: "b", token: 2, entries: 5),
        TestPatient(ref: "", token: 3, rejection: .patientRefMissing, notes: [Note(.sexMissing)], entries: 4),
      ])
    let receipt = try #require(try ingestion.outbox().receipts().first)
    #expect(receipt.recordsReceived == 4 && receipt.recordsAdmitted == 2 && receipt.duplicates == 0)
    #expect(receipt.entriesReceived == 2 + 2 + 3 + 7 + 1 + 5 + 4)
    #expect(receipt.entriesAdmitted == 9 && receipt.entriesExcluded == 2 && receipt.entriesRejected == 9)
    #expect(receipt.entriesDropped == ["entry_before_birth": 4])
    #expect(receipt.findings == ["postcode_missing": 2], "a rejected record's faults are its own")
    #expect(receipt.isBalanced)
    var wrong = receipt
    wrong.entriesAdmitted += 1
    #expect(!wrong.isBalanced)
  }

  @Test func `rejected records are put aside by their coordinates, without content`() throws {
    try ingestion.submit(
      "e1", at: 100,
      [
        TestPatient(ref: "a", token: 1), TestPatient(ref: "a", token: 2),
        TestPatient(ref: "", token: 3, rejection: .patientRefMissing),
      ])
    let rejections = try ingestion.outbox().filter { $0.topic == "caredata.rejected.ingestion" }
      .map { try Rejection(json: $0.value) }
    #expect(
      rejections == [
        Rejection(topic: "caredata.extracts", partition: 3, offset: 2, code: "duplicate_patient", extract: "e1"),
        Rejection(topic: "caredata.extracts", partition: 3, offset: 3, code: "patient_ref_missing", extract: "e1"),
      ])
  }

  @Test func `an extract replaced before it was accounted for ends with the one that replaced it`() throws {
    try ingestion.submit("e1", at: 100, patients(2))
    try ingestion.submit("e2", at: 200, patients(1))
    try ingestion.database.execute("update extract set state = 'emitted'")
    try Settlement.balanced("e1 is not known", ingestion.database)
    #expect(try ingestion.state("e1") == "emitted")
    try Settlement.balanced("e2", ingestion.database)
    #expect(try ingestion.state("e2") == "balanced")
    #expect(try ingestion.state("e1") == "superseded")
    let tables = try ingestion.database.query(
      "select count(*) from pg_tables where tablename like 'staged_%' and schemaname = current_schema()")
    #expect(tables.int(0, 0) == 0)
  }

  @Test func `an extract still being sent waits for its own end`() throws {
    try ingestion.submit("e1", at: 100, patients(2))
    try ingestion.submit("e2", at: 200, patients(1))
    try ingestion.database.execute("update extract set state = 'emitted' where extract_id = 'e2'")
    try Settlement.balanced("e2", ingestion.database)
    #expect(try ingestion.state("e1") == "admitted")
    try ingestion.database.execute("update extract set state = 'emitted' where extract_id = 'e1'")
    try Settlement.endReplaced(sharingScopeWith: "e1", ingestion.database)
    #expect(try ingestion.state("e1") == "superseded")
  }

  @Test func `a manifest that comes again is answered with the same receipt`() throws {
    try ingestion.submit("e1", at: 100, patients(2))
    let first = try #require(try ingestion.outbox().receipts().first)
    try ingestion.close("e1", at: 100, expected: 2)
    #expect(try ingestion.outbox().receipts() == [first])
  }

  @Test func `whoever opened an extract in JSON is answered in JSON`() throws {
    try ingestion.take(ingestion.manifest("e1", at: 100, .opened, expected: 0), asJSON: true)
    try ingestion.close("e1", at: 100, expected: 0)
    try ingestion.admitAll()
    let answer = try #require(try ingestion.outbox().first { $0.topic == "caredata.receipts" })
    #expect(answer.value.first == UInt8(ascii: "{"))
  }
}
