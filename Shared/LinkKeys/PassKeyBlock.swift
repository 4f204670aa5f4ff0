import Linking

extension PassKey {
  /// One block of 16 bytes: the pass, then its fields at fixed places, so that no two passes and no two splits of fields
  /// collide. Fields that the pass leaves open are zero.
  struct Block {
    var high: UInt64
    var low: UInt64

    fileprivate init(_ pass: PassKey, sex: UInt8 = 0, middle: UInt64, low: UInt64) {
      high = UInt64(pass.rawValue) << 56 | UInt64(sex) << 48 | middle
      self.low = low
    }
  }

  /// `nil` unless every field is known and of use.
  func block(_ identity: LinkIdentity) -> Block? {
    switch self {
    case .demographics: demographics(identity)
    case .numberYearMonth, .numberYearDay, .numberMonthDay, .numberYearSwapped: numberBirth(identity)
    case .numberYearSex, .numberSex, .numberSexPostcode, .numberBirthSex: numberSex(identity)
    case .local, .localSex, .localYearMonth, .localYearDay, .localMonthDay: ofLocal(identity)
    default: placeAndBirth(identity)
    }
  }

  /// Of a guess at a mistyped number.
  static func guessed(_ number: UInt64, _ identity: LinkIdentity) -> Block? {
    guard identity.sex != 0, identity.birth == .known, let birth = Birth(identity) else { return nil }
    return Block(.numberBirthSex, sex: identity.sex, middle: number, low: birth.whole)
  }

  /// Stored under this form from the beginning: day since 1970 big-endian, sex, postcode without its space, zeros.
  private func demographics(_ identity: LinkIdentity) -> Block? {
    guard let day = identity.birthDay, identity.sex != 0, identity.postcode != 0 else { return nil }
    var postcode = identity.postcode
    // Seven bytes without the zeros between the two codes.
    while postcode & 0xFF00_0000 == 0 { postcode = (postcode >> 32) << 24 | postcode & 0xFF_FFFF }
    var length: UInt64 = 0
    while postcode >> (8 * length) != 0 { length += 1 }
    postcode <<= 8 * (7 - length)
    return Block(
      self, middle: UInt64(UInt32(bitPattern: day)) << 24 | UInt64(identity.sex) << 16 | postcode >> 40,
      low: postcode << 24)
  }

  private func numberBirth(_ identity: LinkIdentity) -> Block? {
    guard identity.number != 0, let birth = Birth(identity) else { return nil }
    let part =
      switch self {
      case .numberYearMonth: birth.yearMonth
      case .numberYearDay: birth.yearDay
      case .numberMonthDay: birth.monthDay
      default: birth.yearSwapped
      }
    return Block(self, middle: identity.number, low: part)
  }

  private func numberSex(_ identity: LinkIdentity) -> Block? {
    guard identity.number != 0, identity.sex != 0 else { return nil }
    switch self {
    case .numberSex: return Block(self, sex: identity.sex, middle: identity.number, low: 0)
    case .numberSexPostcode:
      guard identity.postcode != 0 else { return nil }
      return Block(self, sex: identity.sex, middle: identity.number, low: identity.postcode)
    case .numberYearSex:
      guard let birth = Birth(identity) else { return nil }
      return Block(self, sex: identity.sex, middle: identity.number, low: birth.year)
    default: return Self.guessed(identity.number, identity)
    }
  }

  private func ofLocal(_ identity: LinkIdentity) -> Block? {
    guard identity.local != 0 else { return nil }
    if self == .local { return Block(self, middle: 0, low: identity.local) }
    if self == .localSex {
      return identity.sex == 0 ? nil : Block(self, sex: identity.sex, middle: 0, low: identity.local)
    }
    guard let birth = Birth(identity) else { return nil }
    let part =
      switch self {
      case .localYearMonth: birth.yearMonth
      case .localYearDay: birth.yearDay
      default: birth.monthDay
      }
    return Block(self, middle: part, low: identity.local)
  }

  private func placeAndBirth(_ identity: LinkIdentity) -> Block? {
    guard identity.postcode != 0, let birth = Birth(identity) else { return nil }
    guard self == .yearSexPostcode || identity.birth == .known, self == .birthPostcode || identity.sex != 0 else {
      return nil
    }
    let place = Place(identity.postcode)
    let sex = self == .birthPostcode ? 0 : identity.sex
    let (part, postcode) =
      switch self {
      case .yearSwappedSexPostcode: (birth.yearSwapped, place.whole)
      case .birthSexAreaInward: (birth.whole, place.areaInward)
      case .birthSexDistrictInward: (birth.whole, place.districtInward)
      case .birthSexOutwardUnit: (birth.whole, place.outwardUnit)
      case .birthSexSectorLast: (birth.whole, place.sectorLast)
      case .birthSexSectorFirst: (birth.whole, place.sectorFirst)
      case .decadeMonthDaySexPostcode: (birth.decadeMonthDay, place.whole)
      case .lastDigitMonthDaySexPostcode: (birth.lastDigitMonthDay, place.whole)
      case .yearDaySexPostcode: (birth.yearDay, place.whole)
      case .yearMonthSexPostcode: (birth.yearMonth, place.whole)
      case .yearSexPostcode: (birth.year, place.whole)
      case .birthSexOutward: (birth.whole, place.outward)
      default: (birth.whole, place.whole)
      }
    return Block(self, sex: sex, middle: part, low: postcode)
  }
}

/// Parts of a date of birth, each at its place in 32 bits.
private struct Birth {
  private let years: UInt64
  private let months: UInt64
  private let days: UInt64

  init?(_ identity: LinkIdentity) {
    guard identity.birthDay != nil else { return nil }
    (years, months, days) = (UInt64(identity.year), UInt64(identity.month), UInt64(identity.dayOfMonth))
  }

  var whole: UInt64 { years << 16 | months << 8 | days }
  var year: UInt64 { years << 16 }
  var yearMonth: UInt64 { years << 16 | months << 8 }
  var yearDay: UInt64 { years << 16 | days }
  var monthDay: UInt64 { months << 8 | days }
  var yearSwapped: UInt64 { years << 16 | min(months, days) << 8 | max(months, days) }
  var decadeMonthDay: UInt64 { (years / 10) << 16 | months << 8 | days }
  var lastDigitMonthDay: UInt64 { (years % 10) << 16 | months << 8 | days }
}

/// Parts of a postcode, each at its place in seven bytes.
private struct Place {
  let whole: UInt64

  init(_ postcode: UInt64) { whole = postcode }

  private var inward: UInt64 { whole & 0xFF_FFFF }

  var outward: UInt64 { whole & ~0xFF_FFFF }
  var outwardUnit: UInt64 { whole & ~0xFF_0000 }
  var sectorFirst: UInt64 { whole & ~0xFF }
  var sectorLast: UInt64 { whole & ~0xFF00 }
  /// Letters of the outward code only.
  var areaInward: UInt64 { keep(digits: false) }
  /// Digits of the outward code only.
  var districtInward: UInt64 { keep(digits: true) }

  private func keep(digits: Bool) -> UInt64 {
    var kept = inward
    for shift in stride(from: UInt64(24), to: 56, by: 8) where (0x30...0x39 ~= whole >> shift & 0xFF) == digits {
      kept |= whole & (0xFF << shift)
    }
    return kept
  }
}
