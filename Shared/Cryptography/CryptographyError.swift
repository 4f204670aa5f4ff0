import COpenSSL

/// Why a cryptographic operation failed. Never holds key material, plain text or tokens.
public struct CryptographyError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// A key that is not 32 bytes.
    case keyLength
    /// A key file that is missing, open to others, or not a key.
    case keyFile
    /// Sealed bytes that were changed, cut, sealed with another key or for other associated data.
    case authentication
    /// Sealed bytes name a key that is not here.
    case unknownKey
    /// A message above 2^31 - 1 bytes.
    case messageLength
    /// libcrypto refused an operation that only a broken installation refuses.
    case library
  }

  public let code: Code
  public let description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  public static let notSealed = CryptographyError(.authentication, "sealed bytes cannot be opened: they are none")

  public static func unknown(_ key: KeyID) -> CryptographyError {
    CryptographyError(.unknownKey, "sealed to key \(key), which is not among the keys held")
  }

  /// Empties OpenSSL's error queue of this thread, which would else be taken for the reason of a later failure.
  static func drained(_ code: Code, _ operation: String) -> CryptographyError {
    var reason: String?
    while case let error = ERR_get_error(), error != 0 {
      if reason == nil, let text = ERR_reason_error_string(error) { reason = String(cString: text) }
    }
    return CryptographyError(code, reason.map { "\(operation): \($0)" } ?? operation)
  }
}
