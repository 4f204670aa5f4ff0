/// Ethnic category, 2001 census codes: A to H, J to N, P, R, S stated; Z not stated; 99 not known.
public struct EthnicCategory: Hashable, Sendable {
  public enum Fault: String, Error, CaseIterable {
    case missing
    case unknownCode
  }

  private let character: UInt8

  /// Accepts either case; a second character, which providers may add for their own use, is left out.
  @inlinable
  public init(validating text: some StringProtocol) throws(Fault) {
    self = try withUTF8Bytes(of: text) { Self.parse($0) }.get()
  }

  /// "A" ... "S", "Z" or "99".
  public var text: String {
    character == UInt8(ascii: "9") ? "99" : String(Unicode.Scalar(character))
  }

  /// Neither "not stated" nor "not known".
  public var isStated: Bool { character != UInt8(ascii: "Z") && character != UInt8(ascii: "9") }

  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<EthnicCategory, Fault> {
    let text = bytes.trimmed
    guard let first = text.first?.upperCased else { return .failure(.missing) }
    guard text.count <= 2, text.allSatisfy(\.isAlphanumeric) else { return .failure(.unknownCode) }
    switch Unicode.Scalar(first) {
    case "A"..."H", "J"..."N", "P", "R", "S", "Z": return .success(EthnicCategory(character: first))
    case "9" where text.count == 2 && text[1] == first: return .success(EthnicCategory(character: first))
    default: return .failure(.unknownCode)
    }
  }

  private init(character: UInt8) { self.character = character }
}

extension EthnicCategory: CustomStringConvertible {
  public var description: String { text }
}
