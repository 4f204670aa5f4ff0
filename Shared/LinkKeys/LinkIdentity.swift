import Clinical
import Contracts
import Cryptography
import Linking

/// What keys of linkage are made of: the identity of one record, in the form in which its parts go into keys.
public struct LinkIdentity: Hashable, Sendable {
  /// 0: none that is valid.
  public var number: UInt64 = 0
  /// Ten digits that fail the check digit; 0: none such.
  public var mistypedNumber: UInt64 = 0
  /// Days since 1970-01-01. A date that systems write for none is none.
  public private(set) var birthDay: Int32?
  public private(set) var year: UInt16 = 0
  public private(set) var month: UInt8 = 0
  public private(set) var dayOfMonth: UInt8 = 0
  /// 1 male, 2 female; 0: not known.
  public private(set) var sex: UInt8 = 0
  /// Seven bytes: the outward code, filled with zeros to four, and the inward code; 0: none that tells a place.
  public private(set) var postcode: UInt64 = 0
  /// Keyed digest of organisation and patient reference; 0: none.
  public var local: UInt64 = 0

  public init() {}

  /// All that equality asks for, in few words.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(number ^ mistypedNumber << 1)
    hasher.combine(postcode ^ UInt64(sex) << 60)
    hasher.combine(local ^ UInt64(truncatingIfNeeded: birthDay ?? .min) << 20)
  }

  public init(_ section: IdentitySection) {
    number = Self.tenDigits(section.nhsNumber) ?? 0
    if section.hasBirthDay { set(birth: CalendarDate(day: section.birthDay)) }
    set(sex: section.sex)
    set(postcode: section.postcode)
    if number == 0 { mistypedNumber = Self.tenDigits(section.mistypedNhsNumber) ?? 0 }
    local = section.local
  }

  public mutating func set(birth: CalendarDate?) {
    guard let birth, !Self.writtenForNone.contains(birth.day) else {
      (birthDay, year, month, dayOfMonth) = (nil, 0, 0, 0)
      return
    }
    birthDay = birth.day
    (year, month, dayOfMonth) = (UInt16(clamping: birth.year), UInt8(birth.month), UInt8(birth.dayOfMonth))
  }

  public mutating func set(sex: UInt32) { self.sex = sex == 1 || sex == 2 ? UInt8(sex) : 0 }

  /// - Parameter postcode: "SW1A 1AA", with or without its space.
  public mutating func set(postcode: some StringProtocol) {
    self.postcode = 0
    guard !postcode.hasPrefix("ZZ99") else { return }
    var characters: UInt64 = 0
    var count = 0
    for byte in postcode.utf8 where byte != 0x20 {
      characters = characters << 8 | UInt64(byte)
      count += 1
    }
    guard 5...7 ~= count else { return }
    let (outward, inward) = (characters >> 24, characters & 0xFF_FFFF)
    self.postcode = outward << (24 + 8 * UInt64(7 - count)) | inward
  }

  /// - Parameter number: what may be an NHS number or a mistyped one.
  public mutating func set(tenDigits number: UInt64) {
    let isValid = NHSNumber.checkDigit(ofFirstNine: Int(number / 10)) == Int(number % 10)
    (self.number, mistypedNumber) = isValid ? (number, 0) : (0, number)
  }

  /// As `Combination.isSpecific` says of its tokens.
  public var isSpecific: Bool {
    number != 0 || local != 0 || (birthDay != nil && sex != 0 && postcode != 0)
  }

  public var birth: LinkNodes.Birth {
    if birthDay == nil { return .unknown }
    return month == 1 && dayOfMonth == 1 ? .firstOfJanuary : .known
  }

  /// Source: HESID and HES–DID ignore 1 January 1900; 1800 and 15 October 1582 are what other systems begin to count at.
  private static let writtenForNone = Set(
    [(1900, 1, 1), (1800, 1, 1), (1582, 10, 15)].compactMap {
      CalendarDate(year: $0.0, month: $0.1, day: $0.2)?.day
    })

  static func tenDigits(_ text: some StringProtocol) -> UInt64? {
    text.utf8.count == 10 ? UInt64(text) : nil
  }

  /// The ten digits of ``number``.
  func appendNumber(to fields: inout HMACSHA256.Fields) {
    withUnsafeTemporaryAllocation(byteCount: 10, alignment: 1) { digits in
      var rest = number
      for place in (0..<10).reversed() {
        digits[place] = 0x30 + UInt8(rest % 10)
        rest /= 10
      }
      fields.append(UnsafeRawBufferPointer(digits))
    }
  }

  /// Valid numbers that are one digit, or one exchange of neighbours, away from ``mistypedNumber``: about eleven.
  var numberGuesses: [UInt64] {
    guard mistypedNumber != 0 else { return [] }
    var guesses: [UInt64] = []
    var weight: UInt64 = 1
    for _ in 0..<10 {
      let digit = mistypedNumber / weight % 10
      let rest = mistypedNumber - digit * weight
      for other: UInt64 in 0..<10 where other != digit { Self.add(rest + other * weight, &guesses) }
      if weight > 1 {
        // With the neighbour to the right.
        let right = weight / 10
        let neighbour = mistypedNumber / right % 10
        if neighbour != digit {
          Self.add(mistypedNumber - digit * weight - neighbour * right + neighbour * weight + digit * right, &guesses)
        }
      }
      weight *= 10
    }
    return guesses
  }

  private static func add(_ number: UInt64, _ guesses: inout [UInt64]) {
    if NHSNumber.checkDigit(ofFirstNine: Int(number / 10)) == Int(number % 10), !guesses.contains(number) {
      guesses.append(number)
    }
  }
}
