import Testing

@testable import caredata

/// Files that once ended the program, or could have.
struct HostileFileTests {
  private let fixture = ExtractFixture()

  private func read(nhsNumber: String) throws -> [Int] {
    fixture.write("events.csv", GPExtract.eventColumns.joined(separator: ",") + "\n")
    fixture.write(
      "patients.csv", GPExtract.patientColumns.joined(separator: ",") + "\nP,\(nhsNumber),,,,,,\n")
    let reader = try ExtractReader(source: .gp, organisation: "A81001", path: fixture.folder)
    return try reader.all().map(\.nhsNumber.utf8.count)
  }

  @Test func `a value as long as a row may be is read, and a longer one is a fault of the row`() throws {
    #expect(try read(nhsNumber: String(repeating: "x", count: 65_534)) == [65_534])
    for count in [65_535, 65_536, 65_537] {
      let line = errorLine(fixture) { _ = try read(nhsNumber: String(repeating: "x", count: count)) }
      #expect(line == "patients.csv, row 2: the row is longer than 65535 bytes; is a quote left open?")
    }
  }
  @Test func `where the line end of the header is lost, no value passes for the name of a column`() {
    let events = GPExtract.eventColumns.joined(separator: ",")
    let patients = GPExtract.patientColumns.joined(separator: ",")
    func line(patients: String, events: String) -> String? {
      fixture.write("patients.csv", patients)
      fixture.write("events.csv", events)
      return errorLine(fixture) { _ = try ExtractReader(source: .gp, organisation: "A81001", path: fixture.folder) }
    }
    #expect(
      line(patients: "\(patients)John Smith,9990000018,,,,,,\n", events: "\(events)\n")
        == "patients.csv, row 1: missing column registered_to")
    #expect(
      line(patients: "\(patients)\nJohn Smith,,,,,,,\n", events: "\(events),encounterJohn Smith,,,,,,\n")
        == "events.csv, row 1, column number 7: unknown column")
  }
}
