import COpenSSL

/// Tokens by HMAC-SHA256 (RFC 2104, FIPS 198-1) under one key.
///
/// Not Sendable: one instance per thread. The key is set once; each message resets the context only, which costs half
/// of setting the key again.
public final class HMACSHA256 {
  private let context: OpaquePointer
  private var fields = Fields()

  /// Throws `library` when libcrypto has no HMAC-SHA256.
  public init(key: SecretKey) throws(CryptographyError) {
    let algorithm = EVP_MAC_fetch(nil, "HMAC", nil)
    // The context holds a reference of its own.
    defer { EVP_MAC_free(algorithm) }
    guard let algorithm, let context = EVP_MAC_CTX_new(algorithm) else {
      throw CryptographyError.drained(.library, "setting up HMAC-SHA256")
    }
    // Parameters keep the pointers to their name and value, so both texts must live until the context has read them.
    var digest = Array("SHA256".utf8CString)
    let status = OSSL_MAC_PARAM_DIGEST.withCString { name in
      digest.withUnsafeMutableBufferPointer { digest in
        let parameters = [
          OSSL_PARAM_construct_utf8_string(name, digest.baseAddress, 0), OSSL_PARAM_construct_end(),
        ]
        return key.withUnsafeBytes { bytes in
          EVP_MAC_init(context, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count, parameters)
        }
      }
    }
    guard status == 1 else {
      EVP_MAC_CTX_free(context)
      throw CryptographyError.drained(.library, "setting up HMAC-SHA256")
    }
    self.context = context
  }

  deinit { EVP_MAC_CTX_free(context) }

  /// The token of the fields that `write` appends: each preceded by its length in bytes (4 bytes, big-endian), so that
  /// no two lists of fields give the same message. Allocates nothing once the longest message was seen.
  ///
  /// - Important: `write` must not use this instance again; that stops the program.
  public func token(_ write: (inout Fields) -> Void) -> Token16 {
    fields.count = 0
    write(&fields)
    let message = UnsafeRawBufferPointer(rebasing: fields.storage[..<fields.count])
    return withDigest(of: message) { digest in
      Token16(
        high: UInt64(bigEndian: digest.loadUnaligned(as: UInt64.self)),
        low: UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  /// The same of fields given as bytes.
  public func token(_ list: [UnsafeRawBufferPointer]) -> Token16 {
    token { fields in
      for field in list { fields.append(field) }
    }
  }

  /// The same of fields given as texts, in UTF-8.
  public func token(_ list: String...) -> Token16 {
    token { fields in
      for field in list { fields.append(field) }
    }
  }

  /// The whole HMAC-SHA256 of a message as it is: 32 bytes.
  public func authenticationCode(of message: [UInt8]) -> [UInt8] {
    message.withUnsafeBytes { message in withDigest(of: message) { Array($0) } }
  }

  private func withDigest<Result>(
    of message: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { digest in
      var length = 0
      guard EVP_MAC_init(context, nil, 0, nil) == 1,
        EVP_MAC_update(context, message.assumingMemoryBound(to: UInt8.self).baseAddress, message.count) == 1,
        EVP_MAC_final(context, digest.assumingMemoryBound(to: UInt8.self).baseAddress, &length, 32) == 1, length == 32
      else {
        // Only exhausted memory leads here; any token returned instead would be wrong.
        fatalError("libcrypto cannot compute HMAC-SHA256")
      }
      return body(UnsafeRawBufferPointer(digest))
    }
  }
}

extension HMACSHA256 {
  /// The message under construction. Its memory is overwritten when the `HMACSHA256` goes.
  public struct Fields: ~Copyable {
    fileprivate var storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)
    fileprivate var count = 0

    fileprivate init() {}

    deinit {
      OPENSSL_cleanse(storage.baseAddress, storage.count)
      storage.deallocate()
    }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
      let end = count + 4 + bytes.count
      if end > storage.count { grow(to: end) }
      storage.storeBytes(of: UInt32(bytes.count).bigEndian, toByteOffset: count, as: UInt32.self)
      UnsafeMutableRawBufferPointer(rebasing: storage[(count + 4)..<end]).copyMemory(from: bytes)
      count = end
    }

    public mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

    public mutating func append(_ token: Token16) { token.withUnsafeBytes { append($0) } }

    public mutating func append(_ text: String) {
      var text = text
      text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    private mutating func grow(to end: Int) {
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(end, 2 * storage.count), alignment: 8)
      larger.copyMemory(from: UnsafeRawBufferPointer(storage))
      OPENSSL_cleanse(storage.baseAddress, storage.count)
      storage.deallocate()
      storage = larger
    }
  }
}
