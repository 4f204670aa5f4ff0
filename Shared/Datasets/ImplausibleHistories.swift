import Clinical

/// The six checks on linked histories. What has only its month is compared by months.
enum ImplausibleHistories {
  /// Born in hospital, or before arrival.
  private static let births = packed(["82", "83"])
  /// Before and after delivery.
  private static let deliveries = packed(["31", "32"])
  private static let transfers = packed(["81"])

  private static func packed(_ methods: [String]) -> Set<UInt64> { Set(methods.map { PersonHistory.packed($0.utf8) }) }

  static func holds(_ history: ImplausibleHistory, _ person: PersonView) -> Bool {
    guard !person.spells.isEmpty else { return false }
    switch history {
    case .multipleBirths: return birthMonths(person).values.contains { $0 > 1 }
    case .twoBirths: return birthMonths(person).count > 1
    case .activityAfterDeath: return isActiveAfterDeath(person)
    case .simultaneousAdmission: return isInTwoHospitals(person)
    case .infantDelivery: return years(person).max().map { isAny(person, deliveries, atMost: $0 + 1) } ?? false
    case .adolescentBirth: return years(person).min().map { isAny(person, births, atLeast: $0 + 10) } ?? false
    }
  }

  private static func birthMonths(_ person: PersonView) -> [Period: Int] {
    var months: [Period: Int] = [:]
    for spell in person.spells where births.contains(spell.method) {
      months[Period(containing: CalendarDate(day: spell.admitted)), default: 0] += 1
    }
    return months
  }

  private static func isActiveAfterDeath(_ person: PersonView) -> Bool {
    guard let death = person.spells.filter(\.hasDied).compactMap(\.discharged).min() else { return false }
    return person.spells.contains { $0.admitted > death } || person.contacts.contains { $0.entry.day > death }
  }

  /// A night in common: who is moved is in two hospitals on one day.
  private static func isInTwoHospitals(_ person: PersonView) -> Bool {
    let stays = person.spells.filter { !$0.isMonthOnly && !transfers.contains($0.method) }
    for (place, one) in stays.enumerated() {
      guard let end = one.discharged else { continue }
      for other in stays[..<place] where other.organisation != one.organisation {
        guard let otherEnd = other.discharged else { continue }
        if max(one.admitted, other.admitted) < min(end, otherEnd) { return true }
      }
    }
    return false
  }

  /// The years of birth that the records say: several, where two people were taken for one.
  private static func years(_ person: PersonView) -> [Int] {
    person.records.map { Int($0.yearOfBirth) }.filter { $0 > 0 }
  }

  private static func isAny(
    _ person: PersonView, _ methods: Set<UInt64>, atLeast first: Int = .min, atMost last: Int = .max
  ) -> Bool {
    person.spells.contains { methods.contains($0.method) && first...last ~= CalendarDate(day: $0.admitted).year }
  }
}
