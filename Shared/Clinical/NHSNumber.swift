/// An NHS number that passed the check digit and is not one of the numbers systems write for "no number".
///
/// Numbers are reissued and superseded, so equality says that two records carry the same number, not that they are of
/// the same person. Numbers of Scotland, Northern Ireland and the test range 999 pass.
/// Source: NHS Data Dictionary, NHS NUMBER; NHS England Data Validation Engine; HESID rules (all digits the same).
public struct NHSNumber: Hashable, Sendable {
  public enum Fault: String, Error, CaseIterable {
    /// Nothing but spaces and hyphens.
    case missing
    /// Not ten digits.
    case length
    /// Something other than digits, spaces and hyphens.
    case digits
    case checkDigit
    /// 0123456789, or all digits the same: form examples, and the tracing service's "none" and "several" found.
    case sentinel
  }

  private let number: Int64

  /// Accepts the ten digits, also written 3-3-4 with spaces or hyphens.
  @inlinable
  public init(validating text: some StringProtocol) throws(Fault) {
    self = try withUTF8Bytes(of: text) { Self.parse($0) }.get()
  }

  /// Ten digits.
  public var digits: String {
    String(unsafeUninitializedCapacity: 10) { buffer in
      buffer.writeDigits(of: Int(number), at: 0, count: 10)
      return 10
    }
  }

  /// Within 999 000 0000 to 999 999 9999, which is never issued.
  public var isTestNumber: Bool { number / 10_000_000 == 999 }

  /// The digit that makes a valid number of nine digits (leading zeros not written); nil when none does.
  public static func checkDigit(ofFirstNine firstNine: Int) -> Int? {
    var rest = firstNine
    var sum = 0
    for weight in 2...10 {
      sum += rest % 10 * weight
      rest /= 10
    }
    let digit = (11 - sum % 11) % 11
    return digit == 10 ? nil : digit
  }

  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<NHSNumber, Fault> {
    var number: Int64 = 0
    var count = 0
    for byte in bytes where byte != 0x20 && byte != UInt8(ascii: "-") {
      guard byte.isDigit else { return .failure(.digits) }
      count += 1
      if count <= 10 { number = number * 10 + Int64(byte - 0x30) }
    }
    guard count > 0 else { return .failure(.missing) }
    guard count == 10 else { return .failure(.length) }
    // A repdigit always passes the check digit, and so does 0123456789.
    if number % 1_111_111_111 == 0 || number == 123_456_789 { return .failure(.sentinel) }
    guard checkDigit(ofFirstNine: Int(number / 10)) == Int(number % 10) else { return .failure(.checkDigit) }
    return .success(NHSNumber(number: number))
  }

  private init(number: Int64) { self.number = number }
}

extension NHSNumber: Redacted {
  public static var redactedName: String { "NHS number" }
}
