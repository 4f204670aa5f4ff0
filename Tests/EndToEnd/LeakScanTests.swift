import Clinical
import Foundation
import Testing

@testable import caredata

/// Bytes that hold an identifier in one form, made without the code that finds it.
struct PlantedLeak: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let bytes: [UInt8]

  static let nhsNumber = "9990512385"
  static let postcode = "LX4 2AB"
  static let dateOfBirth = CalendarDate(year: 1908, month: 3, day: 7)!

  static var identifiers: SubmittedIdentifiers {
    var identifiers = SubmittedIdentifiers()
    for other in 0..<3_000 { identifiers.add(nhsNumber: String(9_991_000_000 + other * 37)) }
    for other in 0..<500 { identifiers.add(postcode: "LX\(other / 10) \(other % 10)XY") }
    identifiers.add(nhsNumber: nhsNumber)
    identifiers.add(postcode: postcode)
    identifiers.datesOfBirth = [dateOfBirth, CalendarDate(year: 1899, month: 12, day: 31)!]
    return identifiers
  }

  private static let texts = [
    "9990512385", "999 051 2385", "999-051-2385", "LX4 2AB", "LX42AB", "lx4 2ab", "lx42ab", "1908-03-07", "19080307",
    "07/03/1908", "07\\/03\\/1908", "07031908", "07.03.1908", "-22580", "-33537",
  ]

  static let all: [PlantedLeak] = texts.flatMap(encodings) + binary

  private static func encodings(_ text: String) -> [PlantedLeak] {
    var plants = [
      PlantedLeak(testDescription: "\(text) alone", bytes: Array(text.utf8)),
      PlantedLeak(testDescription: "\(text) in text", bytes: Array("{\"reason\":\"\(text)\",\"n\":1}".utf8)),
      PlantedLeak(testDescription: "\(text) among random bytes", bytes: noise(1) + Array(text.utf8) + noise(2)),
    ]
    for (name, format) in [("hex", "%02x"), ("upper-case hex", "%02X")] {
      let digits = text.utf8.map { String(format: format, $0) }.joined()
      plants.append(PlantedLeak(testDescription: "\(text) as \(name)", bytes: Array("0a\(digits)ff".utf8)))
    }
    for alignment in 0..<3 {
      let plain = Data(String(repeating: "?", count: alignment).utf8) + Data(text.utf8) + Data(">>".utf8)
      let encoded = plain.base64EncodedString()
      plants.append(
        PlantedLeak(testDescription: "\(text) as base64 at \(alignment)", bytes: Array("id=\(encoded);".utf8)))
      let forURLs = encoded.replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
      plants.append(
        PlantedLeak(testDescription: "\(text) as base64 for URLs at \(alignment)", bytes: Array(forURLs.utf8)))
    }
    return plants
  }

  /// The NHS number is 0x02_537B_1F01, the date -22580 days from 1970 and -33537 from 2000.
  private static var binary: [PlantedLeak] {
    let number: [UInt8] = [0, 0, 0, 2, 0x53, 0x7b, 0x1f, 0x01]
    let days: [(String, [UInt8])] = [("1970", [0xa7, 0xcc]), ("2000", [0x7c, 0xff])]
    let ones = [UInt8](repeating: 0xff, count: 6)
    var plants = [
      PlantedLeak(testDescription: "number, 64-bit big-endian", bytes: noise(3) + number + noise(4)),
      PlantedLeak(testDescription: "number, 64-bit little-endian", bytes: noise(3) + number.reversed() + noise(4)),
      PlantedLeak(testDescription: "number, packed decimal", bytes: [0x99, 0x90, 0x51, 0x23, 0x85]),
      PlantedLeak(
        testDescription: "number, packed decimal in a field", bytes: message(2, [0x99, 0x90, 0x51, 0x23, 0x85])),
      PlantedLeak(
        testDescription: "number, packed decimal with sign in a field",
        bytes: message(2, [0x09, 0x99, 0x05, 0x12, 0x38, 0x5c])),
      PlantedLeak(testDescription: "number, varint", bytes: [0x18] + varint(9_990_512_385)),
      PlantedLeak(testDescription: "number, varint alone", bytes: varint(9_990_512_385)),
      PlantedLeak(testDescription: "number, zigzag varint", bytes: message(5, [0x18] + varint(19_981_024_770))),
      PlantedLeak(testDescription: "number, fixed64", bytes: message(1, [0x19] + number.reversed())),
    ]
    for (epoch, day) in days {
      let signed: Int64 = epoch == "1970" ? -22_580 : -33_537
      let zigzag = UInt64(-signed * 2 - 1)
      plants += [
        PlantedLeak(testDescription: "days \(epoch), 64-bit big-endian", bytes: ones + day),
        PlantedLeak(testDescription: "days \(epoch), 64-bit big-endian in a field", bytes: message(6, ones + day)),
        PlantedLeak(testDescription: "days \(epoch), 64-bit little-endian", bytes: day.reversed() + ones),
        PlantedLeak(testDescription: "days \(epoch), fixed64", bytes: message(1, [0x19] + day.reversed() + ones)),
        PlantedLeak(testDescription: "days \(epoch), 32-bit big-endian", bytes: [0xff, 0xff] + day),
        PlantedLeak(
          testDescription: "days \(epoch), 32-bit little-endian in a field",
          bytes: message(7, day.reversed() + [0xff, 0xff])),
        PlantedLeak(
          testDescription: "days \(epoch), 32-bit in hex",
          bytes: Array("\\xffff\(day.map { String(format: "%02x", $0) }.joined())".utf8)),
        PlantedLeak(
          testDescription: "days \(epoch), fixed32", bytes: message(1, [0x1d] + day.reversed() + [0xff, 0xff])),
        PlantedLeak(testDescription: "days \(epoch), zigzag varint", bytes: message(4, [0x10] + varint(zigzag))),
        PlantedLeak(testDescription: "days \(epoch), zigzag varint alone", bytes: varint(zigzag)),
        PlantedLeak(
          testDescription: "days \(epoch), varint of ten bytes",
          bytes: message(4, [0x10] + varint(UInt64(bitPattern: signed)))),
        PlantedLeak(
          testDescription: "days \(epoch), varint of ten bytes alone", bytes: varint(UInt64(bitPattern: signed))),
      ]
    }
    return plants
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value % 128) + 128] + varint(value / 128)
  }

  /// `content` as field `number` of a message that is itself field 3 of another, with fields around it.
  private static func message(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    let inner: [UInt8] = [0x08, 0x01, number << 3 | 2, UInt8(content.count)] + content
    return [0x08, 0x02, 0x1a, UInt8(inner.count)] + inner + [0x2a, 0x10] + noise(9).prefix(16)
  }

  static func noise(_ seed: UInt64, count: Int = 200) -> [UInt8] {
    var random = SplitMix64(seed: seed, .order, 77)
    return (0..<count).map { _ in UInt8(random.below(256)) }
  }
}

@Suite struct `The leak scan` {
  private static let scanner = LeakScanner(PlantedLeak.identifiers)

  @Test(arguments: PlantedLeak.all)
  func `finds an identifier in every form`(plant: PlantedLeak) {
    #expect(!Self.scanner.leaks(in: plant.bytes, at: "here").isEmpty)
  }

  @Test func `finds every identifier, not only the first`() {
    let identifiers = PlantedLeak.identifiers
    for text in Array(identifiers.nhsNumbers) + Array(identifiers.postcodes) {
      #expect(!Self.scanner.leaks(in: Array("x\(text)x".utf8), at: "here").isEmpty)
    }
  }

  @Test func `names form and place, not the identifier`() throws {
    let leak = try #require(Self.scanner.leaks(in: Array("n=9990512385".utf8), at: "topic linked").first)
    #expect("\(leak)" == "nhs number, text in topic linked")
  }

  @Test(arguments: [
    "", "9990512386", "99905-12385", "LX4 2A", "LX5 2AB", "1908-03-08", "119080307", "190803071", "1-225800",
    "a-22580b", "ffffa7cc0", "{\"yearOfBirth\":1908,\"area\":\"LX4\",\"period\":\"1908-03\"}",
  ])
  func `leaves alone what is no identifier`(text: String) {
    #expect(Self.scanner.leaks(in: Array(text.utf8), at: "here").isEmpty)
  }

  @Test func `finds nothing in sealed bytes, which are random`() {
    let sealed = PlantedLeak.noise(10, count: 1 << 20)
    #expect(Self.scanner.leaks(in: sealed, at: "here").isEmpty)
    for start in stride(from: 0, to: sealed.count, by: 211) {
      let cell = Array(sealed[start..<min(start + 211, sealed.count)])
      #expect(Self.scanner.leaks(in: cell, at: "here").isEmpty)
    }
  }

  @Test func `finds nothing in numbers of a process, which are full of zeros and ones`() {
    var memory: [UInt8] = []
    for low in UInt16.min...UInt16.max {
      for rest in [0, UInt64.max << 16] {
        withUnsafeBytes(of: (rest | UInt64(low)).bigEndian) { memory += $0 }
        withUnsafeBytes(of: (rest | UInt64(low)).littleEndian) { memory += $0 }
      }
    }
    #expect(Self.scanner.leaks(in: memory, at: "here").isEmpty)
  }

  /// Σ 256⁻ˡᵉⁿᵍᵗʰ over the substrings. Fields and numbers need a tag, and a length or a message that parses to its end,
  /// so they add less than as many substrings of their length and two bytes more.
  @Test func `a needle arises by chance in a hundred random megabytes with a probability below one in a hundred`() {
    let needles = LeakNeedles(PlantedLeak.identifiers)
    let perByte =
      needles.substrings.reduce(0) { $0 + pow(256, -Double($1.bytes.count)) }
      + needles.fields.keys.reduce(0) { $0 + pow(256, -Double($1.count + 2)) }
    #expect(perByte * 100e6 < 0.01)
  }
}
