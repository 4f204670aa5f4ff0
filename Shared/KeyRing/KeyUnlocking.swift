import Cryptography

/// What a key ring is opened with.
public enum KeyUnlocking {
  case passphrase([UInt8])
  case key(SecretKey)

  /// Where the passphrase or the key-encryption key comes from: exactly one of four.
  public struct Sources: Sendable {
    public var passphrase: String?
    public var passphraseFile: String?
    /// 64 hexadecimal digits.
    public var key: String?
    public var keyFile: String?

    public init(
      passphrase: String? = nil, passphraseFile: String? = nil, key: String? = nil, keyFile: String? = nil
    ) {
      (self.passphrase, self.passphraseFile, self.key, self.keyFile) = (passphrase, passphraseFile, key, keyFile)
    }
  }

  /// Of a passphrase in a file, its first line counts.
  public init(_ sources: Sources) throws(KeyRingError) {
    let given = [sources.passphrase, sources.passphraseFile, sources.key, sources.keyFile].compactMap { $0 }
    guard given.count == 1 else {
      throw KeyRingError(
        .unlocking,
        """
        key rings are opened with exactly one of CAREDATA_KEYS_PASSPHRASE, CAREDATA_KEYS_PASSPHRASE_FILE, \
        CAREDATA_KEYS_WRAPPING_KEY and CAREDATA_KEYS_WRAPPING_KEY_FILE; \(given.count) are set
        """)
    }
    if let text = sources.passphrase {
      self = .passphrase(try Self.checked(Array(text.utf8)))
    } else if let path = sources.passphraseFile {
      self = .passphrase(try Self.passphrase(in: path))
    } else if let path = sources.keyFile {
      do throws(CryptographyError) { self = .key(try KeyFile.read(path)) } catch {
        throw KeyRingError(.unlocking, error.description)
      }
    } else {
      let digits = Array((sources.key ?? "").utf8)
      guard let key = digits.withUnsafeBytes({ SecretKey(hexadecimal: $0) }) else {
        throw KeyRingError(.unlocking, "CAREDATA_KEYS_WRAPPING_KEY is not 64 hexadecimal digits")
      }
      self = .key(key)
    }
  }

  private static func passphrase(in path: String) throws(KeyRingError) -> [UInt8] {
    let line: [UInt8]
    do throws(CryptographyError) {
      line = try PrivateFile.withBytes(of: path, .secret, limit: 4_096) { bytes in
        Array(bytes.prefix { $0 != 0x0A && $0 != 0x0D })
      }
    } catch {
      throw KeyRingError(.unlocking, error.description)
    }
    return try checked(line)
  }

  /// A short passphrase can be guessed by whoever gets hold of the file.
  private static func checked(_ passphrase: [UInt8]) throws(KeyRingError) -> [UInt8] {
    guard passphrase.count >= 12 else {
      throw KeyRingError(.unlocking, "the passphrase of a key ring must have at least 12 characters")
    }
    return passphrase
  }

  var method: String {
    switch self {
    case .passphrase: "scrypt"
    case .key: "key"
    }
  }

  func wrapping(salt: [UInt8]) throws(CryptographyError) -> KeyWrapping {
    switch self {
    case .passphrase(let text): try KeyWrapping(passphrase: text, salt: salt)
    case .key(let key): try KeyWrapping(key: key, salt: salt)
    }
  }
}
