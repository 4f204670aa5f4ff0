import COpenSSL

/// Encrypts keys under another key, so that a file of them tells nothing (AES-256-GCM with associated data).
public struct KeyWrapping {
  private let cipher: AES256GCM

  /// Cost of a passphrase: N of scrypt (RFC 7914) with r = 8 and p = 1; about 0.1 s and 32 MB.
  private static let passphraseCost: UInt64 = 1 << 15

  /// - Parameter salt: of the file, so that one passphrase gives each file a key of its own.
  public init(passphrase: [UInt8], salt: [UInt8]) throws(CryptographyError) {
    cipher = try AES256GCM(key: try Self.scrypt(passphrase, salt: salt, cost: Self.passphraseCost))
  }

  public init(key: SecretKey, salt: [UInt8]) throws(CryptographyError) {
    cipher = try AES256GCM(key: try HKDFSHA256.key(from: key, salt: salt, info: "caredata key wrapping 1"))
  }

  public func wrap(_ key: SecretKey, associated: [UInt8]) throws(CryptographyError) -> [UInt8] {
    var wrapped: [UInt8] = []
    try key.withUnsafeBytes { (key) throws(CryptographyError) in
      try associated.span.withUnsafeBytes { (associated) throws(CryptographyError) in
        try cipher.seal(key, associated: associated, into: &wrapped)
      }
    }
    return wrapped
  }

  /// Throws `authentication` unless the bytes are as `wrap` made them with the same associated data.
  public func unwrap(_ wrapped: [UInt8], associated: [UInt8]) throws(CryptographyError) -> SecretKey {
    guard wrapped.count == SecretKey.byteCount + AES256GCM.overhead else {
      throw CryptographyError(.authentication, "a wrapped key has another length")
    }
    var failure: CryptographyError?
    let key = SecretKey { buffer in
      do throws(CryptographyError) {
        try wrapped.span.withUnsafeBytes { (wrapped) throws(CryptographyError) in
          try associated.span.withUnsafeBytes { (associated) throws(CryptographyError) in
            try cipher.open(wrapped, associated: associated, into: buffer)
          }
        }
      } catch { failure = error }
    }
    if let failure { throw failure }
    return key
  }

  static func scrypt(_ passphrase: [UInt8], salt: [UInt8], cost: UInt64) throws(CryptographyError) -> SecretKey {
    guard let context = KDFContext("SCRYPT") else { throw CryptographyError.drained(.library, "setting up scrypt") }
    var (passphrase, salt) = (passphrase, salt)
    defer { passphrase.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
    var isDerived = false
    let key = SecretKey { output in
      isDerived = passphrase.withUnsafeMutableBytes { passphrase in
        salt.withUnsafeMutableBytes { salt in
          context.derive(
            into: output,
            [
              (OSSL_KDF_PARAM_PASSWORD, .bytes(passphrase)), (OSSL_KDF_PARAM_SALT, .bytes(salt)),
              (OSSL_KDF_PARAM_SCRYPT_N, .number(cost)), (OSSL_KDF_PARAM_SCRYPT_R, .number(8)),
              (OSSL_KDF_PARAM_SCRYPT_P, .number(1)), (OSSL_KDF_PARAM_SCRYPT_MAXMEM, .number(128 << 20)),
            ])
        }
      }
    }
    guard isDerived else { throw CryptographyError.drained(.library, "deriving a key from a passphrase") }
    return key
  }
}
