import Clinical
import Contracts
import Foundation
import Specification
import Testing

@testable import Ingestion

struct RecordValidationTests {
  @Test func `a good record is accepted in canonical form without any note`() throws {
    let result = TestRecord.validate(TestRecord.gp())
    #expect(result.rejection == nil && result.notes.isEmpty && result.decisions.isEmpty)
    #expect(!result.hasUnknownCodeSystem && !result.isDeidentified && result.excludedEntries == 0)
    #expect(result.identity.nhsNumber == "9990000018" && result.nhsNumber == "9990000018")
    #expect(result.identity.postcode == "LS1 4AP")
    #expect(result.identity.sex == 2 && result.identity.practice == "A81001")
    #expect(result.identity.birthDay == CalendarDate(iso: "1950-06-01")?.day)
    #expect(result.clinical.registeredFrom == CalendarDate(iso: "2001-04-01")?.day)
    #expect(!result.clinical.hasRegisteredTo)
    #expect(result.clinical.entries.map(\.code) == ["C10.."])
  }

  @Test func `a record without a patient reference is rejected, whatever the specification says`() {
    #expect(TestRecord.validate(TestRecord.gp { $0.patientRef = "" }).rejection == .patientRefMissing)
  }

  /// Field, value, note; the field is dropped and the record goes on.
  @Test(
    arguments: [
      (\.nhsNumber, "", .nhsNumberMissing), (\.nhsNumber, "- -", .nhsNumberMissing),
      (\.nhsNumber, "9990000019", .nhsNumberInvalid), (\.nhsNumber, "999", .nhsNumberInvalid),
      (\.nhsNumber, "0000000000", .nhsNumberSentinel), (\.nhsNumber, "9999999999", .nhsNumberSentinel),
      (\.nhsNumber, "1111111111", .nhsNumberSentinel), (\.nhsNumber, "0123456789", .nhsNumberSentinel),
      (\.dateOfBirth, "", .dateOfBirthMissing), (\.dateOfBirth, "1950-02-30", .dateOfBirthInvalid),
      (\.dateOfBirth, "01/06/1950", .dateOfBirthInvalid), (\.dateOfBirth, "2026-11-01", .dateOfBirthOutOfRange),
      (\.dateOfBirth, "1894-12-31", .dateOfBirthOutOfRange), (\.sex, "", .sexMissing), (\.sex, "7", .sexInvalid),
      (\.sex, "X", .sexInvalid), (\.postcode, "", .postcodeMissing), (\.postcode, "tbc", .postcodeMissing),
      (\.postcode, "nowhere", .postcodeInvalid), (\.ethnicCategory, "I", .ethnicCategoryInvalid),
      (\.registeredFrom, "soon", .registrationDateInvalid), (\.registeredFrom, "", .registeredFromMissing),
      (\.registeredFrom, "1949-01-01", .registrationBeforeBirth),
      (\.registeredTo, "2001-03-31", .registrationEndsBeforeStart),
    ] as [(WritableKeyPath<PatientRecord, String> & Sendable, String, Reason)])
  func `a wrong field is dropped and named`(
    field: WritableKeyPath<PatientRecord, String> & Sendable, value: String, reason: Reason
  ) {
    let result = TestRecord.validate(TestRecord.gp { $0[keyPath: field] = value })
    #expect(result.notes == [Note(reason)])
    #expect(result.rejection == nil)
    switch field {
    case \.nhsNumber: #expect(result.identity.nhsNumber.isEmpty && result.nhsNumber.isEmpty)
    case \.dateOfBirth: #expect(!result.identity.hasBirthDay)
    case \.sex: #expect(result.identity.sex == 0)
    case \.postcode: #expect(result.identity.postcode.isEmpty)
    case \.ethnicCategory: #expect(result.identity.ethnicCategory.isEmpty)
    case \.registeredFrom: #expect(!result.clinical.hasRegisteredFrom)
    default: #expect(!result.clinical.hasRegisteredTo)
    }
  }

  @Test func `ten digits that fail the check digit are kept for linkage, and nothing else that is no number`() {
    func mistyped(_ number: String) -> String {
      TestRecord.validate(TestRecord.gp { $0.nhsNumber = number }).identity.mistypedNhsNumber
    }
    #expect(mistyped("9990000019") == "9990000019" && mistyped("999 000-0019") == "9990000019")
    for number in ["9990000018", "999", "9999999999", "0123456789", "99900000x9", ""] {
      #expect(mistyped(number).isEmpty)
    }
    let result = TestRecord.validate(TestRecord.gp { $0.nhsNumber = "9990000019" })
    #expect(result.identity.nhsNumber.isEmpty && result.nhsNumber.isEmpty, "nothing is routed by it")
  }

  @Test func `the severity of a field decides whether a fault rejects, is counted, or is none`() {
    let missing = TestRecord.gp { $0.dateOfBirth = "" }
    let wrong = TestRecord.gp { $0.dateOfBirth = "yesterday" }
    func result(_ severity: SourceSpecification.Severity, _ record: PatientRecord) -> ValidatedRecord {
      TestRecord.validate(record, TestRecord.specification(fields: [.dateOfBirth: severity]))
    }
    #expect(result(.mandatory, missing).rejection == .dateOfBirthMissing)
    #expect(result(.mandatory, wrong).rejection == .dateOfBirthInvalid)
    #expect(result(.required, missing).rejection == nil)
    #expect(result(.required, missing).notes == [Note(.dateOfBirthMissing)])
    #expect(result(.optional, missing).notes.isEmpty)
    #expect(result(.optional, wrong).notes == [Note(.dateOfBirthInvalid)])
  }

  @Test func `a field that is not collected does not travel, but its objections and its route do`() {
    var fields = TestRecord.fields
    fields[.nhsNumber] = nil
    fields[.postcode] = nil
    let result = TestRecord.validate(
      TestRecord.gp { $0.entries.append(TestRecord.entry(.read2, "9Nu0.")) },
      TestRecord.specification(onlyFields: fields))
    #expect(result.identity.nhsNumber.isEmpty && result.identity.postcode.isEmpty)
    #expect(result.nhsNumber == "9990000018" && result.decisions.count == 1)
    #expect(result.notes.contains(Note(.fieldNotCollected)))
  }

  @Test(
    arguments: [
      ("1", "", 1), ("0", "", 0), ("9", "", 9), ("", "1", 1), ("", "2", 2), ("", "9", 9), ("", "x", 0), ("2", "1", 2),
    ] as [(String, String, UInt32)])
  func `sex and stated gender are read by their own code systems`(sex: String, gender: String, expected: UInt32) {
    let result = TestRecord.validate(
      TestRecord.gp {
        $0.sex = sex
        $0.statedGender = gender
      })
    #expect(result.identity.sex == expected && result.notes.isEmpty)
  }

  @Test func `0 is no stated gender and X is no gender code`() {
    for (sex, gender) in [("X", ""), ("", "0")] {
      let result = TestRecord.validate(
        TestRecord.gp {
          $0.sex = sex
          $0.statedGender = gender
        })
      #expect(result.notes == [Note(.sexInvalid)])
    }
  }

  @Test func `a pseudo postcode travels as what it is and is counted`() {
    let result = TestRecord.validate(TestRecord.gp { $0.postcode = "ZZ99 3VZ" })
    #expect(result.identity.postcode == "ZZ99 3VZ" && result.notes == [Note(.postcodePseudo)])
  }

  @Test(
    arguments: [
      ("A81002", "A81002", nil), ("V81999", "", .practicePseudo), ("V81997", "", .practicePseudo),
      ("RXA", "", .practiceInvalid), ("L12AB", "", .practiceInvalid), ("", "", .practiceMissing),
    ] as [(String, String, Reason?)])
  func `a hospital's record keeps the practice it names, if it is one`(sent: String, kept: String, reason: Reason?) {
    let result = TestRecord.validate(
      TestRecord.gp {
        $0.source = .hospital
        $0.organisation = "RXA"
        $0.practice = sent
      }, TestRecord.specification(fields: [.practice: .required]))
    #expect(result.identity.practice == kept && result.notes == (reason.map { [Note($0)] } ?? []))
  }

  @Test func `every reason has a code of its own, and notes keep reason and count`() {
    #expect(Set(Reason.allCases.map(\.code)).count == Reason.allCases.count)
    #expect(Reason.nhsNumberSentinel.code == "nhs_number_sentinel")
    for reason in Reason.allCases {
      let packed = Note(reason, count: 300_000).packed
      #expect(packed >> 22 == reason.rawValue && packed & (1 << 22 - 1) == 300_000)
    }
  }
}

/// A record of the test range and the rules it is judged by.
enum TestRecord {
  static func gp(_ change: (inout PatientRecord) -> Void = { _ in }) -> PatientRecord {
    var record = PatientRecord.with {
      $0.extractID = "e1"
      $0.sequence = 1
      $0.organisation = "A81001"
      $0.source = .gp
      $0.period = "2026-10"
      $0.specification = "1"
      $0.patientRef = "p1"
      $0.nhsNumber = "9990000018"
      $0.dateOfBirth = "1950-06-01"
      $0.sex = "2"
      $0.postcode = "ls14ap"
      $0.ethnicCategory = "A"
      $0.registeredFrom = "2001-04-01"
      $0.entries = [entry(.read2, "C10..")]
    }
    change(&record)
    return record
  }

  static func entry(_ system: CodeSystem, _ code: String, day: Int32? = 20_000, encounter: UInt32 = 0) -> Entry {
    Entry.with {
      $0.system = system
      $0.code = code
      if let day { $0.day = day }
      $0.encounter = encounter
    }
  }

  static let fields: [SourceSpecification.Field: SourceSpecification.Severity] = [
    .nhsNumber: .required, .dateOfBirth: .required, .sex: .required, .postcode: .required, .ethnicCategory: .optional,
    .registeredFrom: .required, .registeredTo: .optional,
  ]

  /// Collects everything of every code system, from 1995 on.
  static func specification(
    fields changed: [SourceSpecification.Field: SourceSpecification.Severity] = [:],
    onlyFields: [SourceSpecification.Field: SourceSpecification.Severity]? = nil,
    entryDate: SourceSpecification.Severity = .required,
    lookBack: SourceSpecification.LookBack = .since(CalendarDate(iso: "1995-01-01")!),
    codes: CollectedCodes? = nil
  ) -> SourceSpecification {
    SourceSpecification(
      coverage: [.snapshot, .increment], fields: onlyFields ?? fields.merging(changed) { _, new in new },
      entryDate: entryDate, lookBack: lookBack,
      codes: codes
        ?? CollectedCodes(
          systems: [.read2, .ctv3, .snomed, .icd10, .opcs4, .admissionMethod, .communityTeam], referenceSets: [:]))
  }

  /// As the policy shipped.
  static let monthOnly = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../compose/policy/attributes.yaml").standardizedFileURL.path
    return try! AttributePolicy.load(file: file).monthOnly
  }()

  static func validate(
    _ record: PatientRecord, _ specification: SourceSpecification = specification(),
    excluding exclusions: ExclusionRules = ExclusionRules(lists: [])
  ) -> ValidatedRecord {
    RecordValidation.validate(
      record,
      ExtractRules(
        source: specification, exclusions: exclusions, period: Period(record.period)!, monthOnly: monthOnly))
  }
}
