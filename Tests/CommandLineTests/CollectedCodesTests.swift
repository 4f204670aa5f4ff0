import Clinical
import Contracts
import Foundation
import Specification
import Testing

@testable import caredata

/// The region is for trying out the shipped specification: what it writes is collected.
@Suite struct CollectedCodesTests {
  private func version() throws -> (ExtractSpecification, ExclusionRules) {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../compose/specification").standardizedFileURL.path
    let specifications = try Specifications.load(directory: folder)
    let version = try #require(specifications.newest(for: SyntheticPopulation.period))
    return (
      version,
      specifications.exclusions.rules(for: version.exclusionPurpose, on: SyntheticPopulation.period.first)
    )
  }

  @Test(arguments: [GPCodeSystem.read2, .ctv3, .snomed])
  func `every condition and process code of the region is in a reference set`(own: GPCodeSystem) throws {
    let gp = try #require(try version().0.sources[.gp])
    let system = try #require(ClinicalCode.System(name: own.rawValue))
    let codes = SyntheticCondition.allCases.flatMap { $0.codes(own) } + SyntheticProcess.all.map { $0.code(own) }
    for code in codes { #expect(gp.codes.contains(try ClinicalCode(system: system, normalising: code)), "\(code)") }
  }

  @Test func `every entry of the region is collected, within the look-back, and excluded by nothing`() throws {
    let (version, exclusions) = try version()
    var entries = 0
    for (source, record) in try SharedRegion.records.get() {
      let specified = try #require(version.sources[source.contract])
      let earliest = specified.lookBack.earliest(SyntheticPopulation.period).day
      for entry in record.entries {
        if entry.hasDay { #expect(entry.day >= earliest) }
        guard let system = ClinicalCode.System(rawValue: entry.system.rawValue) else {
          #expect(specified.codes.systems.contains(entry.system))
          continue
        }
        let code = try ClinicalCode(system: system, normalising: entry.code)
        if ObjectionCode.decision(code) != nil { continue }
        entries += 1
        #expect(specified.codes.contains(code), "\(source) \(code)")
        #expect(exclusions.verdict(code) == nil, "\(source) \(code)")
      }
    }
    #expect(entries > 1000)
  }
}
