import Contracts
import Postgres
import SwiftProtobuf
import Testing

@testable import Ingestion

/// A message that ended the service would be delivered again for ever, so every one of these once found stays here.
struct HostileMessageTests {
  private let reading: TestReading

  init() throws { reading = try TestReading() }

  private func manifest(_ state: Manifest.State = .closed, _ change: (inout Manifest) -> Void = { _ in }) -> Manifest {
    var manifest = reading.ingestion.manifest("e1", at: 100, state, expected: 1)
    change(&manifest)
    return manifest
  }

  private func objection(_ change: (inout Objection) -> Void = { _ in }) -> ObjectionMessage {
    ObjectionMessage.with {
      $0.objection.submissionID = "s1"
      $0.objection.sequence = 1
      $0.objection.expected = 1
      $0.objection.nhsNumber = "9990000018"
      $0.objection.type = .objectionType2
      $0.objection.decision = .dissent
      change(&$0.objection)
    }
  }

  // MARK: Manifests

  @Test func `a manifest of more records than there are sequence numbers is put aside, and its connector told`() throws
  {
    var intake = Intake()
    #expect(try reading.take(manifest { $0.expectedRecords = .max }, &intake) == .malformed)
    #expect(intake.malformed["e1"]?.reason == "expected_records_out_of_range")
    #expect(try reading.take(manifest { $0.expectedRecords = 2_147_483_647 }, &intake) == nil)
    try reading.store(&intake)
  }

  @Test func `an extract of the greatest number of records is held with what is missing`() throws {
    var intake = Intake()
    try reading.take(manifest(.opened) { $0.expectedRecords = 0 }, &intake)
    for sequence in [1, 2_147_483_647] as [UInt32] {
      try reading.take(
        TestRecord.gp {
          $0.sequence = sequence
          $0.submittedAt = 100
          $0.patientRef = "p\(sequence)"
        }, &intake)
    }
    try reading.take(manifest { $0.expectedRecords = 2_147_483_647 }, &intake)
    try reading.store(&intake)
    let holding = Holding(
      quietSeconds: 0, admission: reading.ingestion.admission, receipts: reading.ingestion.receipts)
    while try holding.next(reading.ingestion.database) {}
    let receipt = try #require(try reading.ingestion.outbox().receipts().last)
    #expect(receipt.status == .held && receipt.recordsMissing == 2_147_483_645)
    #expect(receipt.missingSequences == "2-2147483646")
  }

  @Test func `a manifest of an unknown state closes nothing`() throws {
    var intake = Intake()
    #expect(try reading.take(manifest(.UNRECOGNIZED(9)), &intake) == .unknownKind)
    #expect(intake.manifests.isEmpty)
  }

  @Test(arguments: [Int64.min, -1, 253_402_300_800_000_000, .max])
  func `a time of submission that leaves no room for a later one is malformed`(time: Int64) throws {
    var intake = Intake()
    #expect(try reading.take(manifest { $0.submittedAt = time }, &intake) == .malformed)
    #expect(try reading.take(TestRecord.gp { $0.submittedAt = time }, &intake) == .malformed)
  }

  @Test func `counts of a connector that together exceed all numbers are told as the greatest number`() throws {
    var intake = Intake()
    try reading.take(manifest(.opened) { $0.expectedRecords = 0 }, &intake)
    try reading.take(
      manifest {
        $0.expectedRecords = 0
        $0.rejectedByConnector = ["one": .max, "two": .max, "ä": .max, "ö": 7]
        $0.leftOutByConnector = ["ä": .max, "ö": 7]
      }, &intake)
    try reading.store(&intake)
    try reading.ingestion.admitAll()
    let receipt = try #require(try reading.ingestion.outbox().receipts().last)
    #expect(receipt.status == .admitted && receipt.recordsRejectedByConnector == .max)
    #expect(receipt.rejected == ["one": .max, "two": .max, "other": .max])
    #expect(receipt.leftOutByConnector == ["other": .max])
  }

  @Test func `of thousands of names a receipt tells a thousand, and the rest together`() {
    let names = Dictionary(uniqueKeysWithValues: (0..<5_000).map { ("n\($0)", 1 as UInt64) })
    let named = ManifestHandling.named(names)
    #expect(named.count == 1_001 && named["other"] == 4_000)
  }

  // MARK: Records

  @Test func `an objection under an extract id that is none is heard, and the record put aside`() throws {
    var intake = Intake()
    let record = TestRecord.gp {
      $0.extractID = "e1\0"
      $0.entries = [TestRecord.entry(.read2, "9Nu0.")]
    }
    #expect(try reading.take(record, &intake) == .malformed)
    #expect(intake.spoken.map(\.decision.decision) == [.dissent] && intake.spoken.first?.extractID == nil)
    try reading.store(&intake)
  }

  @Test func `a record that names an extract of another specification is put aside, not passed over`() throws {
    var intake = Intake()
    try reading.take(manifest(.opened), &intake)
    try reading.store(&intake)
    intake = Intake()
    try reading.take(
      TestRecord.gp {
        $0.submittedAt = 100
        $0.specification = "99"
      }, &intake)
    try reading.store(&intake)
    #expect(intake.rejections.map(\.code) == ["header_mismatch"] && intake.rejections.first?.extract == "e1")
    #expect(try reading.ingestion.state("e1") == "staging")
  }

  @Test func `a damaged record does not take its extract's id`() throws {
    var intake = Intake()
    try reading.take(
      TestRecord.gp {
        $0.submittedAt = 100
        $0.organisation = "A81002"
      }, &intake)
    try reading.take(manifest(.opened), &intake)
    try reading.store(&intake)
    #expect(intake.rejections.map(\.code) == ["header_mismatch"])
    #expect(try reading.ingestion.row(manifest()).organisation == "A81001")
  }

  @Test func `a record that would not fit into a message any more is rejected by name`() throws {
    var intake = Intake()
    // Two bytes shorter than what becomes of it: "C10" is padded to "C10..".
    let entry = TestRecord.entry(.read2, "C10", day: 20_000)
    try reading.take(TestRecord.gp { $0.entries = Array(repeating: entry, count: 80_000) }, &intake)
    try reading.take(TestRecord.gp { $0.entries = Array(repeating: entry, count: 40_000) }, &intake)
    #expect(intake.records.values.joined().map(\.rejection) == [.recordTooLarge, nil])
  }

  @Test func `what the contracts do not know of a record is left out`() throws {
    var bytes: [UInt8] = try TestRecord.gp().entries[0].serializedBytes()
    bytes += [0xFA, 0x06, 0x06] + Array("CANARY".utf8)  // field 111
    let entry = try bytes.withUnsafeBytes { try Entry(binaryOrJSON: $0) }
    #expect(entry.unknownFields.data.isEmpty && entry.code == "C10..")
  }

  @Test(arguments: [Int32.min, .max, -719_163, 2_932_897])
  func `an objection on a day of no calendar counts as one without a date`(day: Int32) {
    let decision = Decision(type: .objectionType1, decision: .dissent, day: day)
    #expect(decision == Decision(type: .objectionType1, decision: .dissent, day: nil))
  }

  // MARK: Objections, enrolments, receipts

  @Test(arguments: [("a\0b", 1, 1), (String(repeating: "s", count: 101), 1, 1), ("s", 2, 1), ("s", 1, UInt32.max)])
  func `a submission that cannot be acknowledged is put aside, but its objections are heard`(
    id: String, sequence: UInt32, expected: UInt32
  ) throws {
    var intake = Intake()
    let message = objection {
      $0.submissionID = id
      $0.sequence = sequence
      $0.expected = expected
    }
    #expect(try reading.take(message, &intake) == .malformed)
    #expect(intake.spoken.count == 1)
    try reading.store(&intake)
    let statements = try reading.ingestion.database.query("select count(*) from statement").int(0, 0)
    #expect(statements == 1)
    let stored = try reading.ingestion.database.query("select count(*) from objection_received").int(0, 0)
    #expect(stored == 0)
  }

  @Test func `a cut whose id is no name is put aside`() throws {
    var intake = Intake()
    let cut = ObjectionMessage.with { $0.cut.cutID = String(repeating: "c", count: 900_000) }
    #expect(try reading.take(cut, &intake) == .malformed)
    #expect(try reading.take(ObjectionMessage.with { $0.cut.cutID = "cut-1" }, &intake) == nil)
  }

  @Test func `an enrolment with days at the end of all numbers is stored or refused`() throws {
    var intake = Intake()
    for (told, from) in [(Int32.max, Int32.max), (.max, .min), (.min, .max), (.min, .min)] {
      let enrolment = PracticeEnrolment.with {
        $0.organisation = "B82001"
        $0.state = .active
        $0.changedAt = 1
        $0.announcedOn = .min
        $0.notifiedOn = told
        $0.activeFrom = from
      }
      #expect(try reading.take(enrolment, &intake) == nil)
      _ = reading.ingestion.practices.gate.state(of: enrolment, on: .max)
    }
    try reading.store(&intake)
    #expect(try reading.take(PracticeEnrolment.with { $0.changedAt = .max }, &intake) == .missingField)
  }

  @Test func `an enrolment of a time without end is put aside`() throws {
    var intake = Intake()
    let enrolment = PracticeEnrolment.with {
      $0.organisation = "B82001"
      $0.state = .announced
      $0.changedAt = .max
    }
    #expect(try reading.take(enrolment, &intake) == .malformed)
  }

  // MARK: Many at once

  /// Each new extract has tables, and their locks are held to the end of the transaction: some 1,500 extracts in one
  /// take all that PostgreSQL has.
  @Test func `as many extracts as begin in one transaction leave most of the locks`() throws {
    var intake = Intake()
    var count = 0
    while !intake.isFull {
      count += 1
      try reading.take(manifest(.opened) { $0.extractID = "many-\(count)" }, &intake)
    }
    let database = reading.ingestion.database
    let locks = try database.transaction {
      try reading.storing.store(&intake, database)
      return try database.query("select count(*) from pg_locks where pid = pg_backend_pid()").int(0, 0)
    }
    let greatest = try database.query(
      "select current_setting('max_locks_per_transaction')::int * current_setting('max_connections')::int"
    ).int(0, 0)
    #expect(count > 100 && locks > count && locks < greatest / 3)
  }
}
