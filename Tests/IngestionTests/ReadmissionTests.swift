import Contracts
import Testing

@testable import Ingestion

/// Records without a number that linkage may have suppressed for somebody who objects no longer.
struct ReadmissionTests {
  private let ingestion: TestIngestion
  private let patients = [
    TestPatient(ref: "p1", token: 1), TestPatient(ref: "p2", token: 2, isNumbered: false),
  ]

  init() throws { ingestion = try TestIngestion() }

  private func isDue() throws -> Bool {
    try Readmission.isDue(
      scope: try ingestion.database.query("select no::bigint from scope").int(0, 0), ingestion.database)
  }

  @Test func `once anybody's objection has ended, records without a number are asked for and admitted anew once`()
    throws
  {
    try ingestion.submit("e1", at: 100, patients)
    let first = try ingestion.admitted("e1").map(\.stamp)
    try ingestion.speak(.dissent, day: 10, token: 99)
    try ingestion.submit("e2", at: 200, patients)
    #expect(try ingestion.state("e2") == "unchanged", "nothing has ended")
    #expect(try ingestion.asked().isEmpty)
    try ingestion.speak(.withdrawn, day: 11, token: 99)
    #expect(try ingestion.asked() == ["e1"])
    try ingestion.submit("e3", at: 300, patients)
    #expect(try ingestion.state("e3") == "admitted")
    let second = try ingestion.admitted("e3").map(\.stamp)
    #expect(second.min()! > first.max()!)
    try ingestion.submit("e4", at: 400, patients)
    #expect(try ingestion.state("e4") == "unchanged")
    #expect(try ingestion.asked().isEmpty)
  }

  @Test func `where every record has a number, nothing is admitted anew for somebody else's objection`() throws {
    try ingestion.submit("e1", at: 100, [patients[0]])
    try ingestion.speak(.dissent, day: 10, token: 99)
    try ingestion.speak(.withdrawn, day: 11, token: 99)
    #expect(try ingestion.asked().isEmpty)
    try ingestion.submit("e2", at: 200, [patients[0]])
    #expect(try ingestion.state("e2") == "unchanged")
  }

  @Test func `what withdraws no objection ends none`() throws {
    try ingestion.submit("e1", at: 100, patients)
    try ingestion.speak(.withdrawn, day: 11, token: 99)
    #expect(try ingestion.asked().isEmpty)
    #expect(try !isDue())
  }

  @Test func `of type 1 this concerns general practices only`() throws {
    try ingestion.submit("e1", at: 100, patients)
    try ingestion.speak(.dissent, day: 10, .objectionType1, token: 99)
    try ingestion.speak(.withdrawn, day: 11, .objectionType1, token: 99)
    #expect(try isDue())
    try ingestion.database.execute("update scope set source = 2")
    #expect(try !isDue())
    #expect(try ingestion.asked().isEmpty)
    try ingestion.speak(.dissent, day: 10, token: 99)
    try ingestion.speak(.withdrawn, day: 11, token: 99)
    #expect(try isDue())
    #expect(try ingestion.asked() == ["e1"])
  }

  @Test func `objections that ended before this was kept count`() throws {
    let database = try TestDatabase.connect(upTo: 3)
    defer { database.close() }
    try database.execute(
      """
      insert into statement (origin, token, type, decision, day, stamp, retracted) values
        ('a', 'a', 1, 2, 10, 5, false), ('b', 'b', 2, 1, 10, 6, true), ('c', 'c', 2, 1, 10, 7, false);
      insert into national_list (submission_id, expected, drawn_at, whole, confirmed) values ('l', 2, 1, true, false);
      insert into national_entry values ('l', 'o', true);
      """)
    try TestDatabase.migrate(database)
    let ends = try database.query("select type::bigint, stamp from objection_end order by type")
    #expect((0..<ends.count).map { [ends.int($0, 0), ends.int($0, 1)] } == [[1, 5], [2, 6]])
    #expect(try database.query("select submission_id from national_submission where first_at > 0").text(0, 0) == "l")
  }
}
