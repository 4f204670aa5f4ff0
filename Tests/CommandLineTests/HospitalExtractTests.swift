import Clinical
import Contracts
import Testing

@testable import caredata

@Suite struct HospitalExtractTests {
  private let fixture = ExtractFixture()
  private static let header = HospitalExtract.columns.required.joined(separator: ",")

  private func reader(_ rows: String, codes: String = ",DIAG_01,DIAG_02,OPERTN_01") throws -> ExtractReader {
    let file = fixture.write("episodes.csv", Self.header + codes + "\n" + rows)
    return try ExtractReader(source: .hospital, organisation: "RXA", path: file)
  }

  private func line(_ rows: String, codes: String = ",DIAG_01,DIAG_02,OPERTN_01") -> String? {
    errorLine(fixture) { _ = try reader(rows, codes: codes) }
  }

  private func day(_ iso: String) throws -> Int32 { try #require(CalendarDate(iso: iso)).day }

  @Test func `episodes become encounters in the order of admission, start and EPIORDER`() throws {
    let rows = """
      L1,9990000018,1940-02-03,1,LX1 1AA,A81001,RXA,2026-08-01,2026-08-05,2,2026-08-03,2026-08-05,21,J441,I10,
      L1,9990000018,1940-02-03,1,LX1 1AA,A81001,RXA,2026-06-01,2026-06-01,1,2026-06-01,2026-06-01,11,H269,,C751
      L1,9990000018,1940-02-03,1,LX1 1AA,A81001,RXA,2026-08-01,2026-08-05,1,2026-08-01,2026-08-03,21,R074,,

      """
    let record = try #require(try reader(rows).all().first)
    let entries = record.entries
    #expect(entries.map(\.encounter) == [1, 1, 1, 2, 2, 3, 3, 3])
    #expect(entries.map(\.code) == ["11", "H269", "C751", "21", "R074", "21", "J441", "I10"])
    #expect(
      entries.map(\.system) == [
        .admissionMethod, .icd10, .opcs4, .admissionMethod, .icd10, .admissionMethod, .icd10, .icd10,
      ])
    #expect(entries.map(\.position) == [1, 1, 1, 1, 1, 2, 1, 2])
    #expect(entries[3].day == (try day("2026-08-01")))
    #expect(entries[3].endDay == (try day("2026-08-05")))
    #expect(entries[6].day == (try day("2026-08-03")))
    #expect(!entries[6].hasEndDay)
  }

  @Test func `the patient is as the latest episode says, of equals the last row`() throws {
    let rows = """
      L1,9990000018,1940-02-03,1,LX1 1AA,A81001,RXA,2026-08-01,,1,2026-08-01,,21,,,
      L1,9990000026,1940-02-04,2,LX2 2BB,A81002,RXA,2026-08-01,,2,2026-08-03,,21,,,
      L1,9990000034,1940-02-05,2,LX3 3DD,A81003,RXA,2026-08-03,,1,2026-08-03,,21,,,
      L1,9990000042,1940-02-06,1,LX4 4DD,A81004,RXA,2026-09-01,,1,,,21,,,

      """
    let record = try #require(try reader(rows).all().first)
    #expect(record.nhsNumber == "9990000034")
    #expect(record.dateOfBirth == "1940-02-05")
    #expect(record.sex == "2")
    #expect(record.postcode == "LX3 3DD")
    #expect(record.practice == "A81003")
  }

  @Test func `a diagnosis without an episode start has the day of admission`() throws {
    let rows = "L1,,,,,,RXA,2026-08-01,,1,,,21,J441,,\nL1,,,,,,RXA,,,1,,,21,J440,,\n"
    let entries = try #require(try reader(rows).all().first).entries
    #expect(entries.map(\.code) == ["21", "J440", "21", "J441"])
    #expect(entries.map(\.hasDay) == [false, false, true, true])
    #expect(entries[3].day == (try day("2026-08-01")))
    #expect(entries.allSatisfy { !$0.hasEndDay })
  }

  @Test func `an episode repeated in full counts once, one that differs counts`() throws {
    let row = "L1,,,,,,RXA,2026-08-01,,1,2026-08-01,,21,J441,,\n"
    let reader = try reader(row + "L1,,,,,,RXA,2026-08-01,,1,2026-08-01,,21,J440,,\n" + row)
    #expect(try reader.all()[0].entries.map(\.code) == ["21", "J441", "21", "J440"])
    #expect(reader.summary == ExtractSummary(rows: 3, patients: 1, entries: 4, findings: ["repeated_row": 1]))
  }

  @Test func `code columns may be left out from the end and not in between`() throws {
    let row = "L1,,,,,,RXA,,,1,,,21"
    #expect(try reader(row + "\n", codes: "").all()[0].entries.count == 1)
    let all =
      (1...20).map { ",DIAG_\($0 < 10 ? "0" : "")\($0)" } + (1...24).map { ",OPERTN_\($0 < 10 ? "0" : "")\($0)" }
    let values = (1...44).map { ",X\(100 + $0)" }.joined()
    let entries = try reader(row + values + "\n", codes: all.joined()).all()[0].entries
    #expect(entries.count == 45)
    #expect(entries[20].position == 20 && entries[20].system == .icd10)
    #expect(entries[44].position == 24 && entries[44].system == .opcs4)
    #expect(line("", codes: ",DIAG_01,DIAG_03") == "episodes.csv, row 1: missing column DIAG_02")
    #expect(line("", codes: ",DIAG_21") == "episodes.csv, row 1, column DIAG_21: unknown column")
    #expect(line("", codes: ",DIAG_1") == "episodes.csv, row 1, column DIAG_1: unknown column")
  }

  @Test(arguments: [
    ("L1,,,,,,RXB,,,1,,,21,,,\n", "row 2, column PROCODET: differs from the submitting organisation RXA"),
    ("L1,,,,,,,,,1,,,21,,,\n", "row 2, column PROCODET: differs from the submitting organisation RXA"),
    (",,,,,,RXA,,,1,,,21,,,\n", "row 2, column LOPATID: is empty"),
    ("L1,,,,,,RXA,,,one,,,21,,,\n", "row 2, column EPIORDER: is not a whole number from 1 to 999"),
    ("L1,,,,,,RXA,,,,,,21,,,\n", "row 2, column EPIORDER: is not a whole number from 1 to 999"),
    ("L1,,,,,,RXA,,,0,,,21,,,\n", "row 2, column EPIORDER: is not a whole number from 1 to 999"),
    ("L1,,,,,,RXA,2026-13-01,,1,,,21,,,\n", "row 2, column ADMIDATE: is not a date of the form YYYY-MM-DD"),
    ("L1,,,,,,RXA,,x,1,,,21,,,\n", "row 2, column DISDATE: is not a date of the form YYYY-MM-DD"),
    ("L1,,,,,,RXA,,,1,x,,21,,,\n", "row 2, column EPISTART: is not a date of the form YYYY-MM-DD"),
    ("L1,,,,,,RXA,,,1,,x,21,,,\n", "row 2, column EPIEND: is not a date of the form YYYY-MM-DD"),
    ("L1,,x,,,,RXA,,,1,,,21,,,\n", "row 2, column DOB: is not a date of the form YYYY-MM-DD"),
  ]) func `a structural fault is one line with file, row and column`(rows: String, expected: String) {
    #expect(line(rows) == "episodes.csv, " + expected)
  }

  @Test func `the path may be the folder or the file`() throws {
    _ = try reader("L1,,,,,,RXA,,,1,,,21,,,\n")
    let byFolder = try ExtractReader(source: .hospital, organisation: "RXA", path: fixture.folder + "/")
    #expect(byFolder.summary.patients == 1)
    fixture.write("empty.csv", Self.header + "\n")
    let empty = try ExtractReader(source: .hospital, organisation: "RXA", path: fixture.folder + "/empty.csv")
    #expect(empty.summary == ExtractSummary())
  }
}
