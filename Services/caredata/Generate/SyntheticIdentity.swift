import Clinical

/// The identifiers with which a source presents a person.
struct SyntheticIdentity {
  var nhsNumber: String
  var born: CalendarDate?
  var sex: String
  var postcode: String
  /// Whether any of them is missing or wrong.
  var isFaulty = false
}

extension SyntheticPopulation {
  /// Faults per thousand persons: NHS number missing, its check digit wrong, date of birth missing, wrong, postcode
  /// missing, a pseudo postcode.
  private static func faults(_ source: ExtractSource) -> [Int] {
    switch source {
    case .gp: [10, 7, 2, 5, 10, 3]
    case .hospital: [40, 10, 2, 10, 15, 5]
    case .community: [25, 10, 2, 10, 8, 2]
    }
  }

  /// The same in every row of the source. Canaries keep what identifies them, so that a scan for it means something;
  /// of every third the hospital lacks the NHS number.
  func identity(of person: SyntheticPerson, in source: ExtractSource) -> SyntheticIdentity {
    var identity = SyntheticIdentity(
      nhsNumber: person.nhsNumber, born: person.born, sex: String(person.sex), postcode: person.postcode)
    if person.isCanary {
      if source == .hospital, person.index % 3 == 2 { identity.nhsNumber = "" }
      return identity
    }
    if person.objectionCanary != nil { return identity }
    let stream = person.index * 4 + (ExtractSource.allCases.firstIndex(of: source) ?? 0)
    var random = SplitMix64(seed: seed, .identity, stream)
    let drawn = Self.faults(source).map { random.chance(perMille: $0) }
    identity.isFaulty = drawn.contains(true)
    if drawn[0] {
      identity.nhsNumber = ""
    } else if drawn[1] {
      identity.nhsNumber = wrongNHSNumber(person, &random)
    }
    if drawn[2] {
      identity.born = nil
    } else if drawn[3] {
      identity.born = wrong(person.born, &random)
    }
    if drawn[4] {
      identity.postcode = ""
    } else if drawn[5] {
      identity.postcode = random.pick(["ZZ99 3VZ", "ZZ99 3WZ", "ZZ99 3CZ"])
    }
    return identity
  }

  /// Day and month exchanged, else some days off; never among the canaries' dates nor in the future.
  private func wrong(_ born: CalendarDate, _ random: inout SplitMix64) -> CalendarDate {
    let exchanged = CalendarDate(year: born.year, month: born.dayOfMonth, day: born.month)
    let shifted = CalendarDate(day: born.day - Int32(random.within(1...40)))
    let result = exchanged.flatMap { $0 == born || $0 > Self.period.first ? nil : $0 } ?? shifted
    return result < Self.firstOrdinaryBirth ? CalendarDate(day: born.day + 1) : result
  }
}
