import ArgumentParser
import Clinical
import Foundation
import Specification
import Testing

@testable import caredata

@Suite struct SpecificationCommandTests {
  private static let shipped = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../compose/specification").standardizedFileURL.path
  private let fixture = ExtractFixture()
  private let day = CalendarDate(iso: "2026-10-15")!

  private func specifications() throws -> Specifications { try Specifications.load(directory: Self.shipped) }

  /// The shipped version and one after it.
  private func two() throws -> Specifications {
    let files = FileManager.default
    for name in try files.contentsOfDirectory(atPath: Self.shipped) {
      try files.copyItem(atPath: "\(Self.shipped)/\(name)", toPath: "\(fixture.folder)/\(name)")
    }
    var second = try String(contentsOfFile: "\(Self.shipped)/1.yaml", encoding: .utf8)
    for (old, new) in [
      ("\"1\"", "\"2\""), ("from: 2026-01", "from: 2027-01"), ("due_by_day: 14", "due_by_day: 10"),
      ("{file: lists/copd.csv}", "{file: lists/copd.csv}, {file: more.csv, system: snomed}"),
      ("months: 24", "months: 36"),
    ] { second = second.replacingOccurrences(of: old, with: new) }
    fixture.write("2.yaml", second)
    fixture.write("more.csv", "code,term\n313297008,Moderate chronic obstructive lung disease\n")
    return try Specifications.load(directory: fixture.folder)
  }

  @Test func `show names sources, severities, look-back, sets with counts, exclusions and the due day`() throws {
    let specifications = try specifications()
    let text = SpecificationReport(specifications, try specifications.version(nil, on: day), on: day).text
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    for line in [
      "version 2: Long-term conditions, prescribing and hospital use", "in force from 2026-10",
      "due by day 14 of the month after the extract's", "coverage snapshot, increment",
      "look-back since 1995-01-01", "nhs_number required", "ethnic_category optional", "practice not collected",
      "date of an entry required", "reference set title read2 ctv3 snomed codes", "diabetes Diabetes 3 3 3 9",
      "look-back 24 months", "every code of icd10, opcs4, admission_method, discharge_method",
      "every code of community_team",
      "left out for purpose collection, as in force on 2026-10-15",
      "exclusion list title law read2 ctv3 snomed icd10 opcs4 codes",
      "hfe-act-2008 Human Fertilisation and Embryology Act 2008 (illustrative) statutory 0 0 2 4 3 9",
      "convictions Convictions (illustrative) 0 0 0 1 0 1",
    ] { #expect(lines.contains(line), "\(line)") }
  }

  @Test func `show as JSON has the same`() throws {
    let specifications = try specifications()
    let report = SpecificationReport(specifications, try specifications.version("1", on: day), on: day)
    let object = try JSONSerialization.jsonObject(with: Data(try SpecificationJSON.text(report).utf8))
    let json = try #require(object as? [String: Any])
    #expect(json["version"] as? String == "1")
    #expect(json["dueByDay"] as? Int == 14)
    #expect((json["digest"] as? String)?.utf8.count == 64)
    let sources = try #require(json["sources"] as? [[String: Any]])
    #expect(sources.compactMap { $0["name"] as? String } == ["gp", "hospital", "community"])
    #expect((sources[0]["fields"] as? [String: String])?["postcode"] == "required")
    let sets = try #require(sources[0]["referenceSets"] as? [[String: Any]])
    #expect(sets.count == 10)
    #expect(sets.first { $0["name"] as? String == "diabetes" }?["codes"] as? Int == 9)
    #expect((json["exclusions"] as? [[String: Any]])?.count == 12)
  }

  @Test func `exclusion lists are shown as of the day`() throws {
    let specifications = try specifications()
    let early = SpecificationReport(
      specifications, try specifications.version("1", on: day), on: CalendarDate(iso: "2010-01-01")!)
    #expect(early.exclusions.map(\.name) == ["hfe-act-2008", "gender-recognition-act-2004"])
  }

  @Test func `without a version the one in force is shown`() throws {
    let two = try two()
    #expect(try two.version(nil, on: day).version == "1")
    #expect(try two.version(nil, on: CalendarDate(iso: "2027-01-01")!).version == "2")
    #expect(try two.version(nil, on: CalendarDate(iso: "2020-01-01")!).version == "1")
    #expect(errorLine(fixture) { _ = try two.version("3", on: day) } == "there is no version '3'; there are 1, 2")
  }

  @Test func `diff names what changes, codes with their terms`() throws {
    let two = try two()
    let report = SpecificationDifferenceReport(
      two, from: try two.version("1", on: day), to: try two.version("2", on: day))
    let expected = """
        what                version 1  version 2
        ──────────────────  ─────────  ─────────
        effective from      2026-01    2027-01
        due by day          14         10
        hospital look-back  24 months  36 months

      gp copd: 1 added, 0 removed
        + snomed 313297008  Moderate chronic obstructive lung disease
      """
    #expect(report.text == expected)
    let back = SpecificationDifferenceReport(
      two, from: try two.version("2", on: day), to: try two.version("2", on: day))
    #expect(back.text == "version 2 collects what version 2 collects")
    #expect(try SpecificationJSON.text(report).contains("\"what\" : \"due by day\""))
  }

  @Test func `check sums up what is fine`() throws {
    let text = SpecificationCheck.text(try two())
    #expect(text.hasSuffix("\nno fault"))
    #expect(text.contains("12 exclusion lists with "))
    #expect(text.contains(", 2 of them statutory"))
  }

  @Test func `check names all faults and ends with exit code 1`() throws {
    fixture.write("1.yaml", "version: \"1\"\n")
    let command = try SpecificationCommand.Check.parse([fixture.folder])
    #expect(throws: ExitCode(1)) { try command.run() }
    do throws(SpecificationFaults) {
      _ = try Specifications.load(directory: fixture.folder)
      Issue.record("the folder is taken")
    } catch {
      #expect(SpecificationCheck.text(error).hasSuffix("/exclusions.yaml: cannot be read\n7 faults"))
    }
  }

  @Test func `the folder is the one given, else the environment's, else the project's`() throws {
    let folder = ProjectFolder.specification
    let named = ["CAREDATA_SPECIFICATION_DIRECTORY": fixture.folder]
    #expect(try folder.locate(Self.shipped, environment: named) == Self.shipped)
    #expect(try folder.locate(nil, environment: named) == URL(fileURLWithPath: fixture.folder).standardizedFileURL.path)
    #expect(try folder.locate(nil, environment: [:]) == Self.shipped)
    #expect(throws: ClientError.self) { try folder.locate(fixture.folder + "/none", environment: [:]) }
  }
}
