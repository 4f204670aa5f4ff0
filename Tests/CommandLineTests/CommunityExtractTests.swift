import Clinical
import Contracts
import Testing

@testable import caredata

@Suite struct CommunityExtractTests {
  private let fixture = ExtractFixture()

  private func reader(_ rows: String) throws -> ExtractReader {
    fixture.write("contacts.csv", CommunityExtract.columns.joined(separator: ",") + "\n" + rows)
    return try ExtractReader(source: .community, organisation: "RY1", path: fixture.folder)
  }

  private func line(_ rows: String) -> String? { errorLine(fixture) { _ = try reader(rows) } }

  @Test func `contacts become entries in the order of their dates`() throws {
    let rows = """
      C1,9990000018,1940-02-03,1,LX1 1AA,A81001,K3,2026-06-02,12,5
      C1,9990000026,1940-02-04,2,LX2 2BB,A81002,K1,2026-06-03,18,
      C1,9990000034,1940-02-05,1,LX3 3DD,A81003,K2,2026-06-01,12,3
      C1,9990000042,1940-02-06,1,LX4 4DD,A81004,K0,,12,5

      """
    let reader = try reader(rows)
    let record = try #require(try reader.all().first)
    #expect(record.entries.map(\.code) == ["12", "12", "12", "18"])
    #expect(record.entries.map(\.system) == Array(repeating: .communityTeam, count: 4))
    #expect(record.entries.map(\.position) == [5, 3, 5, 0])
    #expect(record.entries.map(\.hasDay) == [false, true, true, true])
    #expect(record.entries[3].day == CalendarDate(iso: "2026-06-03")?.day)
    #expect(record.nhsNumber == "9990000026")
    #expect(record.dateOfBirth == "1940-02-04")
    #expect(record.statedGender == "2" && record.sex.isEmpty)
    #expect(record.postcode == "LX2 2BB")
    #expect(record.practice == "A81002")
    #expect(reader.summary == ExtractSummary(rows: 4, patients: 1, entries: 4))
  }

  @Test func `encounters number the contacts of a day, whatever other days the extract holds`() throws {
    let day = "C1,,,,,,K2,2026-06-02,12,5\nC1,,,,,,K1,2026-06-02,12,5\n"
    #expect(try reader(day).all()[0].entries.map(\.encounter) == [1, 2])
    let more = try reader("C1,,,,,,K9,2026-05-01,12,5\n" + day + "C1,,,,,,K0,2026-06-03,12,5\n")
    #expect(try more.all()[0].entries.map(\.encounter) == [1, 1, 2, 1])
  }

  @Test func `a contact repeated in full counts once`() throws {
    let row = "C1,,,,,,K1,2026-06-02,12,5\n"
    let reader = try reader(row + "C2,,,,,,K1,2026-06-02,12,5\n" + row)
    #expect(try reader.all().map(\.entries.count) == [1, 1])
    #expect(reader.summary == ExtractSummary(rows: 3, patients: 2, entries: 2, findings: ["repeated_row": 1]))
  }

  @Test(arguments: [
    (
      "C1,,,,,,K1,2026-06-02,12,5\nC2,,,,,,K1,,,\nC1,,,,,,K1,2026-06-02,12,6\n",
      "row 4, column CareContactID: the contact of this patient is already in row 2, with other values"
    ),
    (",,,,,,K1,2026-06-02,12,5\n", "row 2, column LocalPatientID: is empty"),
    ("C1,,,,,,,2026-06-02,12,5\n", "row 2, column CareContactID: is empty"),
    ("C1,,,,,,K1,02/06/2026,12,5\n", "row 2, column Contact_Date: is not a date of the form YYYY-MM-DD"),
    ("C1,,02/06/1940,,,,K1,,12,5\n", "row 2, column DateOfBirth: is not a date of the form YYYY-MM-DD"),
    ("C1,,,,,,K1,,12,seen\n", "row 2, column AttendanceStatus: is not a whole number from 0 to 99"),
  ]) func `a structural fault is one line with file, row and column`(rows: String, expected: String) {
    #expect(line(rows) == "contacts.csv, " + expected)
  }
}

@Suite struct ObjectionsListTests {
  private let fixture = ExtractFixture()

  private func list(_ rows: String) throws -> ObjectionsList {
    try ObjectionsList(file: fixture.write("objections.csv", "nhs_number,type,decision,date\n" + rows))
  }

  @Test func `objections are read in the order of the list`() throws {
    let list = try list("9990000018,2,dissent,2020-01-02\n9990000018,1,withdrawn,\n")
    #expect(list.count == 2)
    let first = try #require(try list.next())
    #expect(first.nhsNumber == "9990000018")
    #expect(first.type == .objectionType2 && first.decision == .dissent)
    #expect(first.day == CalendarDate(iso: "2020-01-02")?.day)
    let second = try #require(try list.next())
    #expect(second.type == .objectionType1 && second.decision == .withdrawn && !second.hasDay)
    #expect(try list.next() == nil)
  }

  @Test(arguments: [
    ("9990000018,2,dissent,\n999000001,2,dissent,\n", "row 3, column nhs_number: is not an NHS number"),
    ("999000001X,2,dissent,\n", "row 2, column nhs_number: is not an NHS number"),
    (",2,dissent,\n", "row 2, column nhs_number: is empty"),
    ("9990000018,3,dissent,\n", "row 2, column type: is not one of 1, 2"),
    ("9990000018,2,yes,\n", "row 2, column decision: is not one of dissent, withdrawn"),
    ("9990000018,2,dissent,soon\n", "row 2, column date: is not a date of the form YYYY-MM-DD"),
  ]) func `a faulty list gives nothing`(rows: String, expected: String) {
    #expect(errorLine(fixture) { _ = try list(rows) } == "objections.csv, " + expected)
  }
}
