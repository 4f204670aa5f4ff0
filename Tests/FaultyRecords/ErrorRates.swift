/// How often a source gets a field wrong, in hundredths of records.
struct ErrorRates {
  let numberMissing: Double
  let numberWrong: Double
  let birthWrong: Double
  /// 1 January 1900.
  let birthDefault: Double
  /// 1 January of the right year.
  let birthFirstOfJanuary: Double
  let birthMissing: Double
  /// Of those who have moved.
  let oldPostcode: Double
  let postcodeMistyped: Double
  let sexWrong: Double

  static func of(_ source: FaultyRecord.Source) -> ErrorRates {
    switch source {
    case .gp:
      ErrorRates(
        numberMissing: 2, numberWrong: 0.2, birthWrong: 0.3, birthDefault: 0.05, birthFirstOfJanuary: 0.1,
        birthMissing: 0.05, oldPostcode: 25, postcodeMistyped: 0.4, sexWrong: 0.15)
    case .hospital:
      ErrorRates(
        numberMissing: 6, numberWrong: 0.8, birthWrong: 1, birthDefault: 0.3, birthFirstOfJanuary: 0.3,
        birthMissing: 0.2, oldPostcode: 45, postcodeMistyped: 1, sexWrong: 0.4)
    case .community:
      ErrorRates(
        numberMissing: 18, numberWrong: 2, birthWrong: 2.5, birthDefault: 1, birthFirstOfJanuary: 0.8,
        birthMissing: 0.6, oldPostcode: 50, postcodeMistyped: 2, sexWrong: 0.8)
    }
  }

  /// Of hospital records of children under one: the mother's number.
  static let mothersNumber = 2.0
  static let householdsMoved = 14.0
  /// Of births of children: two at once.
  static let twins = 1.6
  /// A wrong number has: one digit wrong, two neighbours exchanged, two digits wrong and a right check digit, or is
  /// somebody else's.
  static let wrongNumbers = [55.0, 23, 12, 10]
}
