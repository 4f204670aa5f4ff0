import Contracts
import Testing

@testable import caredata

@Suite struct FHIRPatientTests {
  private let fixture = FHIRFixture()

  private static let full = #"""
    {"resourceType":"Patient","id":"p1","birthDate":"1950-04-03","gender":"female","active":true,
     "meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"CONFIDENTIALITY"}]},
     "identifier":[
      {"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"},
      {"system":"https://rxa.nhs.uk/Id/local","value":"L-7"}],
     "name":[{"family":"Smith"}],"telecom":[{"value":"01632 960587"}],
     "text":{"status":"generated","div":"<div>Mrs Smith</div>"},
     "address":[
      {"use":"temp","postalCode":"LX9 9ZZ"},
      {"use":"home","postalCode":"LX1 1AA","period":{"start":"1990-01-01","end":"2001-01-01"}},
      {"use":"home","postalCode":"LX2 2BB","period":{"start":"2001-01-01"}},
      {"use":"old","postalCode":"LX3 3DD"}],
     "generalPractitioner":[
      {"identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"A81002","period":{"start":"1990-01-01","end":"1999-12-31"}}},
      {"identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"A81001","period":{"start":"2000-02-03"}}}],
     "extension":[
      {"url":"https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory","valueCodeableConcept":
       {"coding":[{"system":"https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategoryEngland","code":"H","display":"Indian"}]}},
      {"url":"http://hl7.org/fhir/StructureDefinition/patient-birthPlace","valueAddress":{"city":"Leeds"}}]}
    """#

  private func full(confidentiality: String) -> String {
    Self.full.replacingOccurrences(of: "CONFIDENTIALITY", with: confidentiality)
  }

  @Test func `a practice's patient is taken with what the contracts have a place for`() throws {
    let reader = try fixture.reader([full(confidentiality: "U")])
    let record = try #require(try reader.all().first)
    #expect(
      record
        == PatientRecord.with {
          $0.patientRef = "L-7"
          $0.nhsNumber = "9990000018"
          $0.dateOfBirth = "1950-04-03"
          $0.statedGender = "2"
          $0.postcode = "LX2 2BB"
          $0.ethnicCategory = "H"
          $0.practice = "A81001"
          $0.registeredFrom = "2000-02-03"
        })
    #expect(
      reader.summary
        == ExtractSummary(
          rows: 1, patients: 1,
          findings: [
            "Patient.name": 1, "Patient.telecom": 1, "Patient.text": 1, "Patient.extension": 1,
            "Patient.generalPractitioner": 1,
          ]))
  }

  @Test func `a hospital's patient has the practice that holds, and no registration`() throws {
    let record = try fixture.record([full(confidentiality: "U")], source: .hospital, organisation: "RXA")
    #expect(record.practice == "A81001")
    #expect(record.registeredFrom.isEmpty && record.registeredTo.isEmpty)
  }

  @Test(arguments: ["R", "V"]) func `where a protected patient lives is not sent`(code: String) throws {
    let reader = try fixture.reader([full(confidentiality: code)], source: .hospital, organisation: "RXA")
    let record = try #require(try reader.all().first)
    #expect(record.nhsNumber == "9990000018" && record.postcode.isEmpty && record.practice.isEmpty)
    #expect(reader.summary.findings["Patient:restricted"] == 1)
  }

  @Test(arguments: [
    ("male", "1"), ("female", "2"), ("other", "9"), ("unknown", "X"),
  ]) func `gender is a stated gender`(gender: String, code: String) throws {
    let record = try fixture.record([#"{"resourceType":"Patient","id":"p1","gender":"\#(gender)"}"#])
    #expect(record.statedGender == code && record.sex.isEmpty)
  }

  @Test(arguments: [
    // Only this system holds NHS numbers.
    (#"[{"system":"http://hl7.org/fhir/sid/us-ssn","value":"9990000018"}]"#, "", "9990000018"),
    (#"[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}]"#, "9990000018", "p1"),
    (#"[{"use":"old","system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}]"#, "", "p1"),
    // A passport is nobody's local number.
    (
      #"""
      [{"system":"a","value":"B1","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"PPN"}]}},
       {"system":"z","value":"Z9"},{"system":"y","value":"Y9"},
       {"system":"x","value":"X1","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]}}]
      """#, "", "X1"
    ),
    (#"[{"system":"z","value":"A"},{"system":"y","value":"B"}]"#, "", "B"),
  ]) func `identifiers are told by their systems`(identifiers: String, nhsNumber: String, reference: String) throws {
    let record = try fixture.record([#"{"resourceType":"Patient","id":"p1","identifier":\#(identifiers)}"#])
    #expect(record.nhsNumber == nhsNumber)
    #expect(record.patientRef == reference)
  }

  @Test func `a year of birth is no date of birth`() throws {
    let reader = try fixture.reader([#"{"resourceType":"Patient","id":"p1","birthDate":"1950-04"}"#])
    #expect(try reader.all()[0].dateOfBirth.isEmpty)
    #expect(reader.summary.findings == ["Patient.birthDate:partial": 1])
  }

  @Test func `a patient on every page of a search is one, a different one is refused`() throws {
    let reader = try fixture.reader([FHIRFixture.patient, FHIRFixture.condition(), FHIRFixture.patient])
    #expect(try reader.all().count == 1)
    #expect(reader.summary.findings == ["repeated_row": 1])
    let other = #"{"resourceType":"Patient","id":"p1","gender":"male"}"#
    #expect(
      fixture.line([FHIRFixture.patient, FHIRFixture.condition(), other])
        == "extract.json, entry 3, element Patient: is already in entry 1, with other values")
    let local = #"{"resourceType":"Patient","id":"p1","identifier":[{"system":"x","value":"L1"}]}"#
    #expect(
      fixture.line([FHIRFixture.patient, local])
        == "extract.json, entry 2, element Patient.id: is already in entry 1, with other values")
  }

  @Test(arguments: [
    (
      #"{"resourceType":"Patient","id":"p1","birthDate":"03/04/1950"}"#,
      "Patient.birthDate: is not a date of the form YYYY-MM-DD"
    ),
    (
      #"{"resourceType":"Patient","id":"p1","birthDate":"1950-02-30"}"#,
      "Patient.birthDate: is not a date of the form YYYY-MM-DD"
    ),
    (
      #"{"resourceType":"Patient","id":"p1","birthDate":1950}"#,
      "Patient.birthDate: is not of the type that FHIR R4 has there"
    ),
    (
      #"{"resourceType":"Patient","id":"p1","gender":"F"}"#,
      "Patient.gender: is not one of male, female, other, unknown"
    ),
    (#"{"resourceType":"Patient","gender":"male"}"#, "Patient.id: is empty"),
    (
      #"{"resourceType":"Patient","id":"p1","identifier":{"value":"1"}}"#,
      "Patient.identifier: is not of the type that FHIR R4 has there"
    ),
    (#"{"resourceType":"Patient","id":"p\u0000"}"#, "Patient.id: contains a zero byte"),
    (
      #"{"resourceType":"Patient","id":"\#(String(repeating: "7", count: 300))"}"#,
      "Patient.id: is longer than 256 bytes"
    ),
  ]) func `a fault is one line with file, entry and element`(patient: String, expected: String) {
    #expect(fixture.line([patient]) == "extract.json, entry 1, element " + expected)
  }

  @Test func `a practice without a patient is a failed export`() throws {
    #expect(fixture.line([]) == "extract.json: has no Patient")
    #expect(try fixture.reader([], source: .hospital).summary == ExtractSummary())
  }
}
