/// Sex as NHS Data Dictionary PERSON GENDER CODE CURRENT writes it; the raw values are its codes.
public enum Sex: UInt8, CaseIterable, Sendable {
  case notKnown = 0
  case male = 1
  case female = 2
  case notSpecified = 9

  /// PERSON GENDER CODE CURRENT: 0, 1, 2, 9.
  @inlinable
  public init?(personGenderCode text: some StringProtocol) {
    guard let digit = withUTF8Bytes(of: text, { Self.onlyByte($0) }) else { return nil }
    self.init(rawValue: digit &- 0x30)
  }

  /// PERSON STATED GENDER CODE, another system with codes that look alike: 1, 2, 9 (indeterminate), X (not recorded).
  @inlinable
  public init?(personStatedGenderCode text: some StringProtocol) {
    switch withUTF8Bytes(of: text, { Self.onlyByte($0) }) {
    case 0x31: self = .male
    case 0x32: self = .female
    case 0x39: self = .notSpecified
    case 0x58, 0x78: self = .notKnown
    default: return nil
    }
  }

  @usableFromInline
  static func onlyByte(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt8? {
    let text = bytes.trimmed
    return text.count == 1 ? text[0] : nil
  }
}
