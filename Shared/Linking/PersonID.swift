import Cryptography

/// The name of a person, as later stages see it.
public enum PersonID {
  /// First 16 bytes of SHA-256("caredata person" ‖ record id). Of a record id, never of a token: a person id is
  /// published to later stages, and nobody who sees it shall be able to test a token against it.
  public static func of(smallestRecordID: Token16, _ hasher: SHA256Hasher = SHA256Hasher()) -> Token16 {
    hasher.update(domain)
    smallestRecordID.withUnsafeBytes { hasher.update($0) }
    let digest = hasher.finish()
    return digest.withUnsafeBytes { Token16(bytes: UnsafeRawBufferPointer(rebasing: $0.prefix(Token16.byteCount)))! }
  }

  private static let domain = Array("caredata person".utf8)
}
