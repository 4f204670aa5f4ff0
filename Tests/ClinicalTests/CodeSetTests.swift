import Clinical
import Testing

@Suite struct CodeSetTests {
  @Test(
    "a category of a classification covers what lies beneath it",
    arguments: [
      (ClinicalCode.System.icd10, "B20", "B204", true), (.icd10, "B20", "B20X", true), (.icd10, "B20", "B214", false),
      (.icd10, "E119", "E11", false), (.icd10, "M45", "M45X9", true), (.opcs4, "Q13", "Q131", true),
      (.opcs4, "Q131", "Q132", false), (.read2, "C10..", "C10E.", false), (.ctv3, "XaZ8a", "XaZ8A", false),
    ])
  func categories(system: ClinicalCode.System, entry: String, recorded: String, covered: Bool) throws {
    let set = CodeSet([try ClinicalCode(system: system, category: entry)])
    #expect(set.contains(try ClinicalCode(system: system, normalising: recorded)) == covered)
  }

  @Test("the same characters in another system are another code")
  func systems() throws {
    let set = CodeSet([try ClinicalCode(system: .read2, normalising: "43C3.")])
    #expect(!set.contains(try ClinicalCode(system: .ctv3, normalising: "43C3.")))
  }

  @Test("three characters are a category of OPCS-4 only in lists")
  func categoryOfProcedures() throws {
    #expect(throws: ClinicalCode.Fault.self) { try ClinicalCode(system: .opcs4, normalising: "Q13") }
    #expect(throws: ClinicalCode.Fault.self) { try ClinicalCode(system: .opcs4, category: "Q1x") }
  }
}
