import Foundation
import Specification
import Testing

@testable import Datasets

@Suite struct DefinitionFaultsTests {
  /// A folder with the shipped shared files and one definition.
  private static func faults(_ changes: [(String, String)], shared: [(file: String, old: String, new: String)] = [])
    throws
    -> [String]
  {
    let files = FileManager.default
    let folder = files.temporaryDirectory.appending(path: "caredata-definitions-\(UUID().uuidString)").path
    try files.createDirectory(atPath: "\(folder)/datasets", withIntermediateDirectories: true)
    defer { try? files.removeItem(atPath: folder) }
    try files.copyItem(atPath: "\(Places.package)/compose/specification", toPath: "\(folder)/specification")
    try files.copyItem(atPath: "\(Places.datasets)/shared", toPath: "\(folder)/datasets/shared")
    for change in shared {
      let path = "\(folder)/datasets/shared/\(change.file)"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      try #require(text.contains(change.old))
      try text.replacing(change.old, with: change.new, maxReplacements: 1).write(
        toFile: path, atomically: true, encoding: .utf8)
    }
    var text = try String(contentsOfFile: "\(Places.datasets)/emergency-readmissions.yaml", encoding: .utf8)
    for (old, new) in changes {
      try #require(text.contains(old), "\(old)")
      text = text.replacing(old, with: new, maxReplacements: 1)
    }
    try text.write(toFile: "\(folder)/datasets/readmissions.yaml", atomically: true, encoding: .utf8)
    do throws(SpecificationFaults) {
      _ = try DatasetFolder.load(directory: "\(folder)/datasets")
      return []
    } catch {
      return error.faults.map { "\($0)".replacing("\(folder)/datasets/", with: "") }
    }
  }

  @Test func `a definition without fault has none`() throws { #expect(try Self.faults([]) == []) }

  @Test func `all faults are named at once, with line and hint`() throws {
    let faults = try Self.faults([
      ("title: ", "titel: "), ("population: registered", "population: everybody"), ("months: 12", "months: 0"),
      ("within_days: 30", "within_days: soon"), ("levels: [practice, sub_icb, icb]", "levels: [practice, icb]"),
      ("{count: followed,", "{count: followers,"), ("disclosure: midpoint6", "disclosure: none"),
    ])
    #expect(
      faults == [
        "readmissions.yaml, line 2: 'titel' is not known; known are title, purpose, recipients, legal_basis, class, "
          + "exclusions, minimum_rank, grain, months, population, dimensions, age_bands, split, tally, events, linkage, "
          + "columns, levels, totals, disclosure",
        "readmissions.yaml, line 2: title is missing",
        "readmissions.yaml, line 8: months: '0' is not a whole number from 1 to 120",
        "readmissions.yaml, line 9: population: 'everybody' is not known; known are registered, known",
        "readmissions.yaml, line 16: events.followed_by.within_days: 'soon' is not a whole number from 0 to 366",
        "readmissions.yaml, line 17: levels: every level but the last is asked for, in order; [practice, sub_icb, icb]",
        "readmissions.yaml, line 20: columns.readmitted.count: 'followers' is not known; known are population, members, "
          + "events, people, followed, followed_people",
        "readmissions.yaml, line 21: columns.per_1000.rate: 'readmitted' is not known; known are discharges",
        "readmissions.yaml, line 22: disclosure: 'none' is not known; known are hes, midpoint6 and "
          + "{cell_key: TABLE.csv, threshold: 10}",
      ])
  }

  @Test(arguments: [
    ("dimensions: [practice, month]", "dimensions: [practice]", "dimensions: 'month' is declared and missing here"),
    ("  day: discharge\n", "", "events.followed_by: days count from discharge; day: discharge"),
    ("grain: month", "grain: week", "grain: 'week' is not known; known are snapshot, month, quarter, year"),
    (
      "    spells: {", "    dentists: {",
      "events.followed_by: one kind of event is expected; one of spells, contacts, entries"
    ),
    (", per: 1000,", ", per: none,", "columns.per_1000.per: 'none' is not a whole number from 1 to 1000000"),
    ("dimensions: [practice, month]", "dimensions: [month]", "levels asks for the dimension practice"),
    (
      "disclosure: midpoint6", "disclosure: {cell_key: none.csv, threshold: 10}",
      "none.csv cannot be read; files are looked for below"
    ),
    ("disclosure: midpoint6", "totals: [month]\ndisclosure: midpoint6", "totals: 'month' is not known"),
  ]) func `what cannot be counted is refused`(old: String, new: String, fault: String) throws {
    let faults = try Self.faults([(old, new)])
    #expect(faults.contains { $0.contains(fault) }, "\(faults)")
  }

  @Test(arguments: [
    ("cohorts.yaml", "when: last_12_months", "when: lately", "cohorts.smoking-recorded.when: 'lately' is not known"),
    (
      "cohorts.yaml", "any_of: [asthma, copd]", "any_of: [asthma, respiratory]",
      "cohort 'respiratory' is made of itself"
    ),
    (
      "cohorts.yaml", "    at_least: 2\n", "    at_least: 9\n",
      "cohorts.multimorbid.at_least: '9' is not a whole number"
    ),
    ("cohorts.yaml", "    missing: area", "    missing: teeth", "cohorts.no-area.missing: 'teeth' is not known"),
    ("cohorts.yaml", "    seen_in: hospital", "    seen_in: hospital\n    missing: sex", "says in several ways"),
    (
      "cohorts.yaml", "    resolved: {lists", "    resolved: {list",
      "'list' is not known in cohorts.diabetes-register.resolved"
    ),
    ("diagnoses.yaml", "primary: [J45, J46]", "primary: [J4%, J46]", "'J4%' has a character that no icd10 code has"),
    ("organisations.csv", "16C,QHM,2022-07-01,", "16C,QHM,2022-07-01,2020-01-01", "'2020-01-01' is no last day"),
    (
      "organisations.csv", "16C,QHM,2022-07-01,", "16C,QHM,2022-07-01,\n16C,QWO,2023-01-01,",
      "has two parents at one time"
    ),
  ]) func `faults of what definitions share are named where they stand`(
    file: String, old: String, new: String, fault: String
  ) throws {
    let faults = try Self.faults([], shared: [(file, old, new)])
    #expect(faults.contains { $0.contains("shared/\(file), line") && $0.contains(fault) }, "\(faults)")
  }
}
