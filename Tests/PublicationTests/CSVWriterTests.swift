import Testing

@testable import Publication

@Suite struct CSVWriterTests {
  @Test func `fields with commas, quotes and line ends are quoted and nothing else`() {
    var writer = CSVWriter()
    writer.row(["plain", "a,b", "say \"no\"", "two\nlines", "", "é *"])
    #expect(String(decoding: writer.bytes, as: UTF8.self) == "plain,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",,é *\n")
  }

  @Test func `a table is its header and its rows`() {
    let table = DatasetTable(
      columns: Measure.emergencyAdmissions.columns,
      rows: [
        DatasetRow(dimensions: ["2026-10", "copd", "with"], counts: [.count(20), .count(15)], status: .ok),
        DatasetRow(
          dimensions: ["2026-10", "copd", "without"], counts: [.suppressed, .suppressed], status: .suppressed),
      ])
    #expect(
      String(decoding: table.csv, as: UTF8.self) == """
        month,condition,gp_record,spells,people,status
        2026-10,copd,with,20,15,ok
        2026-10,copd,without,*,*,suppressed

        """)
  }

  @Test func `a row for the topic holds counts as numbers and hidden ones as text`() throws {
    let row = DatasetRow(
      dimensions: ["2026-10", "copd", "with"], counts: [.count(20), .suppressed], status: .suppressed)
    let json = try ReleaseTopics.json(row, columns: Measure.emergencyAdmissions.columns, release: "0123456789abcdef")
    let expected =
      #"{"condition":"copd","gp_record":"with","month":"2026-10","people":"*","#
      + #""release":"0123456789abcdef","spells":20,"status":"suppressed"}"#
    #expect(String(decoding: json, as: UTF8.self) == expected)
    #expect(row.cellKey == "2026-10|copd|with")
  }
}
