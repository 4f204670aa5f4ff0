/// Why a record is rejected, or accepted with a fault, or one of its entries left out. Part of receipts: a closed list.
///
/// The raw values stand in staged rows.
enum Reason: Int32, CaseIterable {
  // Of the record
  case patientRefMissing = 1
  case duplicatePatient = 2
  /// What would travel on does not fit into a message.
  case recordTooLarge = 3
  case nhsNumberMissing = 10
  /// Not ten digits, or a wrong check digit.
  case nhsNumberInvalid = 11
  /// A number that systems write for "none"; it passes the check digit and would join strangers.
  case nhsNumberSentinel = 12
  case dateOfBirthMissing = 20
  case dateOfBirthInvalid = 21
  /// Before 1895 or after the extract's period.
  case dateOfBirthOutOfRange = 22
  case sexMissing = 30
  /// No code of PERSON GENDER CODE, or of PERSON STATED GENDER CODE, whichever was sent.
  case sexInvalid = 31
  case postcodeMissing = 40
  case postcodeInvalid = 41
  /// ZZ99 ...: says nothing about a place of residence.
  case postcodePseudo = 42
  case ethnicCategoryMissing = 50
  case ethnicCategoryInvalid = 51
  case practiceMissing = 60
  case practiceInvalid = 61
  /// V81997 to V81999: no practice at all.
  case practicePseudo = 62
  case registeredFromMissing = 70
  case registeredToMissing = 71
  case registrationDateInvalid = 72
  case registrationBeforeBirth = 73
  case registrationEndsBeforeStart = 74
  /// A field that the specification does not collect was sent; it is left out.
  case fieldNotCollected = 80
  // Of entries that are kept, counted once per record
  case entryWithoutDate = 100
  case entryEndDateInvalid = 101
  case entryValueInvalid = 102
  case entryUnitNotListed = 103
  case entryEncounterInvalid = 104
  // Of entries that are left out, counted one by one
  case objectionCode = 200
  case entryCodeInvalid = 201
  case entrySystemNotCollected = 202
  case entryOutsideReferenceSets = 203
  case entryDateMissing = 204
  case entryBeforeBirth = 205
  case entryAfterPeriod = 206
  case entryBeforeLookBack = 207

  /// Counted entry by entry; everything else is counted by record.
  var isOfLeftOutEntries: Bool { rawValue >= 200 }

  var code: String { Self.codes[self]! }

  /// `nhsNumberInvalid` -> `nhs_number_invalid`
  private static let codes = Dictionary(
    uniqueKeysWithValues: allCases.map { reason in
      let name = String(describing: reason)
      return (reason, name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) })
    })
}

/// A reason with how often it applies, as one number of a staged row.
struct Note: Equatable {
  let reason: Reason
  /// 1 for what is counted by record; up to the entries of a message.
  let count: Int32

  private static let shift: Int32 = 22

  init(_ reason: Reason, count: Int32 = 1) {
    self.reason = reason
    self.count = min(count, 1 << Self.shift - 1)
  }

  var packed: Int32 { reason.rawValue << Self.shift | count }

  /// SQL over a column of packed notes.
  static let reasonSQL = "(note >> \(shift))"
  static let countSQL = "(note & \((Int32(1) << shift) - 1))"
}
