import Clinical
import Contracts

/// Why a record is refused. Part of the receipt: a closed list.
enum RejectionReason: String, CaseIterable {
  case patientRefMissing = "patient_ref_missing"
  case duplicatePatient = "duplicate_patient"
}

/// What is wrong with a record that is accepted nevertheless. Part of the receipt: a closed list.
enum Finding: String, CaseIterable {
  case nhsNumberMissing = "nhs_number_missing"
  case nhsNumberInvalid = "nhs_number_invalid"
  case dateOfBirthMissing = "date_of_birth_missing"
  case dateOfBirthInvalid = "date_of_birth_invalid"
  case sexInvalid = "sex_invalid"
  case postcodeMissing = "postcode_missing"
  case postcodeInvalid = "postcode_invalid"
  case practiceInvalid = "practice_invalid"
  case entryCodeInvalid = "entry_code_invalid"
  case registrationDateInvalid = "registration_date_invalid"
}

/// A record as it will travel: identity and clinical part separate, everything in canonical form.
struct ValidatedRecord {
  var identity = IdentitySection()
  var clinical = ClinicalSection()
  var rejection: RejectionReason?
  var findings: [Finding] = []
  var decisions: [Decision] = []
  /// The record uses a code system nobody here knows: a dissent could hide in it, so the extract is refused whole.
  var hasUnknownCodeSystem = false
}

/// What is made of one record as the connector sent it. Wrong identifiers are dropped and counted, not passed on:
/// a wrong NHS number would join two people.
enum RecordValidation {
  static func validate(_ record: PatientRecord) -> ValidatedRecord {
    var result = ValidatedRecord()
    if record.patientRef.isEmpty { result.rejection = .patientRefMissing }
    identity(record, &result)
    registration(record, &result)
    entries(record, &result)
    return result
  }

  private static func identity(_ record: PatientRecord, _ result: inout ValidatedRecord) {
    if record.nhsNumber.isEmpty {
      result.findings.append(.nhsNumberMissing)
    } else if let number = try? NHSNumber(validating: record.nhsNumber) {
      result.identity.nhsNumber = number.digits
    } else {
      result.findings.append(.nhsNumberInvalid)
    }
    if record.dateOfBirth.isEmpty {
      result.findings.append(.dateOfBirthMissing)
    } else if let last = Period(record.period)?.last,
      let birth = try? DateOfBirth(validating: record.dateOfBirth, notAfter: last)
    {
      result.identity.birthDay = birth.date.day
    } else {
      result.findings.append(.dateOfBirthInvalid)
    }
    if let sex = Sex(personGenderCode: record.sex) {
      result.identity.sex = UInt32(sex.rawValue)
    } else {
      result.findings.append(.sexInvalid)
    }
    if record.postcode.isEmpty {
      result.findings.append(.postcodeMissing)
    } else if let postcode = try? Postcode(validating: record.postcode) {
      result.identity.postcode = postcode.text
    } else {
      result.findings.append(.postcodeInvalid)
    }
    result.identity.ethnicCategory = (try? EthnicCategory(validating: record.ethnicCategory))?.text ?? ""
    let practice = record.source == .gp ? record.organisation : record.practice
    // A site's code has the form of a postcode without its space; a practice's has not.
    if let code = try? OrganisationCode(validating: practice), code.kind == .practice || record.source == .gp {
      result.identity.practice = code.text
    } else if !practice.isEmpty {
      result.findings.append(.practiceInvalid)
    }
  }

  private static func registration(_ record: PatientRecord, _ result: inout ValidatedRecord) {
    func day(_ text: String) -> Int32? {
      guard !text.isEmpty else { return nil }
      if let date = CalendarDate(iso: text) { return date.day }
      if !result.findings.contains(.registrationDateInvalid) { result.findings.append(.registrationDateInvalid) }
      return nil
    }
    if let from = day(record.registeredFrom) { result.clinical.registeredFrom = from }
    if let to = day(record.registeredTo) { result.clinical.registeredTo = to }
  }

  private static func entries(_ record: PatientRecord, _ result: inout ValidatedRecord) {
    var decisions: [ObjectionType: Decision] = [:]
    var hasInvalidCode = false
    result.clinical.entries.reserveCapacity(record.entries.count)
    for entry in record.entries {
      switch entry.system {
      case .read2, .ctv3, .snomed, .icd10, .opcs4:
        guard let system = ClinicalCode.System(rawValue: entry.system.rawValue),
          let code = try? ClinicalCode(system: system, normalising: entry.code)
        else {
          hasInvalidCode = true
          continue
        }
        if let decision = decision(code, day: entry.hasDay ? entry.day : nil) {
          decisions[decision.type] = decisions[decision.type].map { .stronger($0, decision) } ?? decision
          continue  // an objection is acted on; it is no clinical fact to pass on
        }
        var kept = entry
        kept.code = code.code
        result.clinical.entries.append(kept)
      case .admissionMethod, .communityTeam:
        if isShortCode(entry.code) { result.clinical.entries.append(entry) } else { hasInvalidCode = true }
      case .unspecified, .UNRECOGNIZED: result.hasUnknownCodeSystem = true
      }
    }
    if hasInvalidCode { result.findings.append(.entryCodeInvalid) }
    result.decisions = decisions.values.sorted { $0.type.rawValue < $1.type.rawValue }
  }

  /// ADMIMETH has two characters, TeamType up to three: nothing that could be an identifier passes for one.
  private static func isShortCode(_ code: String) -> Bool {
    (1...3).contains(code.utf8.count) && code.allSatisfy { $0.isASCII && ($0.isNumber || $0.isUppercase) }
  }

  private static func decision(_ code: ClinicalCode, day: Int32?) -> Decision? {
    guard let (type, decision) = ObjectionCode.decision(code) else { return nil }
    return Decision(
      type: type == .type1 ? .objectionType1 : .objectionType2, decision: decision == .dissent ? .dissent : .withdrawn,
      day: day)
  }
}
