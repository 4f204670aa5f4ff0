/// A code of the Organisation Data Service, recognised by its form; whether it was issued is for a reference table.
public struct OrganisationCode: Hashable, Comparable, Sendable {
  public enum Kind: Sendable {
    /// General practice or other prescribing cost centre: a letter and five digits, or three letters and three digits
    /// (Channel Islands).
    case practice
    /// Three characters: an NHS trust or other provider.
    case provider
    /// Five characters: a site of a provider.
    case site
    /// Four characters.
    case other
  }

  public enum Fault: String, Error, CaseIterable {
    case missing
    /// Not one of the forms of `Kind`.
    case format
  }

  private let characters: ShortText

  /// Accepts either case.
  @inlinable
  public init(validating text: some StringProtocol) throws(Fault) {
    self = try withUTF8Bytes(of: text) { Self.parse($0) }.get()
  }

  /// Upper case: "A81001".
  public var text: String { characters.text }

  public var kind: Kind {
    switch characters.count {
    case 3: .provider
    case 4: .other
    case 5: .site
    default: .practice
    }
  }

  /// V81997 no registered practice, V81998 not applicable, V81999 not known: no practice at all.
  public var isPseudoPractice: Bool { Self.pseudoPractices.contains(characters) }

  public static func < (left: Self, right: Self) -> Bool { left.characters < right.characters }

  private static let pseudoPractices = ["V81997", "V81998", "V81999"].map { ShortText($0.utf8) }

  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<OrganisationCode, Fault> {
    let text = bytes.trimmed
    guard !text.isEmpty else { return .failure(.missing) }
    guard 3...6 ~= text.count, text.allSatisfy(\.isAlphanumeric) else { return .failure(.format) }
    if text.count == 6 {
      let letters = text.prefix { $0.isLetter }.count
      guard letters == 1 || letters == 3, text[letters...].allSatisfy(\.isDigit) else { return .failure(.format) }
    }
    var word: UInt64 = 0
    for (index, byte) in text.enumerated() { word |= UInt64(byte.upperCased) << (56 - 8 * UInt64(index)) }
    return .success(OrganisationCode(characters: ShortText(word: word)))
  }

  private init(characters: ShortText) { self.characters = characters }
}

extension OrganisationCode: CustomStringConvertible {
  public var description: String { text }
}
