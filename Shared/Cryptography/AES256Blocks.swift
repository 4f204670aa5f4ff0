import COpenSSL

/// AES-256 (FIPS 197) on single blocks of 16 bytes: a keyed permutation, for tokens.
///
/// Equal blocks give equal blocks, which is what tokens are for and why nothing else may go through here: no text, and no
/// value that could be guessed from how often it comes. Not Sendable: one instance per thread.
public final class AES256Blocks {
  public static let blockLength = 16

  private let encrypting: OpaquePointer
  private let decrypting: OpaquePointer

  /// Throws `library` when libcrypto has no AES-256.
  public init(key: SecretKey) throws(CryptographyError) {
    let cipher = EVP_CIPHER_fetch(nil, "AES-256-ECB", nil)
    // The contexts hold references of their own.
    defer { EVP_CIPHER_free(cipher) }
    let encrypting = EVP_CIPHER_CTX_new()
    let decrypting = EVP_CIPHER_CTX_new()
    let isReady = key.withUnsafeBytes { bytes in
      let bytes = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
      return cipher != nil && EVP_EncryptInit_ex(encrypting, cipher, nil, bytes, nil) == 1
        && EVP_DecryptInit_ex(decrypting, cipher, nil, bytes, nil) == 1
        && EVP_CIPHER_CTX_set_padding(encrypting, 0) == 1 && EVP_CIPHER_CTX_set_padding(decrypting, 0) == 1
    }
    guard let encrypting, let decrypting, isReady else {
      EVP_CIPHER_CTX_free(encrypting)
      EVP_CIPHER_CTX_free(decrypting)
      throw CryptographyError.drained(.library, "setting up AES-256")
    }
    self.encrypting = encrypting
    self.decrypting = decrypting
  }

  deinit {
    EVP_CIPHER_CTX_free(encrypting)
    EVP_CIPHER_CTX_free(decrypting)
  }

  /// Replaces every block in place, all in one call.
  ///
  /// - Precondition: a whole number of blocks.
  public func encrypt(_ blocks: UnsafeMutableRawBufferPointer) { apply(EVP_EncryptUpdate, encrypting, blocks) }

  /// Undoes `encrypt`.
  public func decrypt(_ blocks: UnsafeMutableRawBufferPointer) { apply(EVP_DecryptUpdate, decrypting, blocks) }

  public func encrypt(_ token: Token16) -> Token16 { one(token, encrypt) }

  public func decrypt(_ token: Token16) -> Token16 { one(token, decrypt) }

  private func one(_ token: Token16, _ body: (UnsafeMutableRawBufferPointer) -> Void) -> Token16 {
    withUnsafeTemporaryAllocation(byteCount: Self.blockLength, alignment: 8) { block in
      token.withUnsafeBytes { block.copyMemory(from: $0) }
      body(block)
      return Token16(bytes: UnsafeRawBufferPointer(block)).unsafelyUnwrapped
    }
  }

  private func apply(
    _ update: (OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int32>?, UnsafePointer<UInt8>?, Int32)
      -> Int32, _ context: OpaquePointer, _ blocks: UnsafeMutableRawBufferPointer
  ) {
    precondition(blocks.count % Self.blockLength == 0, "not a whole number of blocks")
    guard !blocks.isEmpty else { return }
    let bytes = blocks.assumingMemoryBound(to: UInt8.self).baseAddress
    var written: Int32 = 0
    guard let length = Int32(exactly: blocks.count), update(context, bytes, &written, bytes, length) == 1,
      written == length
    else {
      // Without padding only a broken installation fails here; any other outcome would be a wrong token.
      fatalError("libcrypto cannot compute AES-256")
    }
  }
}
