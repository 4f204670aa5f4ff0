import Clinical
import Specification
import Testing

@testable import Datasets

@Suite struct CollectedCodesTests {
  private static func codes(_ cohort: Cohort) -> [CodeSet] {
    switch cohort.rule {
    case .recorded(let recording): [recording.codes, recording.resolved]
    case .combined(_, let members, let others): (members + others).flatMap(codes)
    case .missing, .seen, .implausible: []
    }
  }

  @Test func `every code that a shipped dataset counts is collected`() throws {
    let folder = try DatasetFolder.load(directory: Places.datasets)
    let specifications = try Specifications.load(directory: "\(Places.package)/compose/specification")
    let newest = try #require(specifications.newest(for: Period("2026-10")!))
    let gp = try #require(newest.sources[.gp])
    #expect(DatasetCheck.uncollected(folder, specifications).isEmpty)
    var sets = folder.library.cohorts.values.flatMap(Self.codes)
    for definition in folder.definitions {
      if case .codes(let groups) = definition.split?.values { sets += groups.map(\.codes) }
    }
    #expect(sets.count > 10)
    for code in sets.flatMap(\.codes) { #expect(gp.codes.contains(code), "\(code)") }
    for system in ["icd10", "opcs4", "admission_method", "discharge_method"] {
      #expect(newest.sources[.hospital]?.codes.systems.contains { $0.name == system } ?? false)
    }
    #expect(newest.sources[.community]?.codes.systems == [.communityTeam])
  }
}
