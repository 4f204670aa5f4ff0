import COpenSSL

/// SHA-256 (FIPS 180-4) of bytes that need no key: content digests, the release register.
public enum SHA256Digest {
  public static let byteCount = 32

  /// 32 bytes.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { hash($0) } }

  /// 32 bytes.
  public static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let hasher = SHA256Hasher()
    hasher.update(bytes)
    return hasher.finish()
  }
}

/// SHA-256 of bytes that come in pieces. Not Sendable: one instance per thread. Reuse it where many digests are made.
public final class SHA256Hasher {
  // Unsafe only by type: the algorithm is fetched once, never freed, and libcrypto's methods are immutable.
  private nonisolated(unsafe) static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)

  private let context: OpaquePointer
  private var isStarted = false

  public init() {
    // Only exhausted memory fails here.
    guard let context = EVP_MD_CTX_new() else { fatalError("libcrypto cannot compute SHA-256") }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  public func update(_ bytes: UnsafeRawBufferPointer) {
    start()
    Self.check(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count))
  }

  public func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  /// The digest, 32 bytes, of everything since the last `finish`.
  public func finish() -> [UInt8] {
    start()
    isStarted = false
    return [UInt8](unsafeUninitializedCapacity: SHA256Digest.byteCount) { buffer, count in
      Self.check(EVP_DigestFinal_ex(context, buffer.baseAddress, nil))
      count = SHA256Digest.byteCount
    }
  }

  private func start() {
    guard !isStarted else { return }
    Self.check(EVP_DigestInit_ex(context, Self.algorithm, nil))
    isStarted = true
  }

  private static func check(_ status: Int32) {
    // A wrong digest would be taken for other content; only a broken installation leads here.
    guard status == 1 else { fatalError("libcrypto cannot compute SHA-256") }
  }
}
