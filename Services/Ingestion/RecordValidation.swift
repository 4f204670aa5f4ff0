import Clinical
import Contracts
import Specification

/// A record as it will travel: identity and clinical part separate, everything in canonical form.
struct ValidatedRecord {
  var identity = IdentitySection()
  var clinical = ClinicalSection()
  /// The number the record is routed by. Unlike the one of the identity section it survives de-identification.
  var nhsNumber = ""
  /// Days since 1970-01-01, also where the specification does not collect it: dates shortly after it are coarse.
  var birthDay: Int32?
  var rejection: Reason?
  var notes: [Note] = []
  var decisions: [Decision] = []
  /// Of the codes that say so.
  var decisionSystem = CodeSystem.unspecified
  /// Entries left out for a sensitive code, or for standing in one encounter with such a one.
  var excludedEntries: Int32 = 0
  /// A code that the law restricts was there: identity is empty and the record is never linked.
  var isDeidentified = false
  /// The record uses a code system nobody here knows: a dissent could hide in it, so the extract is refused whole.
  var hasUnknownCodeSystem = false

  mutating func note(_ reason: Reason) {
    if !notes.contains(where: { $0.reason == reason }) { notes.append(Note(reason)) }
  }

  /// A fault of a field, by the field's severity: it rejects the record or is counted.
  mutating func fault(_ reason: Reason, _ severity: SourceSpecification.Severity) {
    if severity == .mandatory, rejection == nil { rejection = reason }
    note(reason)
  }
}

/// What is made of one record as the connector sent it. Wrong identifiers are dropped and counted, not passed on:
/// a wrong NHS number would join two people.
enum RecordValidation {
  /// The objections of any record that can be read, whatever becomes of its extract, and the number it speaks for.
  static func decisions(_ record: PatientRecord) -> ValidatedRecord {
    var result = ValidatedRecord()
    result.nhsNumber = (try? NHSNumber(validating: record.nhsNumber))?.digits ?? ""
    EntryValidation.decisions(record, &result)
    return result
  }

  static func validate(_ record: PatientRecord, _ rules: ExtractRules) -> ValidatedRecord {
    var result = ValidatedRecord()
    if record.patientRef.isEmpty { result.rejection = .patientRefMissing }
    nhsNumber(record, rules, &result)
    dateOfBirth(record, rules, &result)
    sex(record, rules, &result)
    postcode(record, rules, &result)
    ethnicCategory(record, rules, &result)
    practice(record, rules, &result)
    registration(record, rules, &result)
    EntryValidation.validate(record, rules, &result)
    if result.isDeidentified {
      result.identity = IdentitySection()
      result.clinical.clearRegisteredFrom()
      result.clinical.clearRegisteredTo()
    }
    return result
  }

  /// The severity of a field if there is something to examine: reports a missing one, and one not collected.
  private static func examined(
    _ field: SourceSpecification.Field, isEmpty: Bool, _ missing: Reason, _ rules: ExtractRules,
    _ result: inout ValidatedRecord
  ) -> SourceSpecification.Severity? {
    guard let severity = rules.severity(field) else {
      if !isEmpty { result.note(.fieldNotCollected) }
      return nil
    }
    guard isEmpty else { return severity }
    if severity != .optional { result.fault(missing, severity) }
    return nil
  }

  private static func nhsNumber(_ record: PatientRecord, _ rules: ExtractRules, _ result: inout ValidatedRecord) {
    let text = record.nhsNumber
    let number: Result<NHSNumber, NHSNumber.Fault> =
      text.isEmpty ? .failure(.missing) : Result { () throws(NHSNumber.Fault) in try NHSNumber(validating: text) }
    // Objections follow the number even where the specification does not collect it.
    if case .success(let number) = number { result.nhsNumber = number.digits }
    let isEmpty = if case .failure(.missing) = number { true } else { false }
    guard let severity = examined(.nhsNumber, isEmpty: isEmpty, .nhsNumberMissing, rules, &result) else { return }
    switch number {
    case .success: result.identity.nhsNumber = result.nhsNumber
    case .failure(.sentinel): result.fault(.nhsNumberSentinel, severity)
    case .failure(.checkDigit):
      // Of use to linkage, which asks who has a number like it and is otherwise the same.
      result.identity.mistypedNhsNumber = text.filter(\.isNumber)
      result.fault(.nhsNumberInvalid, severity)
    case .failure: result.fault(.nhsNumberInvalid, severity)
    }
  }

  private static func dateOfBirth(_ record: PatientRecord, _ rules: ExtractRules, _ result: inout ValidatedRecord) {
    let isEmpty = record.dateOfBirth.isEmpty
    let birth = Result { () throws(DateOfBirth.Fault) in
      try DateOfBirth(validating: record.dateOfBirth, notAfter: CalendarDate(day: rules.last))
    }
    if case .success(let birth) = birth { result.birthDay = birth.date.day }
    guard let severity = examined(.dateOfBirth, isEmpty: isEmpty, .dateOfBirthMissing, rules, &result) else { return }
    switch birth {
    case .success(let birth): result.identity.birthDay = birth.date.day
    case .failure(.tooEarly), .failure(.inFuture): result.fault(.dateOfBirthOutOfRange, severity)
    case .failure(.missing), .failure(.format): result.fault(.dateOfBirthInvalid, severity)
    }
  }

  /// Two code systems in which 9 means different things, so each is read by its own table.
  private static func sex(_ record: PatientRecord, _ rules: ExtractRules, _ result: inout ValidatedRecord) {
    let isEmpty = record.sex.isEmpty && record.statedGender.isEmpty
    guard let severity = examined(.sex, isEmpty: isEmpty, .sexMissing, rules, &result) else { return }
    let sex =
      record.sex.isEmpty ? Sex(personStatedGenderCode: record.statedGender) : Sex(personGenderCode: record.sex)
    if let sex { result.identity.sex = UInt32(sex.rawValue) } else { result.fault(.sexInvalid, severity) }
  }

  private static func postcode(_ record: PatientRecord, _ rules: ExtractRules, _ result: inout ValidatedRecord) {
    let isEmpty = record.postcode.isEmpty
    guard let severity = examined(.postcode, isEmpty: isEmpty, .postcodeMissing, rules, &result) else { return }
    do throws(Postcode.Fault) {
      let postcode = try Postcode(validating: record.postcode)
      result.identity.postcode = postcode.text
      if postcode.isPseudo { result.note(.postcodePseudo) }
    } catch {
      switch error {
      case .missing: if severity != .optional { result.fault(.postcodeMissing, severity) }
      case .format: result.fault(.postcodeInvalid, severity)
      }
    }
  }

  private static func ethnicCategory(_ record: PatientRecord, _ rules: ExtractRules, _ result: inout ValidatedRecord) {
    let isEmpty = record.ethnicCategory.isEmpty
    guard let severity = examined(.ethnicCategory, isEmpty: isEmpty, .ethnicCategoryMissing, rules, &result) else {
      return
    }
    if let category = try? EthnicCategory(validating: record.ethnicCategory) {
      result.identity.ethnicCategory = category.text
    } else {
      result.fault(.ethnicCategoryInvalid, severity)
    }
  }

  /// A general practice's patients are its own; others say where a patient is registered.
  private static func practice(_ record: PatientRecord, _ rules: ExtractRules, _ result: inout ValidatedRecord) {
    if record.source == .gp {
      result.identity.practice = record.organisation
      return
    }
    let isEmpty = record.practice.isEmpty
    guard let severity = examined(.practice, isEmpty: isEmpty, .practiceMissing, rules, &result) else { return }
    // A site's code has the form of a postcode without its space; a practice's has not.
    guard let code = try? OrganisationCode(validating: record.practice), code.kind == .practice else {
      return result.fault(.practiceInvalid, severity)
    }
    if code.isPseudoPractice { return result.note(.practicePseudo) }
    result.identity.practice = code.text
  }

  private static func registration(_ record: PatientRecord, _ rules: ExtractRules, _ result: inout ValidatedRecord) {
    func day(_ text: String, _ field: SourceSpecification.Field, _ missing: Reason) -> Int32? {
      guard let severity = examined(field, isEmpty: text.isEmpty, missing, rules, &result) else { return nil }
      if let date = CalendarDate(iso: text) { return date.day }
      result.fault(.registrationDateInvalid, severity)
      return nil
    }
    var from = day(record.registeredFrom, .registeredFrom, .registeredFromMissing)
    var to = day(record.registeredTo, .registeredTo, .registeredToMissing)
    if let start = from, result.identity.hasBirthDay, start < result.identity.birthDay {
      result.fault(.registrationBeforeBirth, rules.severity(.registeredFrom) ?? .optional)
      from = nil
    }
    if let start = from, let end = to, end < start {
      result.fault(.registrationEndsBeforeStart, rules.severity(.registeredTo) ?? .optional)
      to = nil
    }
    // A newborn is often registered on the day of birth.
    let births = BirthDates(birthDay: result.birthDay, daysAfterBirth: rules.monthOnly.daysAfterBirth)
    if let from { result.clinical.registeredFrom = births.coarse(from) }
    if let to { result.clinical.registeredTo = births.coarse(to) }
  }
}
