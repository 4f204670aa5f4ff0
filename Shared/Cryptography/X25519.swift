import COpenSSL

/// A public key of X25519 (RFC 7748): 32 bytes, no secret.
public struct X25519PublicKey: Hashable, Sendable {
  public static let byteCount = 32

  public let bytes: [UInt8]

  /// Nil unless there are 32 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
  }

  /// The first four bytes of its SHA-256: what sealed bytes call the key that opens them.
  public var id: KeyID { KeyID(digestOf: bytes) }
}

/// Names a key without telling anything of it: 8 lower-case hexadecimal digits.
public struct KeyID: Hashable, Sendable, CustomStringConvertible {
  public static let byteCount = 4

  let value: UInt32

  public init(digestOf bytes: [UInt8]) {
    value = SHA256Digest.hash(bytes).prefix(Self.byteCount).reduce(0) { $0 << 8 | UInt32($1) }
  }

  public init(bytes: UnsafeRawBufferPointer) {
    value = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
  }

  /// 4 bytes, big-endian.
  public var bytes: [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

  /// Nil unless they are 8 such digits.
  public init?(_ text: String) {
    guard text.utf8.count == 2 * Self.byteCount, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }),
      let value = UInt32(text, radix: 16)
    else { return nil }
    self.value = value
  }

  public var description: String {
    hexadecimal(bytes)
  }
}

/// A private key of X25519. Its memory, also that in libcrypto, is overwritten when the last reference goes.
public final class X25519PrivateKey {
  public let publicKey: X25519PublicKey

  private let key: OpaquePointer

  public convenience init() throws(CryptographyError) { try self.init(secret: .random()) }

  /// - Parameter secret: its 32 bytes as RFC 7748 takes them, clamped when used.
  public init(secret: SecretKey) throws(CryptographyError) {
    let key = secret.withUnsafeBytes {
      EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nil, $0.assumingMemoryBound(to: UInt8.self).baseAddress, $0.count)
    }
    guard let key else { throw CryptographyError.drained(.library, "setting up X25519") }
    var bytes = [UInt8](repeating: 0, count: X25519PublicKey.byteCount)
    var length = bytes.count
    guard EVP_PKEY_get_raw_public_key(key, &bytes, &length) == 1, let publicKey = X25519PublicKey(bytes: bytes) else {
      EVP_PKEY_free(key)
      throw CryptographyError.drained(.library, "setting up X25519")
    }
    self.key = key
    self.publicKey = publicKey
  }

  deinit { EVP_PKEY_free(key) }

  /// Throws `authentication` for a public key with which any private one agrees on the same (of low order).
  func agree(with other: X25519PublicKey) throws(CryptographyError) -> SecretKey {
    let peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nil, other.bytes, other.bytes.count)
    let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil)
    defer {
      EVP_PKEY_free(peer)
      EVP_PKEY_CTX_free(context)
    }
    var isAgreed = false
    let shared = SecretKey { buffer in
      var length = buffer.count
      isAgreed =
        peer != nil && context != nil && EVP_PKEY_derive_init(context) == 1
        && EVP_PKEY_derive_set_peer(context, peer) == 1
        && EVP_PKEY_derive(context, buffer.assumingMemoryBound(to: UInt8.self).baseAddress, &length) == 1
    }
    guard isAgreed else { throw CryptographyError.drained(.authentication, "no key can be agreed on") }
    return shared
  }
}
