import Clinical
import Testing

struct NHSNumberTests {
  @Test(arguments: ["9434765919", "943 476 5919", "943-476-5919", " 9434765919 ", "9876543210"])
  func `valid numbers pass in every way of writing`(text: String) throws {
    let number = try NHSNumber(validating: text)
    #expect(["9434765919", "9876543210"].contains(number.digits))
  }

  @Test func `the weights are those of the published worked example`() throws {
    // 9·10 + 4·9 + 3·8 + 4·7 + 7·6 + 6·5 + 5·4 + 9·3 + 1·2 = 299, which leaves 2 of 11.
    #expect(NHSNumber.checkDigit(ofFirstNine: 943_476_591) == 9)
    // 339 leaves 9 of 11: 987 654 4322 is the valid number, 987 654 4321 is not.
    #expect(NHSNumber.checkDigit(ofFirstNine: 987_654_432) == 2)
    #expect(throws: NHSNumber.Fault.checkDigit) { try NHSNumber(validating: "987 654 4321") }
    #expect(try NHSNumber(validating: "9434765919") != NHSNumber(validating: "9876543210"))
  }

  @Test(arguments: [
    ("", NHSNumber.Fault.missing), (" - ", .missing), ("943476591", .length), ("94347659190", .length),
    ("943476591O", .digits), ("943.476.5919", .digits), ("９434765919", .digits), ("9434765918", .checkDigit),
    ("9000000015", .checkDigit), ("1234567890", .checkDigit), ("99999999999999999999999999", .length),
  ])
  func `each fault is told apart`(text: String, fault: NHSNumber.Fault) {
    #expect(throws: fault) { try NHSNumber(validating: text) }
  }

  @Test func `sentinels and repeated digits are nobody's number`() {
    for text in ["0000000000", "1111111111", "2222222222", "5555555555", "9999999999", "0123456789", "012 345 6789"] {
      #expect(throws: NHSNumber.Fault.sentinel) { try NHSNumber(validating: text) }
    }
  }

  @Test func `every number whose check digit would be ten is refused with every digit`() {
    #expect(NHSNumber.checkDigit(ofFirstNine: 100_000_001) == nil)
    for digit in 0...9 {
      #expect(throws: NHSNumber.Fault.checkDigit) { try NHSNumber(validating: "100000001\(digit)") }
    }
  }

  @Test func `one changed digit or two swapped neighbours are always noticed`() throws {
    var seed: UInt64 = 20_261_001
    for _ in 0..<200 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let firstNine = 400_000_000 + Int(seed >> 33) % 99_999_999
      guard let check = NHSNumber.checkDigit(ofFirstNine: firstNine) else { continue }
      let digits = Array("\(firstNine)\(check)".utf8)
      #expect(try NHSNumber(validating: String(decoding: digits, as: UTF8.self)).digits == "\(firstNine)\(check)")
      for index in digits.indices {
        var changed = digits
        changed[index] = 0x30 + (digits[index] - 0x30 + 1 + UInt8(seed >> 60) % 9) % 10
        #expect(throws: NHSNumber.Fault.self) { try NHSNumber(validating: String(decoding: changed, as: UTF8.self)) }
        guard index > 0, digits[index] != digits[index - 1] else { continue }
        var swapped = digits
        swapped.swapAt(index, index - 1)
        #expect(throws: NHSNumber.Fault.self) { try NHSNumber(validating: String(decoding: swapped, as: UTF8.self)) }
      }
    }
  }

  @Test func `the first number of the test range is known as such`() throws {
    #expect(NHSNumber.checkDigit(ofFirstNine: 999_000_001) == 8)
    #expect(try NHSNumber(validating: "9990000018").isTestNumber)
    #expect(try !NHSNumber(validating: "9434765919").isTestNumber)
  }
}

struct DateOfBirthTests {
  private let limit = CalendarDate(iso: "2026-10-31")!

  @Test func `the first and the last possible day pass`() throws {
    #expect(try DateOfBirth(validating: "1895-01-01", notAfter: limit).date.iso == "1895-01-01")
    #expect(try DateOfBirth(validating: "2026-10-31", notAfter: limit).date == limit)
  }

  @Test(arguments: [
    ("", DateOfBirth.Fault.missing), ("  ", .missing), ("01/02/1950", .format), ("1950-02-30", .format),
    ("1894-12-31", .tooEarly), ("2026-11-01", .inFuture),
  ])
  func `each fault is told apart`(text: String, fault: DateOfBirth.Fault) {
    #expect(throws: fault) { try DateOfBirth(validating: text, notAfter: limit) }
  }
}

struct SexTests {
  @Test func `the current gender code has four values`() {
    #expect(["0", "1", "2", "9"].map { Sex(personGenderCode: $0) } == [.notKnown, .male, .female, .notSpecified])
    for text in ["", "3", "X", "M", "10", "01", "p"] { #expect(Sex(personGenderCode: text) == nil) }
  }

  @Test func `the stated gender code is another system`() {
    #expect(
      ["1", "2", "9", "X"].map { Sex(personStatedGenderCode: $0) } == [.male, .female, .notSpecified, .notKnown])
    for text in ["", "0", "3", "XX"] { #expect(Sex(personStatedGenderCode: text) == nil) }
  }
}

struct PostcodeTests {
  @Test(arguments: [
    ("SW1A 1AA", "SW1A 1AA", "SW1A"), ("sw1a1aa", "SW1A 1AA", "SW1A"), ("LS1  4AP", "LS1 4AP", "LS1"),
    ("M1   1AE", "M1 1AE", "M1"), (" B33 8TH ", "B33 8TH", "B33"), ("W1A 0AX", "W1A 0AX", "W1A"),
    ("DN55 1PT", "DN55 1PT", "DN55"), ("BF1 2AT", "BF1 2AT", "BF1"), ("ZZ99 3VZ", "ZZ99 3VZ", "ZZ99"),
  ])
  func `every form comes out with one space`(text: String, written: String, outward: String) throws {
    let postcode = try Postcode(validating: text)
    #expect(postcode.text == written)
    #expect(postcode.outward == outward)
    #expect(postcode.isPseudo == (outward == "ZZ99"))
  }

  @Test(arguments: ["", "   ", "tba", "TBC", "na", "N/A", "no valid"])
  func `texts for none are missing`(text: String) {
    #expect(throws: Postcode.Fault.missing) { try Postcode(validating: text) }
  }

  @Test(arguments: [
    "GIR 0AA", "SW1A", "1AA", "SW1AA 1AA", "SWW1 1AA", "S 1AA", "11 1AA", "SW1A AAA", "SW1A 11A", "SW-1A 1AA",
    "SW1A\t1AA",
    "SW1A 1AÄ", "SW1A 1AA 1", "A/1 1AA", "M1\u{0}1AE",
  ])
  func `other forms are refused`(text: String) {
    #expect(throws: Postcode.Fault.format) { try Postcode(validating: text) }
  }
}

struct OrganisationCodeTests {
  @Test(arguments: [
    ("A81001", OrganisationCode.Kind.practice, "A81001"), ("a81001 ", .practice, "A81001"),
    ("GUE010", .practice, "GUE010"),
    ("RXX", .provider, "RXX"), ("15N", .provider, "15N"), ("RXX01", .site, "RXX01"), ("8HK5", .other, "8HK5"),
  ])
  func `the form tells the kind`(text: String, kind: OrganisationCode.Kind, written: String) throws {
    let code = try OrganisationCode(validating: text)
    #expect(code.kind == kind)
    #expect(code.text == written)
    #expect("\(code)" == written)
    #expect(!code.isPseudoPractice)
  }

  @Test func `pseudo practices are known`() throws {
    for text in ["V81997", "V81998", "v81999"] {
      #expect(try OrganisationCode(validating: text).isPseudoPractice)
    }
  }

  @Test(arguments: ["RX", "A8100", "AB1001", "A81O01", "A810012", "R-X", "RX X", "A8100é", "811001"])
  func `no other form passes as a practice`(text: String) {
    let kind = try? OrganisationCode(validating: text).kind
    #expect(kind != .practice)
    if text != "A8100" { #expect(kind == nil) }
  }

  @Test func `codes sort as their texts`() throws {
    let codes = try ["RXX01", "A81001", "RXX", "A81002"].map { try OrganisationCode(validating: $0) }
    #expect(codes.sorted().map(\.text) == ["A81001", "A81002", "RXX", "RXX01"])
    #expect(throws: OrganisationCode.Fault.missing) { try OrganisationCode(validating: " ") }
  }
}

struct EthnicCategoryTests {
  @Test func `sixteen letters are stated, Z and 99 are not`() throws {
    for letter in "ABCDEFGHJKLMNPRS" {
      let category = try EthnicCategory(validating: String(letter))
      #expect(category.text == String(letter))
      #expect(category.isStated)
    }
    for text in ["Z", "99"] {
      #expect(try EthnicCategory(validating: text).text == text)
      #expect(try !EthnicCategory(validating: text).isStated)
    }
  }

  @Test func `a second character and lower case are left out`() throws {
    #expect(try EthnicCategory(validating: "A1").text == "A")
    #expect(try EthnicCategory(validating: "cy").text == "C")
  }

  @Test(arguments: ["I", "O", "Q", "T", "9", "98", "0", "A12", "A*", "é"])
  func `other codes are refused`(text: String) {
    #expect(throws: EthnicCategory.Fault.unknownCode) { try EthnicCategory(validating: text) }
  }
}
