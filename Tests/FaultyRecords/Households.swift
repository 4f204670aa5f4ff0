import Clinical
import Fuzzing

/// Who there is, and with whom they live.
struct Household {
  var postcode: [UInt8]
  /// Where they lived before, if they have moved.
  var oldPostcode: [UInt8]?
  let district: Int
  var members: [Int] = []
}

struct Person {
  let born: CalendarDate
  let sex: Int
  let number: UInt64
  let household: Int

  var age: Int { Households.year - born.year }
}

/// Districts of 20,000 people with 504 postcodes each, as English postal districts have them. 30 in 100 households are of one
/// adult, 30 of a couple, 40 of parents and children; a few are care homes and halls of 20 to 200 people.
struct Households {
  static let year = 2025

  private(set) var people: [Person] = []
  private(set) var households: [Household] = []
  private var random: FuzzRandom
  private let districts: Int
  private var nextBody: Int
  private let step: Int
  private let firstNumber: Int
  private let numbers: Int

  init(seed: UInt64, people count: Int) {
    random = FuzzRandom(seed: seed)
    districts = max(1, count / 20_000)
    // The range that is never issued has a million numbers; above half of it there would not be one for everybody.
    (firstNumber, numbers) = count > 500_000 ? (900_000_000, 100_000_000) : (999_000_000, 1_000_000)
    nextBody = random.below(numbers)
    // Steps coprime to the size of the range, a power of ten, visit every number once.
    var step = 0
    while step % 2 == 0 || step % 5 == 0 { step = 100_000 + random.below(900_000) }
    self.step = step
    while people.count < count { addHousehold() }
  }

  private mutating func addHousehold() {
    let kind = random.below(100_000)
    if kind < 30 { return addInstitution(isHall: kind < 14) }
    let home = home(mayHaveMoved: true)
    switch kind % 100 {
    case ..<30: add(born(aged: 20...95), 1 + random.below(2), home)
    case ..<60:
      let one = born(aged: 22...90)
      add(one, 1, home)
      add(born(in: one.year - 4 + random.below(9)), 2, home)
    default: addFamily(home)
    }
  }

  private mutating func addInstitution(isHall: Bool) {
    let home = home(mayHaveMoved: false)
    for _ in 0..<(20 + random.below(181)) { add(born(aged: isHall ? 18...22 : 72...98), 1 + random.below(2), home) }
  }

  private mutating func addFamily(_ home: Int) {
    let mother = born(aged: 22...50)
    add(mother, 2, home)
    if random.below(100) < 80 { add(born(in: mother.year - 6 + random.below(9)), 1, home) }
    let oldest = max(0, min(18, Self.year - mother.year - 18))
    for _ in 0..<(1 + random.below(3)) {
      let (born, sex) = (born(aged: 0...oldest), 1 + random.below(2))
      add(born, sex, home)
      if random.chance(ErrorRates.twins) { add(born, random.below(100) < 65 ? sex : 3 - sex, home) }
    }
  }

  private mutating func add(_ born: CalendarDate, _ sex: Int, _ home: Int) {
    households[home].members.append(people.count)
    people.append(Person(born: born, sex: sex, number: nextNumber(), household: home))
  }

  private mutating func home(mayHaveMoved: Bool) -> Int {
    let district = random.below(districts)
    var household = Household(postcode: postcode(in: district), district: district)
    if mayHaveMoved, random.chance(ErrorRates.householdsMoved) {
      // Most moves are short: 65 in 100 within the district, 20 to another, 15 from far away.
      switch random.below(100) {
      case ..<65: household.oldPostcode = postcode(in: district)
      case ..<85: household.oldPostcode = postcode(in: random.below(districts))
      default: household.oldPostcode = farPostcode()
      }
    }
    households.append(household)
    return households.count - 1
  }

  // MARK: Values

  static let letters = Array("ABDEFGHJLNPQRSTUWXYZ".utf8)

  private mutating func postcode(in district: Int) -> [UInt8] {
    let unit = random.below(84)
    return Array("LX\(district + 1)\(random.below(6))".utf8) + [Self.letters[unit / 20], Self.letters[unit % 20]]
  }

  private mutating func farPostcode() -> [UInt8] {
    let letters = (0..<4).map { _ in random.pick(Self.letters) }
    return letters[..<2] + Array("\(1 + random.below(30))\(random.below(10))".utf8) + letters[2...]
  }

  private mutating func born(aged ages: ClosedRange<Int>) -> CalendarDate {
    born(in: Self.year - ages.lowerBound - random.below(ages.count))
  }

  private mutating func born(in year: Int) -> CalendarDate { random.day(of: year) }

  private mutating func nextNumber() -> UInt64 {
    while true {
      nextBody = (nextBody + step) % numbers
      let nine = firstNumber + nextBody
      if let digit = NHSNumber.checkDigit(ofFirstNine: nine) { return UInt64(nine * 10 + digit) }
    }
  }
}

extension FuzzRandom {
  /// - Parameter share: in hundredths.
  mutating func chance(_ share: Double) -> Bool { Double(below(1_000_000)) < share * 10_000 }

  mutating func day(of year: Int) -> CalendarDate {
    while true {
      if let day = CalendarDate(year: year, month: 1 + below(12), day: 1 + below(31)) { return day }
    }
  }

  /// How often something happens that happens so often on average (Knuth).
  mutating func poisson(_ mean: Double) -> Int {
    let limit = 1 / powerOfE(mean)
    var product = 1.0
    var count = -1
    repeat {
      product *= Double(below(1 << 30)) / Double(1 << 30)
      count += 1
    } while product > limit
    return count
  }

  private func powerOfE(_ exponent: Double) -> Double {
    var (sum, term, place) = (1.0, 1.0, 1.0)
    while term > 1e-12 {
      term *= exponent / place
      sum += term
      place += 1
    }
    return sum
  }
}
