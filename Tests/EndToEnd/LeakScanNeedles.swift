import Clinical

/// What a needle must stand apart from, where its bytes alone could arise by chance.
enum NeedleBoundary: Sendable {
  case none
  /// No digit before or after it.
  case digits
  /// No hexadecimal digit before or after it.
  case hexadecimal
  /// No letter or digit before or after it.
  case word
}

/// One form of one identifier.
struct Needle: Sendable {
  /// For example `nhs number, base64`; never the identifier.
  let form: String
  let bytes: [UInt8]
  var boundary = NeedleBoundary.none

  /// How many bytes are more than what numbers are extended with.
  var telling: Int { bytes.count { $0 != 0 && $0 != 0xff } }
}

/// All forms of identifiers that the scan knows.
///
/// - `substrings` are looked for at every position: at least five telling bytes, so that sealed bytes, which are random,
///   hold one by chance with a probability of 256⁻⁵ or less per position. Bytes of nothing but zeros or ones tell
///   nothing: numbers are extended with them, and memory is full of them. Forms that tell less, as days of these years
///   do in binary, are left to the others.
/// - `fields` count only as a whole key, header, column or Protobuf field of that length.
/// - `numbers` count only as a Protobuf field of type varint, fixed32 or fixed64.
struct LeakNeedles: Sendable {
  private(set) var substrings: [Needle] = []
  private(set) var fields: [[UInt8]: String] = [:]
  private(set) var numbers: [UInt64: String] = [:]

  init(_ identifiers: SubmittedIdentifiers) {
    for number in identifiers.nhsNumbers.sorted() { add(nhsNumber: number) }
    for postcode in identifiers.postcodes.sorted() { add(postcode: postcode) }
    for date in identifiers.datesOfBirth.sorted() { add(dateOfBirth: date) }
    substrings.removeAll { $0.telling < NeedleMatcher.window }
  }

  private mutating func add(nhsNumber digits: String) {
    let parts = (digits.prefix(3), digits.dropFirst(3).prefix(3), digits.suffix(4))
    addTexts([digits, "\(parts.0) \(parts.1) \(parts.2)", "\(parts.0)-\(parts.1)-\(parts.2)"], of: "nhs number")
    let value = UInt64(digits)!
    substrings.append(Needle(form: "nhs number, 64-bit big-endian", bytes: bytes(value.bigEndian)))
    substrings.append(Needle(form: "nhs number, 64-bit little-endian", bytes: bytes(value.littleEndian)))
    fields[packedDecimal(digits)] = "nhs number, packed decimal"
    fields[packedDecimal("0\(digits)", sign: 0xC)] = "nhs number, packed decimal with sign"
    fields[packedDecimal("0\(digits)", sign: 0xF)] = "nhs number, packed decimal with sign"
    fields[varint(value)] = "nhs number, varint"
    fields[varint(value << 1)] = "nhs number, zigzag varint"
    numbers[value] = "nhs number, varint"
    numbers[value << 1] = "nhs number, zigzag varint"
    numbers[Double(value).bitPattern] = "nhs number, double"
  }

  private mutating func add(postcode: String) {
    let compact = postcode.filter { $0 != " " }
    addTexts([postcode, compact, postcode.lowercased(), compact.lowercased()], of: "postcode")
  }

  private mutating func add(dateOfBirth date: CalendarDate) {
    let (year, month, day) = (padded(date.year, 4), padded(date.month, 2), padded(date.dayOfMonth, 2))
    addTexts(
      [
        date.iso, "\(year)\(month)\(day)", "\(day)/\(month)/\(year)", "\(day)\\/\(month)\\/\(year)",
        "\(day)\(month)\(year)", "\(day).\(month).\(year)",
      ], of: "date of birth", boundary: .digits)
    // PostgreSQL counts from 2000-01-01.
    for (epoch, days) in [("1970", Int64(date.day)), ("2000", Int64(date.day) - 10_957)] {
      let form = "date of birth, days since \(epoch)"
      addTexts([String(days)], of: form, boundary: .word)
      let hexadecimal = hex(bytes(Int32(days).bigEndian))
      substrings.append(Needle(form: "\(form), hex", bytes: Array(hexadecimal.utf8), boundary: .hexadecimal))
      substrings.append(
        Needle(form: "\(form), hex", bytes: Array(hexadecimal.uppercased().utf8), boundary: .hexadecimal))
      fields[bytes(days.bigEndian)] = "\(form), 64-bit big-endian"
      fields[bytes(days.littleEndian)] = "\(form), 64-bit little-endian"
      fields[varint(UInt64(bitPattern: days))] = "\(form), varint"
      fields[bytes(Int32(days).bigEndian)] = "\(form), 32-bit big-endian"
      fields[bytes(Int32(days).littleEndian)] = "\(form), 32-bit little-endian"
      let zigzag = UInt64(bitPattern: (days << 1) ^ (days >> 63))
      fields[varint(zigzag)] = "\(form), zigzag varint"
      numbers[zigzag] = "\(form), zigzag varint"
      numbers[UInt64(bitPattern: days)] = "\(form), varint or fixed64"
      numbers[UInt64(UInt32(bitPattern: Int32(days)))] = "\(form), fixed32"
      numbers[Double(days).bitPattern] = "\(form), double"
    }
  }

  /// As they are, in hexadecimal digits and in base64 at each of its three alignments.
  private mutating func addTexts(_ texts: [String], of what: String, boundary: NeedleBoundary = .none) {
    for text in Set(texts).sorted() {
      let raw = Array(text.utf8)
      substrings.append(Needle(form: "\(what), text", bytes: raw, boundary: boundary))
      for digits in Set([hex(raw), hex(raw).uppercased()]) {
        substrings.append(Needle(form: "\(what), hex", bytes: Array(digits.utf8)))
      }
      for alignment in 0..<3 {
        for alphabet in ["+/", "-_"] {
          let encoded = base64Core(raw, alignment: alignment, alphabet: alphabet)
          if alphabet == "-_", encoded == base64Core(raw, alignment: alignment, alphabet: "+/") { continue }
          substrings.append(Needle(form: "\(what), base64", bytes: encoded))
        }
      }
    }
  }
}

private func padded(_ number: Int, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

private func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

private func hex(_ bytes: [UInt8]) -> String {
  bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

private func varint(_ value: UInt64) -> [UInt8] {
  var bytes: [UInt8] = []
  var rest = value
  while rest >= 0x80 {
    bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
    rest >>= 7
  }
  return bytes + [UInt8(rest)]
}

/// Two digits to a byte; with a sign, that is the last half byte.
private func packedDecimal(_ digits: String, sign: UInt8? = nil) -> [UInt8] {
  let halves = digits.utf8.map { $0 - 48 } + (sign.map { [$0] } ?? [])
  return stride(from: 0, to: halves.count, by: 2).map { halves[$0] << 4 | halves[$0 + 1] }
}

/// The characters of a base64 text that `raw` alone decides, when it begins `alignment` bytes after a multiple of three.
private func base64Core(_ raw: [UInt8], alignment: Int, alphabet last: String) -> [UInt8] {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\(last)".utf8)
  let first = alignment * 8
  let end = first + raw.count * 8
  var characters: [UInt8] = []
  var position = (first + 5) / 6 * 6
  while position + 6 <= end {
    var value = 0
    for bit in position..<(position + 6) {
      let offset = bit - first
      value = value << 1 | Int(raw[offset / 8] >> UInt8(7 - offset % 8)) & 1
    }
    characters.append(alphabet[value])
    position += 6
  }
  return characters
}
