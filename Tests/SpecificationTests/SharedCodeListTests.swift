import Clinical
import Testing

@testable import Specification

/// Lists as others publish them. They are not part of the project: CAREDATA_SHARED_DATA names their folder.
@Suite(
  .enabled(
    if: Places.sharedData != nil, "the lists of others are not at hand: set CAREDATA_SHARED_DATA to their folder"))
struct SharedCodeListTests {
  private struct List: CustomTestStringConvertible {
    let file: String
    let count: Int
    let system: ClinicalCode.System
    var declared: ClinicalCode.System?

    var testDescription: String { file }
  }

  private static let lists = [
    List(file: "caliber_kuan_hiv_ICD10.csv", count: 8, system: .icd10),
    List(file: "caliber_kuan_hiv_Read2.csv", count: 45, system: .read2),
    List(file: "nhsd-primary-care-domain-refsets-dm_cod.csv", count: 79, system: .snomed, declared: .snomed),
    List(file: "nhsd-primary-care-domain-refsets-dmres_cod.csv", count: 1, system: .snomed, declared: .snomed),
    List(file: "opensafely-asthma-diagnosis.csv", count: 194, system: .ctv3),
    List(file: "opensafely-asthma-inhaler-salbutamol-medication.csv", count: 50, system: .snomed),
    List(file: "opensafely-chronic-kidney-disease.csv", count: 225, system: .ctv3),
    List(file: "opensafely-dementia.csv", count: 18, system: .ctv3),
    List(file: "opensafely-diabetes.csv", count: 569, system: .ctv3),
    List(file: "opensafely-hiv.csv", count: 83, system: .ctv3),
    List(file: "opensafely-hypertension.csv", count: 133, system: .ctv3),
    List(file: "opensafely-learning-disabilities.csv", count: 50, system: .ctv3),
    List(file: "opensafely-stroke-updated.csv", count: 212, system: .ctv3),
    List(file: "user-anschaf-antidepressants-dmd.csv", count: 2001, system: .snomed),
  ]

  @Test(arguments: lists) private func `a published list loads with every distinct code`(list: List) throws {
    let folder = try #require(Places.sharedData)
    let file = try CodeListFile.csv(file: "\(folder)/codelists/\(list.file)", system: list.declared)
    #expect(file.codes.codes.count == list.count)
    #expect(Set(file.codes.codes.map(\.system)) == [list.system])
    #expect(file.terms.count == list.count)
  }

  @Test func `the illustrative HIV list is met by the published ones`() throws {
    let folder = try #require(Places.sharedData)
    let published = try ["caliber_kuan_hiv_ICD10", "caliber_kuan_hiv_Read2", "opensafely-hiv"].map {
      try CodeListFile.csv(file: "\(folder)/codelists/\($0).csv").codes
    }
    let all = CodeSet(union: published)
    let own = try CodeListFile.csv(file: "\(Places.specification)/lists/excluded-hiv.csv").codes.codes
    // Screening, counselling and contact, which the lists of diagnoses leave out.
    let more: Set = ["icd10 O987", "icd10 Z114", "icd10 Z206", "icd10 Z717"]
    let unmet = own.filter { $0.system != .snomed && !all.contains($0) }
    #expect(Set(unmet.map(\.description)) == more)
  }
}
