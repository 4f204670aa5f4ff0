import Clinical
import Contracts
import Specification

/// What is made of the coded entries of a record: objections are acted on, sensitive codes and what is tied to them are
/// left out, and of the rest remains what the specification collects. Dates are judged as they came; afterwards those
/// that would tell the day of a birth lose their day.
enum EntryValidation {
  /// No measurement has more digits before the point, but an NHS number or a date of birth has.
  private static let greatestValue = 1e7
  /// Larger ones are somebody's identifiers, not numbers within a record.
  private static let greatestEncounter: UInt32 = 99_999

  static func decisions(_ record: PatientRecord, _ result: inout ValidatedRecord) {
    var decisions: [ObjectionType: Decision] = [:]
    for entry in record.entries {
      guard let system = ClinicalCode.System(rawValue: entry.system.rawValue) else {
        if isUnknown(entry.system) { result.hasUnknownCodeSystem = true }
        continue
      }
      guard let code = try? ClinicalCode(system: system, normalising: entry.code),
        let decision = decision(code, day: entry.hasDay ? entry.day : nil)
      else { continue }
      result.decisionSystem = entry.system
      add(decision, to: &decisions)
    }
    result.decisions = sorted(decisions)
  }

  static func validate(_ record: PatientRecord, _ rules: ExtractRules, _ result: inout ValidatedRecord) {
    var decisions: [ObjectionType: Decision] = [:]
    var dropped = DropCounts()
    var restricted: Set<UInt32> = []
    let birth = result.identity.hasBirthDay ? result.identity.birthDay : Int32.min
    var births = BirthDates(birthDay: result.birthDay, daysAfterBirth: rules.monthOnly.daysAfterBirth)
    var kept: [Entry] = []
    kept.reserveCapacity(record.entries.count)
    for entry in record.entries {
      var entry = entry
      var tellsBirth = false
      if let system = ClinicalCode.System(rawValue: entry.system.rawValue) {
        guard let code = try? ClinicalCode(system: system, normalising: entry.code) else {
          dropped.add(.entryCodeInvalid)
          continue
        }
        let verdict = rules.codes.verdict(code)
        tellsBirth = verdict.tellsBirth
        if tellsBirth { births.addEpisode(entry.encounter) }
        switch verdict.decision {
        case .objection:
          if let decision = decision(code, day: entry.hasDay ? entry.day : nil) { add(decision, to: &decisions) }
          result.decisionSystem = entry.system
          dropped.add(.objectionCode)
          continue
        case .excluded(let isStatutory):
          // Whatever else would keep the entry out, it tells which encounter is restricted.
          if isStatutory { result.isDeidentified = true }
          if entry.encounter > 0 { restricted.insert(entry.encounter) }
          result.excludedEntries += 1
          continue
        case .outsideReferenceSets:
          dropped.add(.entryOutsideReferenceSets)
          continue
        case .collected(let text): entry.code = text
        }
      } else {
        if isUnknown(entry.system) {
          result.hasUnknownCodeSystem = true
          continue
        }
        let method = entry.system == .admissionMethod ? try? AdmissionMethod(validating: entry.code) : nil
        if let method, rules.monthOnly.admissionMethods.contains(method) {
          tellsBirth = true
          births.addEpisode(entry.encounter)
        }
        guard rules.source.codes.systems.contains(entry.system) else {
          dropped.add(.entrySystemNotCollected)
          continue
        }
        guard isCode(entry, method) else {
          dropped.add(.entryCodeInvalid)
          continue
        }
      }
      if let reason = dateFault(entry, birth: birth, rules) {
        dropped.add(reason)
        continue
      }
      clean(&entry, rules, &result)
      births.mark(&entry, tellsBirth: tellsBirth)
      kept.append(entry)
    }
    if !restricted.isEmpty {
      let before = kept.count
      kept.removeAll { $0.encounter > 0 && restricted.contains($0.encounter) }
      result.excludedEntries += Int32(before - kept.count)
    }
    births.coarsen(&kept)
    for index in kept.indices where kept[index].encounter > greatestEncounter {
      kept[index].encounter = 0
      result.note(.entryEncounterInvalid)
    }
    result.clinical.entries = kept
    result.decisions = sorted(decisions)
    result.notes += dropped.notes
  }

  // MARK: One entry

  /// Why the date keeps the entry out.
  private static func dateFault(_ entry: Entry, birth: Int32, _ rules: ExtractRules) -> Reason? {
    guard entry.hasDay else { return rules.source.entryDate == .mandatory ? .entryDateMissing : nil }
    if entry.day > rules.last { return .entryAfterPeriod }
    if isBefore(birth, entry) { return .entryBeforeBirth }
    return isBefore(rules.earliest, entry) ? .entryBeforeLookBack : nil
  }

  /// Where a connector sends the month only, it may be any day of it.
  private static func isBefore(_ day: Int32, _ entry: Entry) -> Bool {
    guard entry.day < day else { return false }
    guard entry.monthOnly, entry.day > day - 31 else { return true }
    return CalendarDate(day: entry.day).firstOfMonth != CalendarDate(day: day).firstOfMonth
  }

  /// Leaves out what is wrong with an entry that is kept.
  private static func clean(_ entry: inout Entry, _ rules: ExtractRules, _ result: inout ValidatedRecord) {
    if !entry.hasDay, rules.source.entryDate == .required { result.note(.entryWithoutDate) }
    if entry.hasEndDay, !entry.hasDay || entry.endDay < entry.day || entry.endDay > rules.last {
      entry.clearEndDay()
      result.note(.entryEndDateInvalid)
    }
    if entry.hasValue, !(entry.value.magnitude < greatestValue) {
      entry.clearValue()
      entry.unit = ""
      result.note(.entryValueInvalid)
    }
    // A connector of somebody else's may send what it likes as a unit.
    if !entry.unit.isEmpty, !Units.isListed(entry.unit) {
      entry.unit = ""
      result.note(.entryUnitNotListed)
    }
    if entry.position > greatestEncounter { entry.position = 0 }
  }

  /// ADMIMETH and DISMETH as HES lists them; TeamType of up to three characters: nothing that could be an identifier
  /// passes for one.
  private static func isCode(_ entry: Entry, _ method: AdmissionMethod?) -> Bool {
    if entry.system == .admissionMethod { return method?.text == entry.code }
    if entry.system == .dischargeMethod { return ["1", "2", "3", "4", "5", "8", "9"].contains(entry.code) }
    let code = entry.code.utf8
    return (1...3).contains(code.count)
      && code.allSatisfy { 0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 }
  }

  private static func isUnknown(_ system: CodeSystem) -> Bool {
    switch system {
    case .unspecified, .UNRECOGNIZED: true
    default: false
    }
  }

  // MARK: Objections

  private static func decision(_ code: ClinicalCode, day: Int32?) -> Decision? {
    guard let (type, decision) = ObjectionCode.decision(code) else { return nil }
    return Decision(
      type: type == .type1 ? .objectionType1 : .objectionType2, decision: decision == .dissent ? .dissent : .withdrawn,
      day: day)
  }

  private static func add(_ decision: Decision, to decisions: inout [ObjectionType: Decision]) {
    decisions[decision.type] = decisions[decision.type].map { .stronger($0, decision) } ?? decision
  }

  private static func sorted(_ decisions: [ObjectionType: Decision]) -> [Decision] {
    decisions.values.sorted { $0.type.rawValue < $1.type.rawValue }
  }
}

/// Entries left out of one record, by reason; a record seldom has more than one or two.
private struct DropCounts {
  private(set) var notes: [Note] = []

  mutating func add(_ reason: Reason) {
    if let place = notes.firstIndex(where: { $0.reason == reason }) {
      notes[place] = Note(reason, count: notes[place].count + 1)
    } else {
      notes.append(Note(reason))
    }
  }
}
