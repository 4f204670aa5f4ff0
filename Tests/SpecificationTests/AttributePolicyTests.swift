import Clinical
import Testing

@testable import Specification

@Suite struct AttributePolicyTests {
  private let fixture = SpecificationFixture()

  static let policy = """
    attributes: [year_of_birth, sex]
    year_of_birth:
      under: {age: 1, year: common}
      over: {age: 90, year: dropped}
    month_only:
      days_after_birth: 28
      birth_episodes:
        admission_methods: ["82", 2C]
        icd10: [P07-P09, Z38]
        snomed: [3950001]

    """

  private func load(_ text: String) throws -> AttributePolicy {
    try AttributePolicy.load(file: fixture.write("attributes.yaml", text))
  }

  @Test func `a policy is read whole`() throws {
    let policy = try load(Self.policy)
    #expect(policy.attributes == [.yearOfBirth, .sex])
    #expect(policy.under == .init(age: 1, year: .common) && policy.over == .init(age: 90, year: .dropped))
    #expect(policy.monthOnly.daysAfterBirth == 28)
    #expect(policy.monthOnly.admissionMethods.map(\.text).sorted() == ["2C", "82"])
    let codes = policy.monthOnly.codes
    #expect(codes.codes.map(\.code).sorted() == ["3950001", "P07", "P08", "P09", "Z38"])
    for (code, isBirth) in [("P070", true), ("P09", true), ("P10", false), ("Z380", true), ("Z37", false)] {
      #expect(codes.contains(try ClinicalCode(system: .icd10, normalising: code)) == isBirth, "\(code)")
    }
  }

  @Test func `the policy shipped lets six attributes remain and knows births`() throws {
    let policy = try AttributePolicy.load(file: Places.package + "/compose/policy/attributes.yaml")
    #expect(policy.attributes == Set(AttributePolicy.Attribute.allCases))
    #expect(policy.under == .init(age: 1, year: .common) && policy.over == .init(age: 90, year: .common))
    #expect(policy.monthOnly.daysAfterBirth == 28)
    #expect(policy.monthOnly.admissionMethods.map(\.text).sorted() == ["2C", "82", "83"])
    for code in ["Z380", "Z38", "P00", "P073", "P968"] {
      #expect(policy.monthOnly.codes.contains(try ClinicalCode(system: .icd10, normalising: code)), "\(code)")
    }
    for code in ["O800", "Z370", "Q210", "E119"] {
      #expect(!policy.monthOnly.codes.contains(try ClinicalCode(system: .icd10, normalising: code)), "\(code)")
    }
  }

  @Test func `every fault is told at once, with its line`() {
    let faults = fixture.faults {
      _ = try load(
        """
        attributes: [year_of_birth, postcode, sex, sex]
        year_of_birth:
          under: {age: one, year: common}
          over: {age: 90, year: rounded}
          between: 3
        month_only:
          days_after_birth: -1
          birth_episodes:
            admission_methods: ["82", "85"]
            icd10: [P00-P02, P01, Z3, P05-P01]
            read2: [633..0]
        title: x

        """)
    }
    let file = "attributes.yaml, line"
    #expect(
      faults == [
        "\(file) 1: attributes: 'postcode' is not known; known are year_of_birth, sex, practice, area, commissioner, "
          + "ethnic_category",
        "\(file) 1: attributes: 'sex' stands there twice",
        "\(file) 3: year_of_birth.under.age: 'one' is not a whole number from 0 to 120",
        "\(file) 4: year_of_birth.over.year: 'rounded' is not known; known are kept, common, dropped",
        "\(file) 5: 'between' is not known in year_of_birth; known are under, over",
        "\(file) 7: month_only.days_after_birth: '-1' is not a whole number from 0 to 366",
        "\(file) 9: month_only.birth_episodes.admission_methods: '85' is not known; known are the codes of HES "
          + "ADMIMETH, such as \"82\"",
        "\(file) 10: month_only.birth_episodes.icd10: 'P01' stands there twice",
        "\(file) 10: month_only.birth_episodes.icd10: 'P05-P01' has a character that no icd10 code has in that place",
        "\(file) 10: month_only.birth_episodes.icd10: 'Z3' has not the length of a icd10 code",
        "\(file) 11: month_only.birth_episodes.read2: '633..0' has not the length of a read2 code; a Read v2 code has "
          + "5 characters, or 7 with its term code",
        "\(file) 12: 'title' is not known; known are attributes, year_of_birth, month_only",
      ])
  }

  @Test(
    arguments: [
      ("", "attributes.yaml: the file is empty"),
      ("attributes: [sex", "no YAML"),
      (
        policy.replacingOccurrences(of: "[year_of_birth, sex]", with: "[]"),
        "attributes.yaml, line 1: attributes is empty"
      ),
      (
        policy.replacingOccurrences(of: "age: 90", with: "age: 0"),
        "attributes.yaml, line 3: year_of_birth: under 1 and over 0 overlap"
      ),
      (
        policy.replacingOccurrences(of: "  over: {age: 90, year: dropped}\n", with: ""), "year_of_birth.over"
      ),
      (
        String(policy.prefix(policy.range(of: "birth_episodes")!.lowerBound.utf16Offset(in: policy))),
        "month_only.birth_episodes is missing"
      ),
    ])
  func `a policy that leaves anything open is refused`(text: String, fault: String) {
    let faults = fixture.faults { _ = try load(text) }
    #expect(faults.contains { $0.contains(fault) }, "\(faults)")
  }

  @Test func `a policy that cannot be read is refused by its name`() {
    let error = #expect(throws: SpecificationFaults.self) { try AttributePolicy.load(file: "/nowhere/attributes.yaml") }
    #expect(error?.description == "/nowhere/attributes.yaml: cannot be read")
  }
}
