/// A postcode in the form "SW1A 1AA".
///
/// Source: NHS England Data Validation Engine (one or two letters, a digit, a letter or digit or nothing; then a digit
/// and two letters), so GIR 0AA is refused. ODS pseudo postcodes have that form and are accepted.
public struct Postcode: Hashable, Sendable {
  public enum Fault: String, Error, CaseIterable {
    /// Empty, or a text that systems write for none: TBA, TBC, NA, N/A, NO VALID.
    case missing
    case format
  }

  /// Without the space.
  private let characters: ShortText

  /// Accepts either case and spaces anywhere, also the fixed eight characters of HES ("AX   9AA").
  @inlinable
  public init(validating text: some StringProtocol) throws(Fault) {
    self = try withUTF8Bytes(of: text) { Self.parse($0) }.get()
  }

  /// "SW1A 1AA": upper case, one space.
  public var text: String {
    let count = characters.count
    return String(unsafeUninitializedCapacity: 9) { buffer in
      for index in 0..<count { buffer[index < count - 3 ? index : index + 1] = characters[index] }
      buffer[count - 3] = 0x20
      return count + 1
    }
  }

  /// Below 2^37, each postcode its own; they sort as the texts without their spaces.
  public var packed: UInt64 {
    var number: UInt64 = 0
    for index in 0..<7 {
      let byte = characters[index]
      // 1 to 36; 0 behind the last character.
      let digit: UInt8 = byte == 0 ? 0 : byte.isDigit ? byte - 0x30 + 1 : byte - 0x41 + 11
      number = number * 37 + UInt64(digit)
    }
    return number
  }

  /// "SW1A": the postal district.
  public var outward: String { characters.prefix(characters.count - 3).text }

  /// An ODS pseudo postcode (ZZ99 3VZ no fixed abode, ZZ99 3WZ not known, ...): says nothing about a place of residence.
  public var isPseudo: Bool { characters.prefix(2).text == "ZZ" }

  private static let writtenForNone = ["TBA", "TBC", "NA", "N/A", "NOVALID"].map { ShortText($0.utf8) }

  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<Postcode, Fault> {
    var word: UInt64 = 0
    var count = 0
    for byte in bytes where byte != 0x20 {
      count += 1
      guard count <= 7, byte > 0x20, byte < 0x7F else { return .failure(.format) }
      word |= UInt64(byte.upperCased) << (64 - 8 * UInt64(count))
    }
    guard count > 0 else { return .failure(.missing) }
    let characters = ShortText(word: word)
    guard hasForm(characters, count) else {
      return .failure(writtenForNone.contains(characters) ? .missing : .format)
    }
    return .success(Postcode(characters: characters))
  }

  private static func hasForm(_ characters: ShortText, _ count: Int) -> Bool {
    guard 5...7 ~= count, characters[0].isUpperCaseLetter, characters[count - 3].isDigit,
      characters[count - 2].isUpperCaseLetter, characters[count - 1].isUpperCaseLetter
    else { return false }
    let digit = characters[1].isUpperCaseLetter ? 2 : 1
    switch count - 3 - digit {
    case 1: return characters[digit].isDigit
    case 2: return characters[digit].isDigit && characters[digit + 1].isAlphanumeric
    default: return false
    }
  }

  private init(characters: ShortText) { self.characters = characters }
}

extension Postcode: Redacted {
  public static var redactedName: String { "postcode" }
}
