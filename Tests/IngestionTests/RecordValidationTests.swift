import Clinical
import Contracts
import Testing

@testable import Ingestion

struct RecordValidationTests {
  private func record(_ change: (inout PatientRecord) -> Void = { _ in }) -> PatientRecord {
    var record = PatientRecord.with {
      $0.extractID = "e1"
      $0.sequence = 1
      $0.organisation = "A81001"
      $0.source = .gp
      $0.period = "2026-10"
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

  private func entry(_ system: CodeSystem, _ code: String, day: Int32? = 20_000) -> Entry {
    Entry.with {
      $0.system = system
      $0.code = code
      if let day { $0.day = day }
    }
  }

  @Test func `a good record is accepted in canonical form without any finding`() throws {
    let result = RecordValidation.validate(record())
    #expect(result.rejection == nil && result.findings.isEmpty && result.decisions.isEmpty)
    #expect(!result.hasUnknownCodeSystem)
    #expect(result.identity.nhsNumber == "9990000018")
    #expect(result.identity.postcode == "LS1 4AP")
    #expect(result.identity.sex == 2 && result.identity.practice == "A81001")
    #expect(result.identity.birthDay == CalendarDate(iso: "1950-06-01")?.day)
    #expect(result.clinical.registeredFrom == CalendarDate(iso: "2001-04-01")?.day)
    #expect(!result.clinical.hasRegisteredTo)
    #expect(result.clinical.entries.map(\.code) == ["C10.."])
  }

  @Test func `a record without a patient reference is refused`() {
    #expect(RecordValidation.validate(record { $0.patientRef = "" }).rejection == .patientRefMissing)
  }

  @Test(
    arguments: [
      (\.nhsNumber, "", .nhsNumberMissing), (\.nhsNumber, "9990000019", .nhsNumberInvalid),
      (\.nhsNumber, "999", .nhsNumberInvalid), (\.dateOfBirth, "", .dateOfBirthMissing),
      (\.dateOfBirth, "1950-02-30", .dateOfBirthInvalid), (\.dateOfBirth, "2026-11-01", .dateOfBirthInvalid),
      (\.dateOfBirth, "01/06/1950", .dateOfBirthInvalid), (\.sex, "7", .sexInvalid), (\.postcode, "", .postcodeMissing),
      (\.postcode, "nowhere", .postcodeInvalid), (\.organisation, "not a code", .practiceInvalid),
      (\.registeredFrom, "soon", .registrationDateInvalid),
    ] as [(WritableKeyPath<PatientRecord, String> & Sendable, String, Finding)])
  func `a wrong identifier is dropped and named`(
    field: WritableKeyPath<PatientRecord, String> & Sendable, value: String, finding: Finding
  ) {
    let result = RecordValidation.validate(record { $0[keyPath: field] = value })
    #expect(result.findings == [finding])
    #expect(result.rejection == nil)
    switch finding {
    case .nhsNumberMissing, .nhsNumberInvalid: #expect(result.identity.nhsNumber.isEmpty)
    case .dateOfBirthMissing, .dateOfBirthInvalid: #expect(!result.identity.hasBirthDay)
    case .sexInvalid: #expect(result.identity.sex == 0)
    case .postcodeMissing, .postcodeInvalid: #expect(result.identity.postcode.isEmpty)
    case .practiceInvalid: #expect(result.identity.practice.isEmpty)
    case .registrationDateInvalid: #expect(!result.clinical.hasRegisteredFrom)
    case .entryCodeInvalid: Issue.record("not a finding about an identifier")
    }
  }

  @Test func `one finding covers both registration dates`() {
    let result = RecordValidation.validate(
      record {
        $0.registeredFrom = "soon"
        $0.registeredTo = "later"
      })
    #expect(result.findings == [.registrationDateInvalid])
  }

  @Test func `a hospital's record keeps the practice it names`() {
    let result = RecordValidation.validate(
      record {
        $0.source = .hospital
        $0.organisation = "RXA"
        $0.practice = "A81002"
      })
    #expect(result.identity.practice == "A81002" && result.findings.isEmpty)
  }

  @Test func `an invalid code is left out and the other entries stay`() {
    let result = RecordValidation.validate(
      record { $0.entries = [self.entry(.icd10, "???"), self.entry(.snomed, "1"), self.entry(.icd10, "e11.9")] })
    #expect(result.clinical.entries.map(\.code) == ["E119"])
    #expect(result.findings == [.entryCodeInvalid])
  }

  @Test func `a unit outside the closed list does not travel`() {
    let sent = record { record in
      record.entries = ["mmHg", "9990000018"].map { unit in
        var entry = entry(.read2, "2469.")
        entry.value = 120
        entry.unit = unit
        return entry
      }
    }
    #expect(RecordValidation.validate(sent).clinical.entries.map(\.unit) == ["mmHg", ""])
  }

  @Test func `a code system nobody knows is reported, for a dissent could hide in it`() {
    for system in [CodeSystem.unspecified, .UNRECOGNIZED(42)] {
      let result = RecordValidation.validate(record { $0.entries.append(self.entry(system, "9Nu0.")) })
      #expect(result.hasUnknownCodeSystem)
      #expect(result.clinical.entries.count == 1)
    }
  }

  @Test(arguments: [(CodeSystem.read2, "9Nu0."), (.ctv3, "XaZ89"), (.snomed, "827241000000103")])
  func `a Type 1 dissent is taken out of the entries of every code system`(system: CodeSystem, code: String) {
    let result = RecordValidation.validate(record { $0.entries.append(self.entry(system, code, day: 19_500)) })
    #expect(result.decisions == [Decision(type: .objectionType1, decision: .dissent, day: 19_500)])
    #expect(result.clinical.entries.map(\.code) == ["C10.."])
  }

  @Test func `of several decisions of a type the latest counts, and each type by itself`() {
    let result = RecordValidation.validate(
      record {
        $0.entries = [
          self.entry(.read2, "9Nu1.", day: 19_600), self.entry(.read2, "9Nu0.", day: 19_500),
          self.entry(.read2, "9Nu4.", day: 19_700), self.entry(.read2, "9Nu5.", day: 19_700),
        ]
      })
    #expect(
      result.decisions == [
        Decision(type: .objectionType1, decision: .withdrawn, day: 19_600),
        Decision(type: .objectionType2, decision: .dissent, day: 19_700),
      ])
    #expect(result.clinical.entries.isEmpty)
  }

  @Test func `a dissent is read from a record that is refused, too`() {
    let result = RecordValidation.validate(
      record {
        $0.patientRef = ""
        $0.entries = [self.entry(.read2, "9Nu0.", day: nil)]
      })
    #expect(result.rejection == .patientRefMissing)
    #expect(result.decisions == [Decision(type: .objectionType1, decision: .dissent, day: nil)])
  }
}
