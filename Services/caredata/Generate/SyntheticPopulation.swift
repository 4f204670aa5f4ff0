import Clinical

/// A person of the synthetic region, as it is in truth: every source presents it with faults of its own.
struct SyntheticPerson {
  let index: Int
  let nhsNumber: String
  let born: CalendarDate
  /// PERSON GENDER CODE CURRENT.
  let sex: Int
  let postcode: String
  let ethnicCategory: String
  let practice: Int
  /// The practice before a move of the last months; it still lists the person.
  let previousPractice: Int?
  let conditions: [SyntheticCondition]
  let objection: SyntheticObjection?
  let isCanary: Bool
  /// Where the person's record must never pass; nil: nowhere in particular.
  let objectionCanary: ObjectionCanaryPlace?
  /// Has so many events that the record exceeds what a message may hold.
  let isTooLarge: Bool

  func age(on day: CalendarDate) -> Int {
    let hadBirthday = (day.month, day.dayOfMonth) >= (born.month, born.dayOfMonth)
    return day.year - born.year - (hadBirthday ? 0 : 1)
  }
}

/// Where an objector was put whose record would count, so that everybody can see that it does not: one with a Type 1
/// code in every practice, and one of the national list at every hospital and community provider.
enum ObjectionCanaryPlace: Hashable {
  case practice
  /// Place in `SyntheticPopulation.hospitals`.
  case hospital(Int)
  case community
}

/// How a person objects, if at all.
enum SyntheticObjection: String, CaseIterable, Codable {
  case type1 = "type_1"
  case type1Withdrawn = "type_1_withdrawn"
  /// Fails closed: it counts.
  case type1Undated = "type_1_undated"
  /// Dissent and withdrawal of one day: the dissent wins.
  case type1SameDay = "type_1_same_day"
  /// As a code in the GP record.
  case type2Coded = "type_2_coded"
  case type2Listed = "type_2_listed"
  case type2ListedWithdrawn = "type_2_listed_withdrawn"

  var isInForce: Bool { self != .type1Withdrawn && self != .type2ListedWithdrawn }

  /// Persons per thousand: 39 objectors, of whom a few have changed their minds.
  var perMille: Int {
    switch self {
    case .type1: 15
    case .type1Withdrawn: 3
    case .type1Undated: 1
    case .type1SameDay: 1
    case .type2Coded: 2
    case .type2Listed: 16
    case .type2ListedWithdrawn: 2
    }
  }
}

/// The people of the region, each a function of seed and number, so that no population is held in memory.
struct SyntheticPopulation {
  static let period = Period("2026-10")!
  /// Most people born before 1925 would stand out; here exactly the canaries are.
  static let firstOrdinaryBirth = CalendarDate(year: 1925, month: 1, day: 2)!

  private static let latestBirthOfObjectionCanary = CalendarDate(year: 1990, month: 6, day: 15)!

  let count: Int
  let seed: UInt64
  let practices: Int
  let canaries: Int
  private let numbers: SyntheticNHSNumbers

  init(count: Int, seed: UInt64) {
    self.count = count
    self.seed = seed
    practices = max(2, (count + 1250) / 2500)
    canaries = min(12, count / 10)
    numbers = SyntheticNHSNumbers(seed: seed, count: count + Self.outsiders(count))
  }

  /// People of the national list who live elsewhere.
  var outsiders: Int { Self.outsiders(count) }

  private static func outsiders(_ count: Int) -> Int { count / 200 }

  func nhsNumberOfOutsider(_ number: Int) -> String { numbers[count + number] }

  func wrongNHSNumber(_ person: SyntheticPerson, _ random: inout SplitMix64) -> String {
    numbers.wrong(person.index, &random)
  }

  /// The person who has too many events comes after the canaries.
  var tooLarge: Int { canaries }

  /// The objectors put into practices and other organisations come next, from the first practice on.
  private var firstObjectionCanary: Int { (tooLarge / practices + 1) * practices }

  func objectionCanary(_ index: Int) -> ObjectionCanaryPlace? {
    switch index - firstObjectionCanary {
    case 0..<practices: .practice
    case let place where practices..<(practices + Self.hospitals.count) ~= place: .hospital(place - practices)
    case practices + Self.hospitals.count: .community
    default: nil
    }
  }

  var objectionCanaries: Range<Int> {
    firstObjectionCanary..<(firstObjectionCanary + practices + Self.hospitals.count + 1)
  }

  /// The first who is nothing special is a newborn, so that every region has a birth.
  private var newborn: Int { objectionCanaries.upperBound }

  func person(_ index: Int) -> SyntheticPerson {
    var random = SplitMix64(seed: seed, .person, index)
    let isCanary = index < canaries
    let objectionCanary = self.objectionCanary(index)
    var born = isCanary ? birthOfCanary(index) : birth(&random)
    // Old enough for every event that makes the record count.
    if objectionCanary != nil { born = min(born, Self.latestBirthOfObjectionCanary) }
    if index == newborn { born = max(born, Self.firstAdmission) }
    let practice = index % practices
    let ageBand = Self.band(age: Self.period.last.year - born.year)
    let isMale = random.chance(perMille: ageBand == 6 ? 400 : 497)
    let sex = random.chance(perMille: 3) ? random.pick([0, 9]) : isMale ? 1 : 2
    var conditions = SyntheticCondition.allCases.filter { random.chance(perMille: $0.prevalence[ageBand]) }
    if isCanary || objectionCanary != nil, conditions.isEmpty { conditions = [SyntheticCondition.allCases[index % 4]] }
    let moved = !isCanary && objectionCanary == nil && index != tooLarge && random.chance(perMille: 5)
    return SyntheticPerson(
      index: index, nhsNumber: numbers[index], born: born, sex: sex,
      postcode: isCanary
        ? SyntheticCodes.postcode(outward: 99, &random)
        : SyntheticCodes.postcode(outward: practice % 30 * 3 + 1 + random.below(3), &random),
      ethnicCategory: random.pick(Self.ethnicCategories), practice: practice,
      previousPractice: moved ? (practice + 1) % practices : nil, conditions: conditions,
      // Whoever objects is not scanned for behind the filter, so canaries do not.
      objection: isCanary || index == tooLarge ? nil : objection(), isCanary: isCanary,
      objectionCanary: objectionCanary, isTooLarge: index == tooLarge)

    func objection() -> SyntheticObjection? {
      if let objectionCanary { return objectionCanary == .practice ? .type1 : .type2Listed }
      var random = SplitMix64(seed: seed, .objections, index)
      var draw = random.below(1000)
      for kind in SyntheticObjection.allCases {
        if draw < kind.perMille { return kind }
        draw -= kind.perMille
      }
      return nil
    }
  }

  /// One canary per year, so that no two share a date of birth.
  private func birthOfCanary(_ index: Int) -> CalendarDate {
    var random = SplitMix64(seed: seed, .canaries, index)
    let start = CalendarDate(year: 1912 + index, month: 1, day: 1)!
    return CalendarDate(day: start.day + Int32(random.below(365)))
  }

  private func birth(_ random: inout SplitMix64) -> CalendarDate {
    let age = random.place(weights: Self.agePyramid) * 5
    let latest = Self.period.first.day - 1 - Int32(age) * 365 - Int32(age / 4)
    return CalendarDate(day: max(latest - Int32(random.below(1826)), Self.firstOrdinaryBirth.day))
  }

  /// The condition tables' age bands: 0-17, 18-39, 40-49, 50-59, 60-69, 70-79, from 80.
  static func band(age: Int) -> Int {
    switch age {
    case ..<18: 0
    case ..<40: 1
    default: min(6, age / 10 - 2)
    }
  }

  /// People per thousand in five-year bands from 0-4 to 95-99, about as in England.
  private static let agePyramid = [54, 59, 61, 58, 60, 66, 70, 69, 66, 61, 67, 67, 60, 50, 45, 39, 25, 15, 6, 2]
  /// 2001 categories, about as frequent as in England; Z is not stated.
  private static let ethnicCategories =
    Array(repeating: "A", count: 72) + Array(repeating: "C", count: 5) + Array(repeating: "Z", count: 4)
    + Array(repeating: "", count: 3) + ["B", "D", "E", "F", "G", "H", "H", "H", "J", "J", "J", "K", "L", "M", "N", "P"]
}
