import Contracts
import Foundation
import Testing

@testable import caredata

@Suite struct FHIRExtractTests {
  private let fixture = FHIRFixture()

  // MARK: - References and encounters

  @Test func `resources find their patient by every name it has, whatever the order`() throws {
    let text = #"""
      {"entry":[
       {"resource":\#(FHIRFixture.condition("c1", subject: "urn:uuid:1"))},
       {"resource":\#(FHIRFixture.condition("c2"))},
       {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"p1","identifier":[{"system":"x","value":"L1"}]}},
       {"resource":\#(FHIRFixture.condition("c3", subject: "https://a.example/fhir/Patient/p1/_history/2"))}
      ],"type":"transaction","resourceType":"Bundle"}
      """#
    let records = try fixture.read(text: text).all()
    #expect(records.map(\.patientRef) == ["L1"])
    #expect(records[0].entries.count == 3)
  }

  @Test(arguments: [
    ("Patient/p2", "Condition.subject: the patient is not in the extract"),
    ("urn:uuid:1", "Condition.subject: the patient is not in the extract"),
    ("Group/1", "Condition.subject.reference: is not a reference to a resource of type Patient"),
    (
      "Patient?identifier=x|9990000018", "Condition.subject.reference: is not a reference to a resource of type Patient"
    ),
    ("p1", "Condition.subject.reference: is not a reference to a resource of type Patient"),
    ("", "Condition.subject: is empty"),
  ]) func `a resource without its patient stops the extract`(reference: String, expected: String) {
    let resources = [FHIRFixture.condition("c0"), FHIRFixture.condition(subject: reference), FHIRFixture.patient]
    #expect(fixture.line(resources) == "extract.json, entry 2, element \(expected)")
  }

  @Test func `the first of several faults is told`() {
    let orphans = (1...40).map { FHIRFixture.condition("c\($0)", subject: "Patient/x\(97 - $0)") }
    #expect(
      fixture.line([FHIRFixture.patient] + orphans)
        == "extract.json, entry 2, element Condition.subject: the patient is not in the extract")
  }

  private static func encounter(_ id: String, start: String, _ rest: String = "") -> String {
    """
    {"resourceType":"Encounter","id":"\(id)","status":"finished","subject":{"reference":"Patient/p1"},\
    "period":{"start":"\(start)","end":"2026-03-09"}\(rest)}
    """
  }

  private static func tied(_ id: String, _ encounter: String, day: String = "2026-03-01") -> String {
    FHIRFixture.condition(id, rest: #""encounter":{"reference":"\#(encounter)"},"onsetDateTime":"\#(day)""#)
  }

  @Test func `entries of an encounter share a number, in the order of their first days`() throws {
    let resources = [
      Self.tied("c1", "Encounter/late"), Self.encounter("late", start: "2026-03-01"),
      Self.tied("c2", "Encounter/early", day: "2026-03-02"), FHIRFixture.condition("c3"),
      Self.encounter("early", start: "2026-02-01T09:00:00Z"), Self.encounter("empty", start: "2026-01-01"),
      Self.tied("c4", "Encounter/late", day: "2026-03-03"), Self.tied("c5", "Encounter/unsent", day: "2026-02-15"),
      FHIRFixture.patient,
    ]
    let expected = [
      "snomed 195967001", "snomed 195967001 2026-02-15 #2", "snomed 195967001 2026-03-01 #3",
      "snomed 195967001 2026-03-02 #1", "snomed 195967001 2026-03-03 #3",
    ]
    #expect(try fixture.record(resources).entries.map(\.line) == expected)
    #expect(try fixture.record(resources.reversed()).entries.map(\.line) == expected)
  }

  private static let admission = #"""
    ,"class":{"code":"CLASS"},"hospitalization":{"dischargeDisposition":{"text":"x"},"extension":[
    {"url":"https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-AdmissionMethod","valueCodeableConcept":
    {"coding":[{"system":"https://fhir.hl7.org.uk/CodeSystem/UKCore-AdmissionMethodEngland","code":"21"}]}}]}
    """#

  @Test(arguments: [
    (
      ExtractSource.hospital, "IMP",
      ["admissionMethod 21 2026-03-01 to 2026-03-09 #1", "snomed 195967001 2026-03-01 #1"]
    ),
    (.hospital, "AMB", ["snomed 195967001 2026-03-01 #1"]),
    (.gp, "IMP", ["snomed 195967001 2026-03-01 #1"]),
  ]) func `a hospital's stay has its method of admission`(source: ExtractSource, kind: String, expected: [String])
    throws
  {
    let admission = Self.admission.replacingOccurrences(of: "CLASS", with: kind)
    let stay = Self.encounter("e1", start: "2026-03-01", admission)
    let record = try fixture.record(
      [FHIRFixture.patient, stay, Self.tied("c1", "Encounter/e1")], source: source, organisation: "RXA")
    #expect(record.entries.map(\.line) == expected)
    #expect(record.entries[0].position == (expected.count == 2 ? 1 : 0))
  }

  @Test func `a resource that is there twice counts once, a changed one is refused`() throws {
    let condition = FHIRFixture.condition("c1")
    let reader = try fixture.reader([condition, FHIRFixture.patient, condition])
    #expect(try reader.all()[0].entries.count == 1)
    #expect(reader.summary.findings == ["repeated_row": 1])
    let changed = FHIRFixture.condition("c1", rest: #""onsetDateTime":"2026-01-01""#)
    #expect(
      fixture.line([condition, FHIRFixture.patient, changed])
        == "extract.json, entry 3, element id: is already in entry 1, with other values")
  }

  // MARK: - Files

  @Test(
    arguments: [
      ("collection", nil), ("searchset", nil), ("transaction", nil), ("batch", nil),
      ("history", "extract.json: is a Bundle of another type than batch, collection, searchset, transaction"),
      ("document", "extract.json: is a Bundle of another type than batch, collection, searchset, transaction"),
    ] as [(String, String?)]) func `bundles of four types are read`(type: String, expected: String?)
  {
    #expect(fixture.line(text: FHIRFixture.bundle([FHIRFixture.patient], type: type)) == expected)
  }

  @Test(arguments: [
    ("", "extract.json: is not JSON in UTF-8"),
    ("[]", "extract.json: is not JSON in UTF-8"),
    ("{}", "extract.json: is not a resource of FHIR R4"),
    (
      #"{"resourceType":"Bundle"}"#,
      "extract.json: is a Bundle of another type than batch, collection, searchset, transaction"
    ),
    (
      #"{"resourceType":"Bundle","type":"batch","entry":[{"resource":{}}]}"#,
      "extract.json, entry 1, element entry.resource.resourceType: is empty"
    ),
    (
      #"{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"a":]}]}"#,
      "extract.json, entry 1: is not JSON in UTF-8"
    ),
    (#"{"resourceType":"Bundle","type":"batch","entry":[{},5]}"#, "extract.json, entry 2: is not JSON in UTF-8"),
    (
      #"{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Patient","id":"Mrs Smi"#,
      "extract.json, entry 1: is not JSON in UTF-8"
    ),
    (#"{"resourceType":"Bundle","type":"batch"} {}"#, "extract.json: is not JSON in UTF-8"),
    (
      #"{"resourceType":"Patient","id":"p1","birthDate":"x"}"#,
      "extract.json, element Patient.birthDate: is not a date of the form YYYY-MM-DD"
    ),
    (
      FHIRFixture.bundle([FHIRFixture.bundle([])]),
      "extract.json, entry 1, element Bundle: cannot be read here and must not be passed over"
    ),
  ]) func `what is no bundle is refused`(text: String, expected: String) {
    #expect(fixture.line(text: text) == expected)
  }

  @Test func `braces, quotes and escapes in text do not end a resource`() throws {
    let note = #""note":[{"text":"}]} \" { \\"}],"text":{"div":"\\\\\" ]"}"#
    let text = "\u{FEFF}\n" + FHIRFixture.bundle([FHIRFixture.condition(rest: note), FHIRFixture.patient])
    let reader = try fixture.read(text: text)
    #expect(reader.summary.rows == 2 && reader.summary.entries == 1)
    #expect(reader.summary.findings == ["Condition.note": 1, "Condition.text": 1])
  }

  @Test func `NDJSON has a resource on each line`() throws {
    let text = FHIRFixture.condition() + "\r\n\n" + FHIRFixture.patient
    #expect(try fixture.read(text: text, name: "all.ndjson").all()[0].entries.count == 1)
    #expect(
      fixture.line(
        text: FHIRFixture.patient + "\n\n" + FHIRFixture.condition(codings: #"{"code":"1"}"#), name: "all.ndjson")
        == "all.ndjson, line 3, element Condition.code.coding.system: is an unknown code system, which may hide an objection"
    )
    #expect(fixture.line(text: "{\n}", name: "all.ndjson") == "all.ndjson, line 1: is not JSON in UTF-8")
  }

  @Test func `a folder is one extract of files of both kinds and no others`() throws {
    fixture.files.write("b.ndjson", FHIRFixture.condition("c1") + "\n" + FHIRFixture.condition("c2"))
    fixture.files.write("c.json", FHIRFixture.bundle([FHIRFixture.condition("c3")]))
    fixture.files.write("d.json", FHIRFixture.patient)
    let reader = try fixture.read(path: fixture.files.folder + "/")
    #expect(reader.summary == ExtractSummary(rows: 4, patients: 1, entries: 3))
    fixture.files.write("a.json", #"{"resourceType":"Patient","id":"p1","gender":"male"}"#)
    #expect(
      errorLine(fixture.files) { _ = try fixture.read(path: fixture.files.folder) }
        == "d.json, element Patient: is already in a.json, with other values")
    fixture.files.write("e.ndjson.gz", "")
    #expect(
      errorLine(fixture.files) { _ = try fixture.read(path: fixture.files.folder) }
        == "e.ndjson.gz: is neither a .json nor a .ndjson file")
    let empty = ExtractFixture()
    #expect(
      errorLine(empty) { _ = try fixture.read(path: empty.folder + "/.") } == ".: has no .json or .ndjson files")
    #expect(
      errorLine(empty) { _ = try fixture.read(path: empty.folder + "/none.json") }
        == "none.json: cannot be read: No such file or directory")
  }

  @Test func `a resource larger than the limit is refused, a bundle is not`() throws {
    let large = FHIRFixture.condition(rest: #""note":[{"text":"\#(String(repeating: "x", count: 1_100_000))"}]"#)
    #expect(
      fixture.line([FHIRFixture.patient, large]) == "extract.json, entry 2: the resource is longer than 1048576 bytes")
    #expect(
      fixture.line(text: FHIRFixture.patient + "\n" + large, name: "all.ndjson")
        == "all.ndjson, line 2: the resource is longer than 1048576 bytes")
    let half = FHIRFixture.condition(rest: #""note":[{"text":"\#(String(repeating: "x", count: 900_000))"}]"#)
    #expect(try fixture.reader([half, half, half, FHIRFixture.patient]).summary.entries == 1)
  }

  @Test func `any memory and any order give the same records`() throws {
    var random = SplitMix64(seed: 7)
    var resources: [String] = []
    for person in 0..<60 {
      resources.append(#"{"resourceType":"Patient","id":"p\#(person)","gender":"male"}"#)
      for number in 0..<10 {
        resources.append(
          FHIRFixture.condition(
            "c\(person)-\(number)", subject: "Patient/p\(person)",
            rest: #""encounter":{"reference":"Encounter/e\#(number % 3)"},"onsetDateTime":"2026-01-1\#(number)""#))
      }
    }
    let expected = try fixture.reader(resources, memory: 1 << 24).all()
    #expect(expected.count == 60 && expected.allSatisfy { $0.entries.count == 10 })
    for memory in [1024, 20_000] {
      for place in stride(from: resources.count - 1, to: 0, by: -1) {
        resources.swapAt(place, random.below(place + 1))
      }
      #expect(try fixture.reader(resources, memory: memory).all() == expected)
    }
  }
}
