import Clinical
import Contracts
import Foundation
import Testing

@testable import Publication
@testable import Specification

/// What the project ships in compose/specification.
@Suite struct ShippedSpecificationTests {
  private func shipped() throws -> Specifications { try Specifications.load(directory: Places.specification) }

  @Test func `it is without fault`() throws {
    let specifications = try shipped()
    let version = try #require(specifications.versions["1"])
    #expect(version.effectiveFrom == Period("2026-01"))
    #expect(version.schedule.dueByDay == 14)
    #expect(Set(version.sources.keys) == [.gp, .hospital, .community])
    #expect(version.digest.utf8.count == 64)
    let gp = try #require(version.sources[.gp])
    #expect(gp.coverage == [.snapshot, .increment])
    #expect(gp.lookBack == .since(try #require(CalendarDate(iso: "1995-01-01"))))
    #expect(gp.codes.referenceSets.count == 10)
    #expect(version.sources[.hospital]?.lookBack == .months(24))
    #expect(version.sources[.hospital]?.codes.systems == [.icd10, .opcs4, .admissionMethod])
    #expect(version.sources[.community]?.lookBack == .months(12))
    #expect(version.sources[.community]?.codes.systems == [.communityTeam])
    #expect(Set(specifications.titles["1"]?.keys ?? [:].keys) == Set(gp.codes.referenceSets.keys))
  }

  @Test func `no reference set has a code that is excluded, or an objection`() throws {
    let specifications = try shipped()
    let version = try #require(specifications.versions["1"])
    let day = version.effectiveFrom.first
    let rules = specifications.exclusions.rules(for: version.exclusionPurpose, on: day)
    #expect(rules.names.count == 12)
    for set in try #require(version.sources[.gp]).codes.referenceSets.values {
      for code in set.codes {
        #expect(rules.verdict(code) == nil, "\(code)")
        #expect(ObjectionCode.decision(code) == nil, "\(code)")
      }
    }
  }

  @Test(arguments: [
    ("icd10", "B204", false), ("icd10", "Z312", true), ("opcs4", "Q131", true), ("ctv3", "Xaapx", false),
    ("read2", "66j0.", false), ("snomed", "105568001", false), ("icd10", "F640", false),
  ]) func `sensitive codes are excluded at collection and for commissioning`(
    system: String, text: String, statutory: Bool
  ) throws {
    let exclusions = try shipped().exclusions
    let code = try ClinicalCode(system: try #require(ClinicalCode.System(name: system)), normalising: text)
    let day = try #require(CalendarDate(iso: "2026-10-01"))
    for purpose in ["collection", "commissioning"] {
      #expect(exclusions.rules(for: purpose, on: day).verdict(code) == (statutory ? .statutory : .excluded))
    }
  }
}
