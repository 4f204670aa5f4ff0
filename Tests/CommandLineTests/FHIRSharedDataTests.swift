import Contracts
import Foundation
import Testing

@testable import caredata

/// Files that nobody in this project wrote: `CAREDATA_SHARED_DATA`, else `../shared/data` beside the package.
enum SharedData {
  static let folder: String = {
    if let folder = ProcessInfo.processInfo.environment["CAREDATA_SHARED_DATA"] { return folder }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/data").path
  }()

  static let hasFHIR = FileManager.default.fileExists(atPath: folder + "/fhir")
}

@Suite(.enabled(if: SharedData.hasFHIR, "no FHIR files in CAREDATA_SHARED_DATA or ../shared/data"))
struct FHIRSharedDataTests {
  private func read(_ name: String, source: ExtractSource = .gp, organisation: String = "A20047") throws
    -> ExtractReader
  {
    try ExtractReader(
      source: source, organisation: organisation, path: "\(SharedData.folder)/fhir/\(name)", format: .fhir)
  }

  private struct Expected: Sendable {
    let name: String
    let resources: Int
    let entries: Int
    let encounters: Int
    /// Of what is left out, the codes of other systems and the resources of other types.
    let counts: [String: Int]
  }

  // Counted by a script of a few lines of another language.
  @Test(arguments: [
    Expected(
      name: "Antonio", resources: 83, entries: 5, encounters: 4,
      counts: [
        "CarePlan": 1, "Claim": 8, "DiagnosticReport": 2, "ExplanationOfBenefit": 6, "Organization": 1,
        "Practitioner": 1, "coding:CVX": 6, "coding:LOINC": 50, "coding:RxNorm": 2,
      ]),
    Expected(
      name: "Deedra", resources: 147, entries: 3, encounters: 3,
      counts: [
        "CarePlan": 1, "Claim": 14, "DiagnosticReport": 2, "ExplanationOfBenefit": 12, "Organization": 1,
        "Practitioner": 1, "coding:CVX": 16, "coding:LOINC": 102, "coding:RxNorm": 2,
      ]),
    Expected(
      name: "Enda", resources: 89, entries: 4, encounters: 4,
      counts: [
        "Claim": 8, "DiagnosticReport": 1, "ExplanationOfBenefit": 7, "Organization": 1, "Practitioner": 1,
        "coding:CVX": 17, "coding:LOINC": 53, "coding:RxNorm": 1,
      ]),
    Expected(
      name: "Fabian", resources: 162, entries: 16, encounters: 10,
      counts: [
        "CarePlan": 2, "Claim": 16, "DiagnosticReport": 7, "ExplanationOfBenefit": 11, "Goal": 5, "Organization": 1,
        "Practitioner": 1, "coding:CVX": 6, "coding:LOINC": 90, "coding:RxNorm": 5,
      ]),
  ]) private func `a patient of another country has no NHS number, and the counts are right`(expected: Expected) throws
  {
    let reader = try read("synthea_\(expected.name).json", source: .community, organisation: "RY1")
    let records = try reader.all()
    #expect(records.count == 1 && records[0].nhsNumber.isEmpty && !records[0].patientRef.isEmpty)
    #expect(records[0].entries.allSatisfy { $0.system == .snomed && $0.hasDay })
    #expect(Set(records[0].entries.map(\.encounter)) == Set(1...UInt32(expected.encounters)))
    #expect(reader.summary.rows == expected.resources && reader.summary.entries == expected.entries)
    let counts = reader.summary.findings.filter { !$0.key.contains(".") && $0.key != "unit_not_listed" }
    #expect(counts == expected.counts)
  }

  @Test func `a patient whose number was superseded is a patient without entries`() throws {
    let record = try #require(try read("cuff_superseded_searchset.json").all().first)
    #expect(record.nhsNumber == "9732019395" && record.patientRef == "9732019395")
    #expect(record.dateOfBirth == "1926-01-07" && record.statedGender == "2" && record.postcode == "DN20 0PQ")
    #expect(record.registeredFrom == "1977-03-03" && record.registeredTo.isEmpty && record.entries.isEmpty)
  }

  @Test func `a restricted patient is taken and counted`() throws {
    let reader = try read("Sensitive_Patient.json")
    let record = try #require(try reader.all().first)
    #expect(record.nhsNumber == "9000000025" && record.postcode.isEmpty)
    #expect(reader.summary.findings["Patient:restricted"] == 1)
  }

  @Test func `a patient with a number alone, and one with everything`() throws {
    let minimal = try #require(try read("Minimal_Patient.json").all().first)
    #expect(minimal.nhsNumber == "9000000033" && minimal.dateOfBirth.isEmpty && minimal.statedGender.isEmpty)
    let full = try #require(try read("Patient.json", source: .hospital, organisation: "RXA").all().first)
    #expect(full.postcode == "LS1 6AE" && full.practice == "Y12345" && full.statedGender == "2")
  }

  @Test func `the folder as a whole is one extract`() throws {
    let reader = try read("", source: .hospital, organisation: "RXA")
    #expect(try reader.all().count == 9)
    #expect(reader.summary.rows == 83 + 147 + 89 + 162 + 5 && reader.summary.entries == 28)
  }
}
