import Clinical
import Contracts
import Testing

@testable import caredata

@Suite struct GPExtractTests {
  private let fixture = ExtractFixture()
  private static let patientHeader = GPExtract.patientColumns.joined(separator: ",") + "\n"
  private static let eventHeader = GPExtract.eventColumns.joined(separator: ",") + "\n"

  private func write(patients: String, events: String) {
    fixture.write("patients.csv", Self.patientHeader + patients)
    fixture.write("events.csv", Self.eventHeader + events)
  }

  private func reader(_ dates: ExtractDateFormat = .iso, memory: Int = 1 << 20) throws -> ExtractReader {
    try ExtractReader(
      source: .gp, organisation: "A81001", path: fixture.folder, dates: dates,
      resources: SortResources(memory: memory, temporaryDirectory: fixture.folder))
  }

  private func line(_ dates: ExtractDateFormat = .iso) -> String? { errorLine(fixture) { _ = try reader(dates) } }

  private func day(_ iso: String) throws -> Int32 { try #require(CalendarDate(iso: iso)).day }

  @Test func `rows that lie anywhere become one record per patient in the order of the references`() throws {
    write(
      patients: """
        P2,9990000026,1950-03-01,2,LX1 1AA,A,2001-01-01,
        P1,9990000018,1940-02-03,1,LX2 2BB,C,1999-12-31,2026-09-30

        """.replacingOccurrences(of: "\n\n", with: "\n"),
      events: """
        P1,2026-01-02,read2,C10F.,,
        P2,2026-01-03,snomed,195967001,,
        P1,2026-01-04,ctv3,2469.,138.5,mmHg
        """)
    let reader = try reader()
    let records = try reader.all()
    #expect(records.map(\.patientRef) == ["P1", "P2"])
    let first = records[0]
    #expect(first.nhsNumber == "9990000018")
    #expect(first.dateOfBirth == "1940-02-03")
    #expect(first.sex == "1")
    #expect(first.postcode == "LX2 2BB")
    #expect(first.ethnicCategory == "C")
    #expect(first.practice == "A81001")
    #expect(first.registeredFrom == "1999-12-31")
    #expect(first.registeredTo == "2026-09-30")
    var pressure = Entry(.ctv3, "2469.", day: CalendarDate(iso: "2026-01-04"))
    pressure.value = 138.5
    pressure.unit = "mmHg"
    #expect(first.entries == [Entry(.read2, "C10F.", day: CalendarDate(iso: "2026-01-02")), pressure])
    #expect(records[1].entries.map(\.code) == ["195967001"])
    #expect(records[1].entries[0].day == (try day("2026-01-03")))
    #expect(reader.summary == ExtractSummary(rows: 5, patients: 2, entries: 3))
  }

  @Test func `british dates are read as declared and travel as ISO`() throws {
    write(patients: "P1,,03/04/1950,1,,,01/12/2000,\n", events: "P1,31/01/2026,read2,H33..,,\n")
    let record = try #require(try reader(.british).all().first)
    #expect(record.dateOfBirth == "1950-04-03")
    #expect(record.registeredFrom == "2000-12-01")
    #expect(record.entries[0].day == (try day("2026-01-31")))
  }

  @Test func `faults of the data travel for ingestion to judge`() throws {
    write(patients: "P1,9990000019,,X,ZZ99 3VZ,,,\nP2,,,,,,,\n", events: "P1,,read2,9Nu0,,\nP1,,read2,,,\n")
    let records = try reader().all()
    #expect(records.map(\.nhsNumber) == ["9990000019", ""])
    #expect(records[0].dateOfBirth.isEmpty)
    #expect(records[0].entries.map(\.hasDay) == [false, false])
    #expect(records[0].entries.map(\.code) == ["9Nu0", ""])
    #expect(records[1].entries.isEmpty)
  }

  @Test func `rows of one consultation share an encounter`() throws {
    fixture.write("patients.csv", Self.patientHeader + "P1,,,,,,,\n")
    fixture.write(
      "events.csv",
      """
      encounter,patient_ref,date,code_system,code,value,unit
      7,P1,2026-01-01,read2,H33..,,
      ,P1,2026-01-02,read2,C10F.,,
      7,P1,2026-01-01,read2,2469.,138,mmHg
      """)
    let entries = try #require(try reader().all().first).entries
    #expect(entries.map(\.encounter) == [7, 0, 7])
    #expect(entries[2].value == 138)
  }

  @Test(arguments: ["0", "x", "-1", "1234567890", "1.5"])
  func `an encounter is a whole number or empty`(encounter: String) {
    fixture.write("patients.csv", Self.patientHeader + "P1,,,,,,,\n")
    fixture.write(
      "events.csv", "patient_ref,date,code_system,code,value,unit,encounter\nP1,,read2,H33..,,,\(encounter)\n")
    #expect(
      line() == "events.csv, row 2, column encounter: is not a whole number from 1 to 999999999")
  }

  @Test func `text of a value or unit never travels`() throws {
    write(
      patients: "P1,,,,,,,\n",
      events: """
        P1,2026-01-01,read2,22K..,see letter 9990000018,kg/m2
        P1,2026-01-01,read2,22K..,27.1,Mrs Smith
        P1,2026-01-01,read2,22K..,9990000018,
        P1,2026-01-01,read2,22K..,,kg/m2
        """)
    let reader = try reader()
    let entries = try #require(reader.all().first).entries
    #expect(entries.map(\.hasValue) == [false, true, false, false])
    #expect(entries.map(\.unit) == ["", "", "", ""])
    #expect(reader.summary.findings == ["value_not_numeric": 2, "unit_not_listed": 1])
  }

  @Test func `a record too large is counted and not given`() throws {
    let events = (0..<36_000).map { "P2,2026-01-01,read2,2469.,\(100 + $0 % 50),mmHg\n" }.joined()
    write(patients: "P1,,,,,,,\nP2,,,,,,,\nP3,,,,,,,\n", events: events + "P3,2026-01-01,read2,H33..,,\n")
    let reader = try reader()
    #expect(try reader.all().map(\.patientRef) == ["P1", "P3"])
    #expect(
      reader.summary == ExtractSummary(rows: 36_004, patients: 3, entries: 1, rejected: ["record_too_large": 1]))
    #expect(reader.summary.records == 2)
  }

  @Test func `any memory gives the same records`() throws {
    var random = SplitMix64(seed: 5)
    let patients = (0..<300).map { "P\($0),999\($0),1950-01-01,1,,,,\n" }
    let events = (0..<3000).map { "P\(random.below(300)),2026-01-0\(1 + $0 % 9),read2,C\($0),\($0),\n" }
    write(patients: patients.joined(), events: events.joined())
    let expected = try reader(memory: 1 << 24).all()
    #expect(expected.count == 300)
    for memory in [1024, 10_000] { #expect(try reader(memory: memory).all() == expected) }
    #expect(fixture.contents() == ["events.csv", "patients.csv"])
  }

  @Test(arguments: [
    ("P1,,1950-02-30,1,,,,\n", "", "patients.csv, row 2, column date_of_birth: is not a date of the form YYYY-MM-DD"),
    ("P1,,01/02/1950,1,,,,\n", "", "patients.csv, row 2, column date_of_birth: is not a date of the form YYYY-MM-DD"),
    ("P1,,,,,,2026,\n", "", "patients.csv, row 2, column registered_from: is not a date of the form YYYY-MM-DD"),
    ("P1,,,,,,,\n,,,,,,,\n", "", "patients.csv, row 3, column patient_ref: is empty"),
    (
      "P1,,,,,,,\nP2,,,,,,,\nP1,,,,,,,\n", "",
      "patients.csv, row 4, column patient_ref: the patient is already in row 2"
    ),
    ("P1,,,\n", "", "patients.csv, row 2: has 4 values where the header has 8"),
    ("", "", "patients.csv: has no rows after the header"),
    ("P1,,,,,,,\n", "P1,2026,read2,H33..,,\n", "events.csv, row 2, column date: is not a date of the form YYYY-MM-DD"),
    (
      "P1,,,,,,,\n", "P1,,read2,H33..,,\nP1,,Read2,H33..,,\n",
      "events.csv, row 3, column code_system: is not one of read2, ctv3, snomed"
    ),
    ("P1,,,,,,,\n", "P1,,,H33..,,\n", "events.csv, row 2, column code_system: is not one of read2, ctv3, snomed"),
    ("P1,,,,,,,\n", " ,,read2,H33..,,\n", "events.csv, row 2, column patient_ref: is empty"),
    (
      "P5,,,,,,,\n", "P5,,read2,H33..,,\nP9,,read2,H33..,,\nP1,,read2,H33..,,\nP9,,read2,H33..,,\n",
      "events.csv, row 3, column patient_ref: the patient is not in patients.csv"
    ),
  ]) func `a structural fault is one line with file, row and column`(patients: String, events: String, expected: String)
  {
    write(patients: patients, events: events)
    #expect(line() == expected)
  }

  @Test func `the header must have every column and no other`() {
    write(patients: "P1,,,,,,,\n", events: "")
    fixture.write("events.csv", "patient_ref,date,code,value,code_system,unit,consultant\n")
    #expect(line() == "events.csv, row 1, column consultant: unknown column")
    for header in ["patient_ref,date,code,value\n", "patient_ref,date,code,value,consultant\n"] {
      fixture.write("events.csv", header)
      #expect(line() == "events.csv, row 1: missing columns code_system, unit")
    }
    fixture.write("events.csv", "patient_ref,date,code,value,code_system,unit,date\n")
    #expect(line() == "events.csv, row 1, column date: the column is there twice")
    fixture.write("events.csv", "patient_ref,date,code,value,code_system,unit,\n")
    #expect(line() == "events.csv, row 1, column (without a name): unknown column")
    fixture.write("events.csv", "")
    #expect(line() == "events.csv: the file is empty; a header row is expected")
    fixture.write("events.csv", "unit,value,code,code_system,date,patient_ref\n,,H33..,ctv3,,P1\n")
    #expect(line() == nil)
  }

  @Test func `a first row that is data is not repeated`() {
    fixture.write("patients.csv", "P1,9990000018,1940-02-03,1,LX2 2BB,C,1999-12-31,\n")
    fixture.write("events.csv", Self.eventHeader)
    #expect(
      line() == "patients.csv, row 1: is not the header: none of the expected columns is in it "
        + "(patient_ref, nhs_number, date_of_birth, …)")
  }

  @Test func `the path must be a folder with both files`() {
    write(patients: "P1,,,,,,,\n", events: "")
    let file = fixture.folder + "/patients.csv"
    #expect(
      errorLine(fixture) { _ = try ExtractReader(source: .gp, organisation: "A81001", path: file) }
        == "patients.csv: is not a folder; a GP extract is a folder with patients.csv and events.csv")
    #expect(
      errorLine(fixture) { _ = try ExtractReader(source: .gp, organisation: "A81001", path: fixture.folder + "/none") }
        == "none/patients.csv: cannot be read: No such file or directory")
  }
}
