/// A step of linkage: which keys count, and what they are allowed to join.
///
/// The steps are taken in order, each on the clusters that the ones before have left; within a step everything is decided
/// on what was there at its beginning. So the outcome is a function of the set of records.
public enum LinkPass: UInt8, CaseIterable, Sendable {
  /// The NHS number with something else.
  case number = 1

  // Clusters without a trusted number join the one with, and only where exactly one answers.
  case local
  case numberNearly
  case demographics
  case birthPostcode
  case postcodeNearly
  case dayMonthSwapped
  case numberOfAnother

  // Nobody has a number: of clusters without one, those join that have only each other.
  case dayMonthSwappedAlone
  case birthPostcodeAlone
  case postcodeNearlyAlone
  case unitNearlyAlone
  case yearNearlyAlone
  case monthNearlyAlone
  case dayNearlyAlone
  case firstOfJanuaryAlone
  case yearAlone
  case districtAlone

  /// Any of them, equal, counts.
  var keys: [PassKey] {
    switch self {
    case .number: []
    case .local: [.localSex, .localYearMonth, .localYearDay, .localMonthDay]
    case .numberNearly: [.numberBirthSex]
    case .demographics: [.demographics]
    case .birthPostcode, .birthPostcodeAlone: [.birthPostcode]
    case .postcodeNearly, .postcodeNearlyAlone: [.birthSexAreaInward, .birthSexDistrictInward, .birthSexOutwardUnit]
    case .dayMonthSwapped, .dayMonthSwappedAlone: [.yearSwappedSexPostcode]
    case .numberOfAnother: [.numberSexPostcode]
    case .unitNearlyAlone: [.birthSexSectorFirst, .birthSexSectorLast]
    case .yearNearlyAlone: [.decadeMonthDaySexPostcode, .lastDigitMonthDaySexPostcode]
    case .monthNearlyAlone: [.yearDaySexPostcode]
    case .dayNearlyAlone: [.yearMonthSexPostcode]
    case .firstOfJanuaryAlone, .yearAlone: [.yearSexPostcode]
    case .districtAlone: [.birthSexOutward]
    }
  }

  /// Everything in the key is as it should be, so any number of clusters may share it.
  var isExact: Bool {
    switch self {
    case .local, .numberNearly, .demographics, .firstOfJanuaryAlone: true
    default: false
    }
  }

  /// One anchor does not answer several.
  var isMutual: Bool { !isExact && reachesNumbers || self == .districtAlone }

  /// Looks for a cluster with a trusted number.
  var reachesNumbers: Bool { rawValue < Self.dayMonthSwappedAlone.rawValue }

  static let weak = allCases.filter { $0 != .number }
}
