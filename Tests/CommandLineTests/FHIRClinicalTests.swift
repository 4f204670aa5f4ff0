import Contracts
import Foundation
import Testing

@testable import caredata

@Suite struct FHIRClinicalTests {
  private let fixture = FHIRFixture()

  private func lines(_ resources: [String], source: ExtractSource = .gp) throws -> [String] {
    try fixture.record([FHIRFixture.patient] + resources, source: source, organisation: "A81001").entries.map(\.line)
  }

  @Test(arguments: [
    (
      FHIRFixture.condition(rest: #""onsetDateTime":"2026-01-02T10:00:00+01:00","recordedDate":"2026-02-03""#),
      "2026-01-02"
    ),
    (FHIRFixture.condition(rest: #""onsetPeriod":{"start":"2026-01-03"},"recordedDate":"2026-02-03""#), "2026-01-03"),
    (FHIRFixture.condition(rest: #""recordedDate":"2026-02-03""#), "2026-02-03"),
    (FHIRFixture.observation(#""effectiveDateTime":"2026-01-04","issued":"2026-02-03T00:00:00Z""#), "2026-01-04"),
    (FHIRFixture.observation(#""effectivePeriod":{"start":"2026-01-05"}"#), "2026-01-05"),
    (
      #"""
      {"resourceType":"MedicationRequest","subject":{"reference":"Patient/p1"},"authoredOn":"2026-01-06",
       "medicationCodeableConcept":{"coding":[{"system":"https://dmd.nhs.uk","code":"195967001"}]}}
      """#, "2026-01-06"
    ),
    (
      #"""
      {"resourceType":"Immunization","status":"completed","patient":{"reference":"Patient/p1"},
       "occurrenceDateTime":"2026-01-07","vaccineCode":{"coding":[{"system":"http://snomed.info/sct","code":"195967001"}]}}
      """#, "2026-01-07"
    ),
    (
      #"""
      {"resourceType":"Procedure","subject":{"reference":"Patient/p1"},"performedPeriod":{"start":"2026-01-08T23:00:00Z"},
       "code":{"coding":[{"system":"http://snomed.info/sct","code":"195967001"}]}}
      """#, "2026-01-08"
    ),
    (
      #"""
      {"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/p1"},"recordedDate":"2026-01-09",
       "code":{"coding":[{"system":"http://snomed.info/sct/999000041000000102","code":"195967001"}]}}
      """#, "2026-01-09"
    ),
  ]) func `each kind of resource has its code and day`(resource: String, day: String) throws {
    #expect(try lines([resource]) == ["snomed 195967001 \(day)"])
  }

  @Test(
    arguments: [
      (
        #""valueQuantity":{"value":5.5,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}"#,
        " = 5.5 mmol/L", nil
      ),
      (
        #""valueQuantity":{"value":120,"unit":"millimetres","system":"http://unitsofmeasure.org","code":"mm[Hg]"}"#,
        " = 120.0 mm[Hg]", nil
      ),
      (#""valueQuantity":{"value":27.1,"unit":"kg/m2"}"#, " = 27.1 kg/m2", nil),
      (#""valueQuantity":{"value":3,"unit":"Mrs Smith"}"#, " = 3.0", "unit_not_listed"),
      (#""valueQuantity":{"value":9990000018}"#, "", "value_not_numeric"),
      (#""valueQuantity":{"comparator":"<","value":5}"#, "", "Observation.valueQuantity.comparator"),
      (#""valueInteger":4"#, " = 4.0", nil),
      (#""valueString":"see letter""#, "", "Observation.valueString"),
      (
        #""valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"44054006"}]}"#, "",
        "Observation.valueCodeableConcept"
      ),
    ] as [(String, String, String?)])
  func `a value is a number with a listed unit or is left out`(value: String, expected: String, leftOut: String?) throws
  {
    let reader = try fixture.reader([FHIRFixture.patient, FHIRFixture.observation(value)])
    #expect(try reader.all()[0].entries.map(\.line) == ["snomed 195967001" + expected])
    #expect(reader.summary.findings == (leftOut.map { [$0: 1] } ?? [:]))
  }

  @Test func `components are entries of their own`() throws {
    let pressure = FHIRFixture.observation(
      #"""
      "effectiveDateTime":"2026-01-04","component":[
       {"code":{"coding":[{"system":"http://snomed.info/sct","code":"271649006"}]},"valueQuantity":{"value":138,"code":"mm[Hg]","system":"http://unitsofmeasure.org"}},
       {"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80,"unit":"x"}},
       {"code":{"coding":[{"system":"http://snomed.info/sct","code":"271650006"}]},"valueQuantity":{"value":86,"unit":"mmHg"}}]
      """#, codings: #"{"system":"http://snomed.info/sct","code":"75367002"}"#)
    let reader = try fixture.reader([FHIRFixture.patient, pressure])
    #expect(
      try reader.all()[0].entries.map(\.line) == [
        "snomed 75367002 2026-01-04", "snomed 271649006 2026-01-04 = 138.0 mm[Hg]",
        "snomed 271650006 2026-01-04 = 86.0 mmHg",
      ])
    #expect(reader.summary.findings == ["Observation.component.code": 1, "coding:LOINC": 1])
    #expect(reader.summary.entries == 3)
  }

  @Test(arguments: [
    // One entry per concept: snomed, ctv3, read2, icd10, opcs4.
    (["readv2 H33..", "snomed 195967001", "ctv3 H33.."], ["snomed 195967001"]),
    (["readv2 H33..", "ctv3 X101x"], ["ctv3 X101x"]),
    (["icd J459", "readv2 H33.."], ["read2 H33.."]),
    (["opcs W371", "icd J459"], ["icd10 J459"]),
    (["opcs W371"], ["opcs4 W371"]),
    // What is no code of its system stands back.
    (["snomed 195967002", "readv2 H33.."], ["read2 H33.."]),
    (["snomed 195967002"], ["snomed 195967002"]),
    // An objection is sent whatever stands beside it, with every case of letter told apart.
    (["snomed 195967001", "readv2 9Nu0."], ["snomed 195967001", "read2 9Nu0."]),
    (["ctv3 XaZ89", "readv2 9Nu0", "snomed 827241000000103"], ["snomed 827241000000103", "ctv3 XaZ89", "read2 9Nu0"]),
    (["ctv3 XaZ8a", "snomed 195967001"], ["snomed 195967001", "ctv3 XaZ8a"]),
    (["loinc 1234-5", "readv2 9Nu0.00"], ["read2 9Nu0.00"]),
    (["rxnorm 1", "cvx 2", "hl7 3"], []),
  ]) func `of several codings one is sent, and every objection`(codings: [String], expected: [String]) throws {
    let systems = [
      "snomed": "http://snomed.info/sct", "readv2": "http://read.info/readv2", "ctv3": "http://read.info/ctv3",
      "icd": "http://hl7.org/fhir/sid/icd-10-uk", "opcs": "https://fhir.hl7.org.uk/Id/opcs-4",
      "loinc": "http://loinc.org", "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
      "cvx": "http://hl7.org/fhir/sid/cvx", "hl7": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
    ]
    let texts = codings.map { coding in
      let parts = coding.split(separator: " ")
      return "{\"system\":\"\(systems[String(parts[0])]!)\",\"code\":\"\(parts[1])\"}"
    }
    let entries = try lines([FHIRFixture.condition(codings: texts.joined(separator: ","))])
    #expect(entries.sorted() == expected.sorted())
  }

  @Test(arguments: [
    (
      #"{"system":"https://fhir.hl7.org.uk/Id/egton-codes","code":"EMISNQ1"}"#,
      ": https://fhir.hl7.org.uk/Id/egton-codes"
    ),
    (
      #"{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTOUTR"}"#,
      ": http://terminology.hl7.org/CodeSystem/v3-ActCode"
    ),
    (#"{"system":"urn:oid:1.2.3","code":"9Nu0."}"#, ""),
    (#"{"system":"http://x.example/9990000018","code":"1"}"#, ""),
    (#"{"system":"Mrs Smith","code":"1"}"#, ""),
    (#"{"code":"9Nu0."}"#, ""),
  ]) func `an unknown code system may hide an objection and stops the extract`(coding: String, shown: String) {
    #expect(
      fixture.line([FHIRFixture.patient, FHIRFixture.condition(codings: FHIRFixture.asthma + "," + coding)])
        == "extract.json, entry 2, element Condition.code.coding.system: is an unknown code system, which may hide an "
        + "objection\(shown)")
  }

  @Test(arguments: [
    ("Encounter", #""subject":{"reference":"Patient/p1"},"reasonCode":[{"coding":[\#(FHIRFixture.dissent)]}]"#),
    ("QuestionnaireResponse", #""item":[{"answer":[{"valueCoding":\#(FHIRFixture.dissent)}]}]"#),
    ("DiagnosticReport", #""code":{"coding":[{"system":"http://read.info/readv2","code":"9Nu4."}]}"#),
    ("Condition", #""subject":{"reference":"Patient/p1"},"stage":[{"summary":{"coding":[{"code":"XaZ89"}]}}]"#),
  ]) func `an objection where nobody looks stops the extract`(type: String, elements: String) {
    #expect(
      fixture.line([FHIRFixture.patient, #"{"resourceType":"\#(type)",\#(elements)}"#])
        == "extract.json, entry 2, element \(type): holds the code of an objection in an element that is not read")
  }

  @Test func `an objection given as an answer is sent`() throws {
    let answer = FHIRFixture.observation(
      #""effectiveDateTime":"2026-01-04","valueCodeableConcept":{"coding":[\#(FHIRFixture.dissent)]}"#,
      codings: #"{"system":"http://loinc.org","code":"1"}"#)
    #expect(try lines([answer]) == ["snomed 827241000000103 2026-01-04"])
  }

  @Test func `a consent is not passed over`() {
    #expect(
      fixture.line([FHIRFixture.patient, #"{"resourceType":"Consent","status":"active"}"#])
        == "extract.json, entry 2, element Consent: cannot be read here and must not be passed over")
  }

  @Test(arguments: [
    (#""verificationStatus":{"coding":[{"code":"refuted"}]}"#, "Condition:refuted"),
    (#""verificationStatus":{"coding":[{"code":"entered-in-error"}]}"#, "Condition:entered-in-error"),
    (#""status":"not-done""#, "Condition:not-done"),
    (#""status":"cancelled""#, "Condition:cancelled"),
    (#""doNotPerform":true"#, "Condition:doNotPerform"),
  ]) func `what never happened is left out and counted`(element: String, count: String) throws {
    let void = FHIRFixture.condition(codings: FHIRFixture.dissent, rest: element)
    let reader = try fixture.reader([FHIRFixture.patient, void])
    #expect(try reader.all()[0].entries.isEmpty)
    #expect(reader.summary.findings == [count: 1])
  }

  @Test(arguments: [
    (#""modifierExtension":[{"url":"x"}]"#, "Condition:modifierExtension"),
    (
      #""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#,
      "Condition:restricted"
    ),
  ]) func `of what is withheld only an objection is sent`(element: String, count: String) throws {
    let codings = FHIRFixture.asthma + "," + FHIRFixture.dissent
    let reader = try fixture.reader([FHIRFixture.patient, FHIRFixture.condition(codings: codings, rest: element)])
    #expect(try reader.all()[0].entries.map(\.line) == ["snomed 827241000000103"])
    #expect(reader.summary.findings == [count: 1])
  }

  @Test func `text is never read, and counted by name`() throws {
    // Were one of these decoded, its type would be a fault.
    let resource = FHIRFixture.condition(
      rest: #"""
        "text":7,"note":7,"contained":7,"onsetString":7,"abatementString":7,"stage":7,"extension":[{"url":"x","valueString":7}],"Mrs Smith":7,
        "_recordedDate":7,"evidence":null,"category":7
        """#)
    let reader = try fixture.reader([FHIRFixture.patient, resource])
    #expect(try reader.all()[0].entries.count == 1)
    #expect(
      reader.summary.findings == [
        "Condition.text": 1, "Condition.note": 1, "Condition.contained": 1, "Condition.onsetString": 1,
        "Condition.abatementString": 1, "Condition.stage": 1, "Condition.other": 1, "Condition._recordedDate": 1,
        "Condition.extension": 1,
      ])
  }

  @Test func `other resources are counted by type`() throws {
    let others = ["Claim", "Claim", "Practitioner"].map { #"{"resourceType":"\#($0)","name":7}"# }
    let reader = try fixture.reader([FHIRFixture.patient] + others)
    #expect(reader.summary.findings == ["Claim": 2, "Practitioner": 1])
    #expect(
      fixture.line([FHIRFixture.patient, #"{"resourceType":"Smith"}"#])
        == "extract.json, entry 2, element entry.resource.resourceType: is not a resource of FHIR R4")
  }

  @Test func `a year alone is no day`() throws {
    let reader = try fixture.reader([
      FHIRFixture.patient, FHIRFixture.condition(rest: #""onsetDateTime":"2019","recordedDate":"2020-01-01""#),
    ])
    #expect(try reader.all()[0].entries.map(\.line) == ["snomed 195967001"])
    #expect(reader.summary.findings == ["Condition.onsetDateTime:partial": 1])
  }

  @Test func `a vaccination says what was done beside what was given`() throws {
    let vaccination = #"""
      {"resourceType":"Immunization","status":"completed","patient":{"reference":"Patient/p1"},"occurrenceDateTime":"2026-01-07",
       "vaccineCode":{"coding":[{"system":"https://dmd.nhs.uk","code":"195967001"}]},"extension":[
       {"url":"https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-VaccinationProcedure",
        "valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"44054006"}]}},{"url":"x","valueString":"y"}]}
      """#
    #expect(try lines([vaccination]) == ["snomed 195967001 2026-01-07", "snomed 44054006 2026-01-07"])
  }
}
