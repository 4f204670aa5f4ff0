import Contracts
import Testing

@testable import Ingestion

struct HoldingTests {
  private let ingestion: TestIngestion

  init() throws { ingestion = try TestIngestion() }

  private func patient(_ number: Int) -> (Int, TestPatient) {
    (number, TestPatient(ref: "p\(number)", token: UInt64(number)))
  }

  /// What the connector is told once everything has been quiet for as long as is waited.
  private func told(after seconds: Int = 0) throws -> [Receipt] {
    let holding = Holding(quietSeconds: seconds, admission: ingestion.admission, receipts: ingestion.receipts)
    try ingestion.admitAll()
    while try holding.next(ingestion.database) { try ingestion.admitAll() }
    return try ingestion.outbox().receipts()
  }

  @Test func `a truncated extract is held, and its receipt names the numbers that are missing`() throws {
    try ingestion.open("e1", at: 100, expected: 9)
    try ingestion.stage("e1", at: 100, [1, 2, 5, 8].map(patient))
    try ingestion.close("e1", at: 100, expected: 9)
    let receipt = try #require(try told().first)
    #expect(receipt.status == .held && receipt.reason == "records_missing")
    #expect(receipt.recordsExpected == 9 && receipt.recordsReceived == 4 && receipt.recordsMissing == 5)
    #expect(receipt.missingSequences == "3-4,6-7,9")
    #expect(try told().isEmpty, "it is told once")
  }

  @Test func `nobody is told before it has been quiet`() throws {
    try ingestion.open("e1", at: 100, expected: 2)
    try ingestion.close("e1", at: 100, expected: 2)
    #expect(try told(after: 600).isEmpty)
  }

  @Test func `a held extract is admitted when the missing records come`() throws {
    try ingestion.open("e1", at: 100, expected: 3)
    try ingestion.stage("e1", at: 100, [patient(2)])
    try ingestion.close("e1", at: 100, expected: 3)
    #expect(try told().map(\.status) == [.held])
    try ingestion.stage("e1", at: 100, [patient(1)])
    #expect(try told().map(\.missingSequences) == ["3"], "what is still missing is told anew")
    try ingestion.stage("e1", at: 100, [patient(3)])
    #expect(try told().map(\.status) == [.admitted])
  }

  @Test func `a padded extract is held until a closing manifest declares what has come`() throws {
    try ingestion.open("e1", at: 100, expected: 0)
    try ingestion.stage("e1", at: 100, (1...4).map(patient))
    try ingestion.close("e1", at: 100, expected: 3)
    #expect(try told().map(\.reason) == ["records_beyond_declared"])
    try ingestion.close("e1", at: 100, expected: 4)
    #expect(try told().map(\.status) == [.admitted])
  }

  @Test func `an extract whose manifests disagree is held`() throws {
    try ingestion.open("e1", at: 100, expected: 3)
    try ingestion.stage("e1", at: 100, (1...2).map(patient))
    try ingestion.close("e1", at: 100, expected: 2)
    #expect(try told().map(\.reason) == ["counts_differ"])
  }

  @Test func `an extract with fewer entries than declared is held`() throws {
    try ingestion.open("e1", at: 100, expected: 2)
    try ingestion.stage("e1", at: 100, (1...2).map(patient))
    try ingestion.close("e1", at: 100, expected: 2, entries: 5)
    #expect(try told().map(\.reason) == ["entries_differ"])
    try ingestion.close("e1", at: 100, expected: 2, entries: 4)
    #expect(try told().map(\.status) == [.admitted])
  }

  @Test func `two different records under one number hold the extract, one delivered twice does not`() throws {
    try ingestion.open("e1", at: 100, expected: 2)
    try ingestion.stage("e1", at: 100, (1...2).map(patient))
    try ingestion.stage("e1", at: 100, (1...2).map(patient))
    try ingestion.stage("e1", at: 100, [patient(1)], offset: 500)
    try ingestion.close("e1", at: 100, expected: 2)
    let receipts = try told()
    #expect(receipts.map(\.status) == [.admitted])
    #expect(receipts.first?.duplicates == 3)

    try ingestion.open("e2", at: 200, expected: 2)
    try ingestion.stage("e2", at: 200, (1...2).map(patient))
    try ingestion.stage("e2", at: 200, [(1, TestPatient(ref: "somebody else", token: 9))], offset: 500)
    try ingestion.close("e2", at: 200, expected: 2)
    #expect(try told().map(\.reason) == ["sequence_conflict"])
  }

  @Test func `nothing of a held extract goes further, and its resubmission is admitted`() throws {
    try ingestion.open("e1", at: 100, expected: 2)
    try ingestion.stage("e1", at: 100, [patient(1)])
    try ingestion.close("e1", at: 100, expected: 2)
    _ = try told()
    #expect(try ingestion.database.query("select count(*) from record_state").int(0, 0) == 0)
    try ingestion.submit("e2", at: 200, (1...2).map { patient($0).1 })
    let receipts = try told()
    #expect(Set(receipts.map(\.status)) == [.admitted, .superseded])
  }

  @Test(
    arguments: [
      (Completeness(opened: false), .notOpened), (Completeness(closed: false), .notClosed),
      (Completeness(declared: 2, present: 2, hasConflict: true), .sequenceConflict),
      (Completeness(declaredAtOpening: 3, declared: 2, present: 2), .countsDiffer),
      (Completeness(declared: 2, present: 2, beyond: 1), .recordsBeyondDeclared),
      (Completeness(declared: 2, present: 1), .recordsMissing),
      (Completeness(declared: 2, present: 2, declaredEntries: 1, entries: 2), .entriesDiffer),
      (Completeness(declared: 2, present: 2, declaredEntries: 2, entries: 2), nil), (Completeness(), nil),
    ] as [(Completeness, HoldReason?)])
  func `an extract is complete only when all its counts agree`(completeness: Completeness, fault: HoldReason?) {
    #expect(completeness.fault == fault)
  }
}
