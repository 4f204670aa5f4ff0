import Clinical
import Fuzzing

/// Makes the mistakes of a source in a record that is right.
struct Mistakes {
  let households: Households
  var random: FuzzRandom

  mutating func make(in record: inout FaultyRecord) {
    let rates = ErrorRates.of(record.source)
    let person = households.people[record.person]
    if let old = households.households[person.household].oldPostcode, random.chance(rates.oldPostcode) {
      record.postcode = old
    }
    record.number = number(person, record, rates)
    birth(&record, rates)
    if random.chance(rates.postcodeMistyped) { mistype(&record.postcode) }
    if random.chance(rates.sexWrong) { record.sex = 3 - record.sex }
  }

  // MARK: Number

  private mutating func number(_ person: Person, _ record: FaultyRecord, _ rates: ErrorRates) -> UInt64? {
    if random.chance(rates.numberMissing) { return nil }
    if person.age < 1, record.source == .hospital, random.chance(ErrorRates.mothersNumber),
      let mother = members(person).first(where: { $0.sex == 2 && $0.age > 15 })
    {
      return mother.number
    }
    guard random.chance(rates.numberWrong) else { return person.number }
    let kinds = ErrorRates.wrongNumbers
    switch Double(random.below(10_000)) / 100 {
    case ..<kinds[0]: return oneDigitWrong(person.number)
    case ..<(kinds[0] + kinds[1]): return neighboursExchanged(person.number)
    case ..<(kinds[0] + kinds[1] + kinds[2]): return twoDigitsWrong(person.number)
    default: return somebodyElses(person)
    }
  }

  private func members(_ person: Person) -> [Person] {
    households.households[person.household].members.map { households.people[$0] }
  }

  private mutating func oneDigitWrong(_ number: UInt64) -> UInt64 {
    var digits = Self.digits(number)
    let place = random.below(10)
    digits[place] = (digits[place] + 1 + random.below(9)) % 10
    return Self.number(digits)
  }

  private mutating func neighboursExchanged(_ number: UInt64) -> UInt64 {
    var digits = Self.digits(number)
    let places = (0..<9).filter { digits[$0] != digits[$0 + 1] }
    let place = random.pick(places)
    digits.swapAt(place, place + 1)
    return Self.number(digits)
  }

  /// And the check digit right all the same.
  private mutating func twoDigitsWrong(_ number: UInt64) -> UInt64 {
    while true {
      var digits = Self.digits(number)
      let (one, other) = (random.below(10), random.below(10))
      guard one != other else { continue }
      for place in [one, other] { digits[place] = (digits[place] + 1 + random.below(9)) % 10 }
      if NHSNumber.checkDigit(ofFirstNine: Int(Self.number(Array(digits.prefix(9))))) == digits[9] {
        return Self.number(digits)
      }
    }
  }

  /// Mostly of the household.
  private mutating func somebodyElses(_ person: Person) -> UInt64 {
    let others = members(person).filter { $0.number != person.number }
    return others.isEmpty || random.below(100) >= 85
      ? random.pick(households.people).number : random.pick(others).number
  }

  private static func digits(_ number: UInt64) -> [Int] {
    var (digits, rest) = ([Int](repeating: 0, count: 10), number)
    for place in (0..<10).reversed() {
      digits[place] = Int(rest % 10)
      rest /= 10
    }
    return digits
  }

  private static func number(_ digits: [Int]) -> UInt64 { digits.reduce(0) { $0 * 10 + UInt64($1) } }

  // MARK: Date of birth and postcode

  private mutating func birth(_ record: inout FaultyRecord, _ rates: ErrorRates) {
    guard let born = record.born else { return }
    let draw = Double(random.below(1_000_000)) / 10_000
    var limit = rates.birthWrong
    if draw < limit {
      record.born = wrong(born)
      return
    }
    limit += rates.birthDefault
    if draw < limit {
      record.born = CalendarDate(year: 1900, month: 1, day: 1)
      return
    }
    limit += rates.birthFirstOfJanuary
    if draw < limit {
      record.born = CalendarDate(year: born.year, month: 1, day: 1)
      return
    }
    limit += rates.birthMissing
    if draw < limit { record.born = nil }
  }

  /// Day and month exchanged where that is a date (30 in 100), one part wrong (55), or several.
  private mutating func wrong(_ born: CalendarDate) -> CalendarDate {
    let kind = random.below(100)
    if kind < 30, born.dayOfMonth != born.month,
      let swapped = CalendarDate(year: born.year, month: born.dayOfMonth, day: born.month)
    {
      return swapped
    }
    while true {
      var (year, month, day) = (born.year, born.month, born.dayOfMonth)
      if kind < 85 {
        switch random.below(3) {
        case 0: day = 1 + random.below(31)
        case 1: month = 1 + random.below(12)
        default: year += random.pick([-10, -9, -2, -1, 1, 2, 9, 10])
        }
      } else {
        (year, month, day) = (year - 5 + random.below(11), 1 + random.below(12), 1 + random.below(28))
      }
      if let wrong = CalendarDate(year: year, month: month, day: day), wrong != born, year <= Households.year {
        return wrong
      }
    }
  }

  private mutating func mistype(_ postcode: inout [UInt8]) {
    let place = random.below(postcode.count)
    let right = postcode[place]
    while postcode[place] == right {
      postcode[place] = right < 0x41 ? 0x30 + UInt8(random.below(10)) : random.pick(Households.letters)
    }
  }
}
