/// What two records of one person can have in common besides the NHS number: the keys that linkage compares.
///
/// Each becomes one token, so keys agree wholly or not at all; what is nearly equal (two of three parts of a date of birth,
/// a number or a postcode with one character mistyped) is a key of what is left. No field of low entropy stands alone: what
/// could be told from how often it comes is no pass key.
///
/// Source: the passes of HESID (sex, date of birth with tolerance, number; sex, date of birth, postcode, provider and local
/// patient id; sex, date of birth, postcode) and of the HES–DID match of 2015, with their partial dates of birth.
public enum PassKey: UInt8, CaseIterable, Sendable {
  /// Date of birth, sex and postcode.
  case demographics = 1

  // With the NHS number: what else has to agree for it to be the same person's.
  case numberYearMonth
  case numberYearDay
  case numberMonthDay
  /// Year, and day and month in either order.
  case numberYearSwapped
  case numberYearSex
  case numberSex
  case numberSexPostcode
  /// A number that fails its check digit has this key of every valid number that is one digit or one exchange of neighbours
  /// away.
  case numberBirthSex

  // With the patient's id at one organisation.
  /// Alone it joins nobody: it shows ids that several people have.
  case local
  case localSex
  case localYearMonth
  case localYearDay
  case localMonthDay

  // Of the demographics, all but what may be mistyped.
  /// Date of birth and postcode.
  case birthPostcode
  case yearSwappedSexPostcode
  /// Date of birth, sex, and the postcode without the digits of its outward code.
  case birthSexAreaInward
  /// Without the letters of its outward code.
  case birthSexDistrictInward
  /// Without the digit of its inward code.
  case birthSexOutwardUnit
  /// Without its last letter but one.
  case birthSexSectorLast
  /// Without its last letter.
  case birthSexSectorFirst
  /// Year without its last digit, month, day.
  case decadeMonthDaySexPostcode
  /// Year without its decade, month, day.
  case lastDigitMonthDaySexPostcode
  case yearDaySexPostcode
  case yearMonthSexPostcode
  case yearSexPostcode
  /// Date of birth, sex and postal district ("LS1").
  case birthSexOutward

  /// Bytes of a key, and of its token.
  public static let length = 16
}
