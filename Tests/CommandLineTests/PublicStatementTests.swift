import Clinical
import Contracts
import Foundation
import Specification
import Testing

@testable import caredata

@Suite struct PublicStatementTests {
  private static let shipped = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../compose/specification").standardizedFileURL.path
  private let fixture = ExtractFixture()
  private let day = CalendarDate(iso: "2026-10-15")!

  /// Of the shipped rules, some of them changed.
  private func text(
    _ changes: [(file: String, old: String, new: String)] = [], _ environment: [String: String] = [:],
    on day: CalendarDate? = nil
  ) async throws -> String {
    let folder = "\(fixture.folder)/\(UUID().uuidString)"
    try FileManager.default.copyItem(atPath: Self.shipped, toPath: folder)
    for change in changes {
      let path = "\(folder)/\(change.file)"
      let before = try String(contentsOfFile: path, encoding: .utf8)
      try #require(before.contains(change.old))
      try before.replacingOccurrences(of: change.old, with: change.new).write(
        toFile: path, atomically: true, encoding: .utf8)
    }
    return try await StatementCommand.statement(
      try Specifications.load(directory: folder), nil, environment, on: day ?? self.day
    ).text
  }

  @Test func `the statement names sources, fields, sets with counts, what is left out, and each objection's effect`()
    async throws
  {
    let text = try await text()
    for part in [
      "From general practices, once a month:", "From hospitals, once a month:", "From community services",
      "- about you: NHS number, date of birth, sex, postcode, ethnic category, day of registration and day the",
      "- entries on Diabetes: 9 codes;", "- nothing dated before 1995-01-01.",
      "- nothing dated more than 24 months before the month collected.", "- every diagnosis of a stay (ICD-10);",
      "- Human Fertilisation and Embryology Act 2008 (illustrative): 9 codes; the law restricts them",
      "told its patients 56 days before", "9Nu0. in Read v2, XaZ89 in CTV3 and 827241000000103 in SNOMED CT",
      "What hospitals and community services send is not covered.", "To be on the national list",
      "- Of an objection and its withdrawal on the same day the objection counts.",
      "- An objection without a date counts whatever else is recorded.",
      "When it is older than 7 days, or there is none",
      "what left, when, and why not",
    ] { #expect(text.contains(part), "\(part)") }
  }

  @Test(arguments: [
    ("2.yaml", "title: Diabetes\n", "title: Sugar disease\n", "- entries on Sugar disease: 9 codes;"),
    (
      "2.yaml", "      postcode: required\n      ethnic_category: optional\n      registered_from",
      "      ethnic_category: optional\n      registered_from",
      "NHS number, date of birth, sex, ethnic category, day of registration"
    ),
    ("2.yaml", "{months: 24}", "{months: 36}", "more than 36 months before"),
    (
      "2.yaml", "systems: [icd10, opcs4, admission_method, discharge_method]", "systems: [icd10]",
      "- every diagnosis of a stay (ICD-10);\n- nothing"
    ),
    (
      "exclusions.yaml", "title: Marital status", "title: Whether you are married",
      "- Whether you are married (illustrative): "
    ),
  ]) func `a change of the specification changes the statement`(
    file: String, old: String, new: String, expected: String
  ) async throws {
    #expect(try await !text().contains(expected))
    #expect(try await text([(file, old, new)]).contains(expected))
  }

  @Test func `an exclusion list that is not in force yet is not named`() async throws {
    let early = try await text(on: CalendarDate(iso: "2010-01-01"))
    #expect(!early.contains("Marital status") && early.contains("Human Fertilisation"))
  }

  @Test func `the notice period and the age of the list are those configured`() async throws {
    let text = try await text(
      [], ["CAREDATA_PRACTICES_NOTICE_DAYS": "90", "CAREDATA_NATIONAL_LIST_DAYS": "3"])
    #expect(text.contains("told its patients 90 days before") && text.contains("older than 3 days, or there is none"))
    let without = try await self.text([], ["CAREDATA_NATIONAL_LIST_DAYS": "off"])
    #expect(without.contains("This installation does not use the national list"))
    #expect(!without.contains("To be on the national list"))
  }
}
