import Clinical
import Linking
import Testing

@testable import LinkKeys

struct PassKeyBlockTests {
  private static func identity(
    number: UInt64 = 9_990_000_018, birth: (Int, Int, Int)? = (1980, 3, 14), sex: UInt32 = 2,
    postcode: String = "LS11 4AP", local: UInt64 = 77
  ) -> LinkIdentity {
    var identity = LinkIdentity()
    identity.number = number
    identity.set(birth: birth.flatMap { CalendarDate(year: $0.0, month: $0.1, day: $0.2) })
    identity.set(sex: sex)
    identity.set(postcode: postcode)
    identity.local = local
    return identity
  }

  private static func agreeing(_ one: LinkIdentity, _ other: LinkIdentity) -> Set<PassKey> {
    Set(
      PassKey.allCases.filter { pass in
        guard let a = pass.block(one), let b = pass.block(other) else { return false }
        return a.high == b.high && a.low == b.low
      })
  }

  /// What is left of all keys, when one part is another.
  struct Change: CustomTestStringConvertible {
    let what: String
    let other: LinkIdentity
    let lost: Set<PassKey>
    var testDescription: String { what }
  }

  private static let ofNumber: Set<PassKey> = [
    .numberYearMonth, .numberYearDay, .numberMonthDay, .numberYearSwapped, .numberYearSex, .numberSex,
    .numberSexPostcode, .numberBirthSex,
  ]
  private static let ofLocal: Set<PassKey> = [.local, .localSex, .localYearMonth, .localYearDay, .localMonthDay]
  private static let ofWholePostcode: Set<PassKey> = [
    .demographics, .birthPostcode, .yearSwappedSexPostcode, .decadeMonthDaySexPostcode, .lastDigitMonthDaySexPostcode,
    .yearDaySexPostcode, .yearMonthSexPostcode, .yearSexPostcode, .numberSexPostcode,
  ]
  private static let ofWholeBirth: Set<PassKey> = [
    .demographics, .birthPostcode, .birthSexAreaInward, .birthSexDistrictInward, .birthSexOutwardUnit,
    .birthSexSectorLast, .birthSexSectorFirst, .birthSexOutward, .numberBirthSex,
  ]
  private static let ofSex = Set(PassKey.allCases).subtracting(
    [
      .birthPostcode, .numberYearMonth, .numberYearDay, .numberMonthDay, .numberYearSwapped, .local, .localYearMonth,
      .localYearDay, .localMonthDay,
    ])

  static let changes: [Change] = [
    Change(what: "number", other: identity(number: 9_990_000_026), lost: ofNumber),
    Change(what: "sex", other: identity(sex: 1), lost: ofSex),
    Change(what: "local id", other: identity(local: 78), lost: ofLocal),
    Change(
      what: "day", other: identity(birth: (1980, 3, 15)),
      lost: ofWholeBirth.union([
        .numberYearDay, .numberMonthDay, .numberYearSwapped, .localYearDay, .localMonthDay, .yearSwappedSexPostcode,
        .decadeMonthDaySexPostcode, .lastDigitMonthDaySexPostcode, .yearDaySexPostcode,
      ])),
    Change(
      what: "month", other: identity(birth: (1980, 4, 14)),
      lost: ofWholeBirth.union([
        .numberYearMonth, .numberMonthDay, .numberYearSwapped, .localYearMonth, .localMonthDay,
        .yearSwappedSexPostcode, .decadeMonthDaySexPostcode, .lastDigitMonthDaySexPostcode, .yearMonthSexPostcode,
      ])),
    Change(
      what: "last digit of the year", other: identity(birth: (1983, 3, 14)),
      lost: ofWholeBirth.union([
        .numberYearMonth, .numberYearDay, .numberYearSwapped, .numberYearSex, .localYearMonth, .localYearDay,
        .yearSwappedSexPostcode, .lastDigitMonthDaySexPostcode, .yearDaySexPostcode, .yearMonthSexPostcode,
        .yearSexPostcode,
      ])),
    Change(
      what: "decade of the year", other: identity(birth: (1990, 3, 14)),
      lost: ofWholeBirth.union([
        .numberYearMonth, .numberYearDay, .numberYearSwapped, .numberYearSex, .localYearMonth, .localYearDay,
        .yearSwappedSexPostcode, .decadeMonthDaySexPostcode, .yearDaySexPostcode, .yearMonthSexPostcode,
        .yearSexPostcode,
      ])),
    Change(
      what: "letter of the area", other: identity(postcode: "LX11 4AP"),
      lost: ofWholePostcode.union([
        .birthSexAreaInward, .birthSexOutwardUnit, .birthSexSectorLast, .birthSexSectorFirst,
        .birthSexOutward,
      ])),
    Change(
      what: "digit of the district", other: identity(postcode: "LS12 4AP"),
      lost: ofWholePostcode.union([
        .birthSexDistrictInward, .birthSexOutwardUnit, .birthSexSectorLast, .birthSexSectorFirst,
        .birthSexOutward,
      ])),
    Change(
      what: "digit of the sector", other: identity(postcode: "LS11 5AP"),
      lost: ofWholePostcode.union([
        .birthSexAreaInward, .birthSexDistrictInward, .birthSexSectorLast, .birthSexSectorFirst,
      ])),
    Change(
      what: "last letter but one", other: identity(postcode: "LS11 4BP"),
      lost: ofWholePostcode.union([
        .birthSexAreaInward, .birthSexDistrictInward, .birthSexOutwardUnit, .birthSexSectorFirst,
      ])),
    Change(
      what: "last letter", other: identity(postcode: "LS11 4AQ"),
      lost: ofWholePostcode.union([
        .birthSexAreaInward, .birthSexDistrictInward, .birthSexOutwardUnit, .birthSexSectorLast,
      ])),
  ]

  @Test(arguments: changes) func `a part that is another changes the keys that it is in, and no others`(
    _ change: Change
  ) {
    #expect(Self.agreeing(Self.identity(), Self.identity()) == Set(PassKey.allCases))
    #expect(Self.agreeing(Self.identity(), change.other) == Set(PassKey.allCases).subtracting(change.lost))
  }

  @Test func `day and month exchanged leave the keys that hold both in either order`() {
    let (one, other) = (Self.identity(birth: (1980, 3, 4)), Self.identity(birth: (1980, 4, 3)))
    let agreeing = Self.agreeing(one, other)
    #expect(agreeing.isSuperset(of: [.numberYearSwapped, .yearSwappedSexPostcode]))
    #expect(agreeing.isDisjoint(with: [.demographics, .numberYearMonth, .yearDaySexPostcode]))
  }

  @Test func `no two passes have a block in common, whatever is in them`() {
    let identity = Self.identity()
    let passes = Set(PassKey.allCases.compactMap { $0.block(identity)?.high }.map { $0 >> 56 })
    #expect(passes.count == PassKey.allCases.count)
  }

  @Test func `1 January counts with a number and as a year only, and a date written for none as none`() {
    let january = Self.identity(birth: (1980, 1, 1))
    #expect(january.birth == .firstOfJanuary && PassKey.numberYearMonth.block(january) != nil)
    #expect(PassKey.yearSexPostcode.block(january) != nil)
    #expect(
      [.birthPostcode, .birthSexOutward, .numberBirthSex].allSatisfy { (pass: PassKey) in pass.block(january) == nil })
    for none in [(1900, 1, 1), (1800, 1, 1), (1582, 10, 15)] {
      #expect(Self.identity(birth: none).birth == .unknown)
      #expect(PassKey.yearSexPostcode.block(Self.identity(birth: none)) == nil)
    }
  }

  /// Every single digit and every exchange of neighbours of a valid number fails the check digit, and the number is among
  /// the guesses.
  @Test func `a number with one digit mistyped, or two neighbours exchanged, is among its guesses`() throws {
    let number: UInt64 = 9_991_234_500
    try #require(NHSNumber.checkDigit(ofFirstNine: Int(number / 10)) == Int(number % 10))
    let digits = Array(String(number).utf8).map { Int($0) - 0x30 }
    func value(_ digits: [Int]) -> UInt64 { digits.reduce(0) { $0 * 10 + UInt64($1) } }
    var mistyped: [UInt64] = []
    for place in 0..<10 {
      for digit in 0..<10 where digit != digits[place] {
        var other = digits
        other[place] = digit
        mistyped.append(value(other))
      }
      guard place < 9, digits[place] != digits[place + 1] else { continue }
      var other = digits
      other.swapAt(place, place + 1)
      mistyped.append(value(other))
    }
    for other in mistyped {
      #expect(NHSNumber.checkDigit(ofFirstNine: Int(other / 10)) != Int(other % 10))
      var identity = LinkIdentity()
      identity.mistypedNumber = other
      let guesses = identity.numberGuesses
      #expect(guesses.contains(number) && guesses.count < 20 && Set(guesses).count == guesses.count)
    }
  }
}
