import Clinical
import Contracts
import Testing

@testable import Specification

@Suite struct SpecificationDifferenceTests {
  private let fixture = SpecificationFixture()
  private typealias Change = SpecificationDifference.Change

  private func difference(_ changes: [(String, String)], lists: [(String, String)] = []) throws
    -> SpecificationDifference
  {
    var second = SpecificationFolderTests.version
    for (old, new) in [("\"1\"", "2"), ("2026-01\n", "2026-06\n")] + changes {
      second = second.replacingOccurrences(of: old, with: new)
    }
    fixture.write("1.yaml", SpecificationFolderTests.version)
    fixture.write("2.yaml", second)
    fixture.write("exclusions.yaml", SpecificationFolderTests.exclusions)
    fixture.write("lists/diabetes.csv", "code,term,system\nC10..,Diabetes,read2\n73211009,Diabetes,snomed\n")
    fixture.write("lists/hiv.csv", "code,term\nB20,HIV\n")
    for (name, text) in lists { fixture.write(name, text) }
    let specifications = try Specifications.load(directory: fixture.folder)
    return SpecificationDifference(
      from: try #require(specifications.versions["1"]), to: try #require(specifications.versions["2"]),
      exclusions: specifications.exclusions)
  }

  @Test func `a version differs from itself in nothing`() throws {
    _ = try difference([])
    let specifications = try Specifications.load(directory: fixture.folder)
    let version = try #require(specifications.versions["1"])
    #expect(SpecificationDifference(from: version, to: version, exclusions: specifications.exclusions).isEmpty)
  }

  @Test func `fields, severities, look-back, day, systems and sources are compared`() throws {
    let difference = try difference([
      ("postcode: optional", "sex: required"), ("nhs_number: required", "nhs_number: mandatory"),
      ("{months: 24}", "{since: 2020-01-01}"), ("due_by_day: 14", "due_by_day: 7"),
      ("[icd10, admission_method]", "[icd10, opcs4]"), ("entry_date: mandatory", "entry_date: optional"),
      ("[snapshot, increment]", "[snapshot]"),
    ])
    #expect(
      difference.changes == [
        Change(subject: "effective from", before: "2026-01", after: "2026-06"),
        Change(subject: "due by day", before: "14", after: "7"),
        Change(subject: "gp coverage", before: "snapshot, increment", after: "snapshot"),
        Change(subject: "gp field nhs_number", before: "required", after: "mandatory"),
        Change(subject: "gp field sex", before: nil, after: "required"),
        Change(subject: "gp field postcode", before: "optional", after: nil),
        Change(subject: "hospital look-back", before: "24 months", after: "since 2020-01-01"),
        Change(subject: "hospital entry date", before: "mandatory", after: "optional"),
        Change(subject: "hospital system opcs4", before: nil, after: "collected"),
        Change(subject: "hospital system admission_method", before: "collected", after: nil),
      ])
    #expect(difference.codes.isEmpty)
  }

  @Test func `codes are compared per set`() throws {
    let difference = try difference(
      [("{file: lists/diabetes.csv}", "{file: lists/second.csv}")],
      lists: [("lists/second.csv", "code,system\nC10E.,read2\nC10..,ctv3\n73211009,snomed\n")])
    #expect(difference.changes.map(\.subject) == ["effective from"])
    let codes = try #require(difference.codes.first)
    #expect(codes.subject == "gp diabetes")
    #expect(codes.added.map(\.description) == ["read2 C10E.", "ctv3 C10.."])
    #expect(codes.removed.map(\.description) == ["read2 C10.."])
    #expect(difference.codes.count == 1)
  }

  @Test func `exclusion lists are compared as they are in force when each version takes effect`() throws {
    _ = try difference([])
    let uses = "uses: [{purpose: collection, from: 2026-02-01}]"
    fixture.write(
      "exclusions.yaml",
      "exclusions:\n  hiv: {title: HIV, statutory: true, lists: [{file: lists/hiv.csv, system: icd10}], \(uses)}\n")
    let specifications = try Specifications.load(directory: fixture.folder)
    let difference = SpecificationDifference(
      from: try #require(specifications.versions["1"]), to: try #require(specifications.versions["2"]),
      exclusions: specifications.exclusions)
    #expect(difference.changes.last == Change(subject: "exclusion hiv", before: nil, after: "in force, statutory"))
    #expect(difference.codes.map(\.added.first?.description) == ["icd10 B20"])
  }
}
