import Foundation
import Testing

@testable import Publication

/// The definitions that the project ships.
enum Definitions {
  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../compose/datasets").standardizedFileURL.path

  static func load(_ name: String) throws -> DatasetDefinition {
    var directories = ReleaseDirectories(environment: [:])
    directories.definitions = directory
    return try directories.definition(of: name)
  }
}

@Suite struct DefinitionTests {
  @Test func `the shipped definitions are without fault`() throws {
    let prevalence = try Definitions.load("condition-prevalence")
    #expect(prevalence.measure == .conditionPrevalence)
    #expect(prevalence.conditions.map(\.name) == ["asthma", "copd", "diabetes", "hypertension"])
    #expect(prevalence.ageBands.map(\.label) == ["0-17", "18-39", "40-64", "65-79", "80+"])
    #expect(prevalence.ageBands.map(\.lower) == [0, 18, 40, 65, 80])
    #expect(prevalence.disclosure == .hes)
    #expect(try Definitions.load("linkage-quality").measure == .linkageQuality)
    #expect(prevalence.minimumRank == nil)
    let admissions = try Definitions.load("emergency-admissions")
    #expect(admissions.admissionMethods == ["21", "22", "23", "24", "25", "28", "2A", "2B", "2C", "2D"])
    let diabetes = try #require(admissions.conditions.first { $0.name == "diabetes" })
    #expect(
      Set(diabetes.codes.map(\.description)) == [
        "read2 C10..", "read2 C10E.", "read2 C10F.", "ctv3 C10..", "ctv3 X40J4", "ctv3 X40J5", "snomed 44054006",
        "snomed 46635009", "snomed 73211009",
      ])
  }

  @Test func `all faults of a definition are named at once`() {
    let yaml = """
      title: [not, a, text]
      purpose: Planning
      recipients: commissioners
      measure: condition-prevalence
      colour: blue
      disclosure: none
      admission_methods: [21]
      age_bands: [0-17, 20-39, 40-64]
      conditions:
        diabetes:
          read2: [C10E., C10!.]
          snomed: [44054007]
          icd9: ["250"]
        asthma:
          ctv3: [H33.., H33..]
        empty: {}
      """
    let error = #expect(throws: DefinitionFaults.self) {
      try DatasetDefinition(name: "broken", yaml: Array(yaml.utf8))
    }
    #expect(
      error?.faults == [
        "'colour' is not known; known are title, purpose, recipients, legal_basis, measure, conditions, age_bands, "
          + "admission_methods, disclosure, exclusions, minimum_rank",
        "title is not a text",
        "recipients is not a list",
        "recipients: none is declared",
        "legal_basis is missing",
        "conditions.asthma: a code stands there twice",
        "conditions.diabetes: 'icd9' is no code system; use read2, ctv3, snomed",
        "conditions.diabetes.read2: 'C10!.' is no read2 code (characters)",
        "conditions.diabetes.snomed: '44054007' is no snomed code (checkDigit)",
        "conditions.empty: no code",
        "age_bands: '20-39' does not begin where the band before it ends",
        "age_bands: the last band is not open; end with one like 80+",
        "admission_methods does not belong to measure condition-prevalence",
        "disclosure: 'none' is not known; the one rule is hes",
        "exclusions is missing",
      ])
  }

  @Test func `a minimum rank is one of linkage's`() throws {
    let shipped = try Definitions.load("emergency-admissions")
    func faults(_ rank: String) -> [String] {
      do throws(DefinitionFaults) {
        let yaml = shipped.source + Array("\nminimum_rank: \(rank)\n".utf8)
        return ["\(try DatasetDefinition(name: "d", yaml: yaml).minimumRank ?? 0)"]
      } catch {
        return error.faults
      }
    }
    #expect(faults("4") == ["4"])
    for rank in ["0", "19", "sure", "[1]"] {
      #expect(faults(rank) == ["minimum_rank is no number from 1, the surest link, to 18"])
    }
  }

  @Test(arguments: ["", "- a list", "title: [open", "title: a\ntitle: b"])
  func `what is no mapping at all is refused`(yaml: String) {
    #expect(throws: DefinitionFaults.self) { try DatasetDefinition(name: "broken", yaml: Array(yaml.utf8)) }
  }

  @Test(arguments: ["no-such", "../condition-prevalence", "", "Condition"])
  func `a name without definition is refused`(name: String) {
    #expect(throws: ReleaseError.self) { try Definitions.load(name) }
  }
}
