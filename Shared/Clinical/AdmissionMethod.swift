/// How a hospital spell began: HES ADMIMETH, NHS Data Dictionary ADMISSION METHOD CODE (HOSPITAL PROVIDER SPELL).
///
/// 11-13 elective, 21-25, 28, 2A-2D emergency, 31, 32 maternity, 81 transfer, 82, 83 birth, 98 not applicable,
/// 99 not known.
public struct AdmissionMethod: Hashable, Sendable {
  public enum Fault: String, Error, CaseIterable {
    case missing
    case unknownCode
  }

  private let characters: ShortText

  /// Accepts either case.
  @inlinable
  public init(validating text: some StringProtocol) throws(Fault) {
    self = try withUTF8Bytes(of: text) { Self.parse($0) }.get()
  }

  /// Two characters, upper case: "2A".
  public var text: String { characters.text }

  /// 21-25, 28 and, from 2013/14 on, 2A-2D, which 28 was split into.
  public var isEmergency: Bool { characters[0] == UInt8(ascii: "2") }

  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<AdmissionMethod, Fault> {
    let text = bytes.trimmed
    guard !text.isEmpty else { return .failure(.missing) }
    guard text.count == 2 else { return .failure(.unknownCode) }
    let second = text[1].upperCased
    switch (Unicode.Scalar(text[0]), Unicode.Scalar(second)) {
    case ("1", "1"..."3"), ("2", "1"..."5"), ("2", "8"), ("2", "A"..."D"), ("3", "1"..."2"), ("8", "1"..."3"),
      ("9", "8"..."9"):
      return .success(AdmissionMethod(characters: ShortText(CollectionOfOne(text[0]) + [second])))
    default:
      return .failure(.unknownCode)
    }
  }

  private init(characters: ShortText) { self.characters = characters }
}

extension AdmissionMethod: CustomStringConvertible {
  public var description: String { text }
}
