import COpenSSL

/// Authenticated encryption with AES-256-GCM (NIST SP 800-38D) under one key.
///
/// Sealed bytes are nonce (12) ‖ ciphertext (as long as the plain text) ‖ tag (16). Not Sendable: one instance per
/// thread; contexts and key schedule are kept from one call to the next.
public final class AES256GCM {
  /// How many bytes sealing adds.
  public static let overhead = nonceLength + tagLength

  private static let nonceLength = 12
  private static let tagLength = 16

  private let sealing: OpaquePointer
  private let opening: OpaquePointer
  /// The next nonce: counts up from a random start, so that an instance never repeats one and two instances under the
  /// same key meet only if their random starts of 96 bits lie within a few billion of each other.
  private var nonce: (low: UInt64, high: UInt32)

  /// Throws `library` when libcrypto has no AES-256-GCM.
  public init(key: SecretKey) throws(CryptographyError) {
    let start = randomBytes(Self.nonceLength)
    nonce = start.withUnsafeBytes {
      ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    }
    let cipher = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
    // The contexts hold references of their own.
    defer { EVP_CIPHER_free(cipher) }
    let sealing = EVP_CIPHER_CTX_new()
    let opening = EVP_CIPHER_CTX_new()
    let isReady = key.withUnsafeBytes { bytes in
      let bytes = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
      return cipher != nil && EVP_EncryptInit_ex(sealing, cipher, nil, bytes, nil) == 1
        && EVP_DecryptInit_ex(opening, cipher, nil, bytes, nil) == 1
    }
    guard let sealing, let opening, isReady else {
      EVP_CIPHER_CTX_free(sealing)
      EVP_CIPHER_CTX_free(opening)
      throw CryptographyError.drained(.library, "setting up AES-256-GCM")
    }
    self.sealing = sealing
    self.opening = opening
  }

  deinit {
    EVP_CIPHER_CTX_free(sealing)
    EVP_CIPHER_CTX_free(opening)
  }

  /// Seals into memory of exactly `plaintext.count + overhead` bytes, which must not overlap the inputs.
  public func seal(
    _ plaintext: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer, into sealed: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    precondition(sealed.count == plaintext.count + Self.overhead, "memory for sealed bytes has another length")
    writeNextNonce(to: sealed)
    try encrypt(plaintext, associated: associated, afterNonceIn: sealed)
  }

  /// Seals under the nonce that the first 12 bytes of `sealed`, of the length that `seal` asks for, already hold.
  func encrypt(
    _ plaintext: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer,
    afterNonceIn sealed: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    let length = try Self.length(plaintext)
    let associatedLength = try Self.length(associated)
    let start = sealed.assumingMemoryBound(to: UInt8.self).baseAddress.unsafelyUnwrapped
    var written: Int32 = 0
    let text = start + Self.nonceLength
    guard EVP_EncryptInit_ex(sealing, nil, nil, nil, start) == 1,
      associatedLength == 0
        || EVP_EncryptUpdate(sealing, nil, &written, Self.bytes(associated), associatedLength) == 1,
      length == 0 || EVP_EncryptUpdate(sealing, text, &written, Self.bytes(plaintext), length) == 1,
      EVP_EncryptFinal_ex(sealing, text + Int(length), &written) == 1,
      EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagLength), text + Int(length)) == 1
    else {
      throw CryptographyError.drained(.library, "sealing")
    }
  }

  /// Opens into memory of exactly `sealed.count - overhead` bytes, which must not overlap the inputs. Throws
  /// `authentication`, and leaves that memory zeroed, unless the bytes are as `seal` made them for the same key and
  /// associated data.
  public func open(
    _ sealed: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer, into plaintext: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    let length = try Self.plaintextLength(sealed)
    let associatedLength = try Self.length(associated)
    precondition(plaintext.count == Int(length), "memory for opened bytes has another length")
    let start = Self.bytes(sealed).unsafelyUnwrapped
    let text = start + Self.nonceLength
    // libcrypto only reads the tag, although its signature takes a pointer to write through.
    let tag = UnsafeMutablePointer(mutating: text + Int(length))
    var written: Int32 = 0
    var nothing: UInt8 = 0
    guard EVP_DecryptInit_ex(opening, nil, nil, nil, start) == 1,
      associatedLength == 0
        || EVP_DecryptUpdate(opening, nil, &written, Self.bytes(associated), associatedLength) == 1,
      length == 0
        || EVP_DecryptUpdate(opening, plaintext.assumingMemoryBound(to: UInt8.self).baseAddress, &written, text, length)
          == 1,
      EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagLength), tag) == 1,
      EVP_DecryptFinal_ex(opening, &nothing, &written) == 1
    else {
      // Nobody may use what was decrypted before the tag was found wrong.
      OPENSSL_cleanse(plaintext.baseAddress, plaintext.count)
      throw CryptographyError.drained(.authentication, "sealed bytes cannot be opened")
    }
  }

  private func writeNextNonce(to buffer: UnsafeMutableRawBufferPointer) {
    let (low, carry) = nonce.low.addingReportingOverflow(1)
    nonce = (low, carry ? nonce.high &+ 1 : nonce.high)
    buffer.storeBytes(of: nonce.low, toByteOffset: 0, as: UInt64.self)
    buffer.storeBytes(of: nonce.high, toByteOffset: 8, as: UInt32.self)
  }

  private static func bytes(_ buffer: UnsafeRawBufferPointer) -> UnsafePointer<UInt8>? {
    buffer.assumingMemoryBound(to: UInt8.self).baseAddress
  }

  private static func length(_ buffer: UnsafeRawBufferPointer) throws(CryptographyError) -> Int32 {
    guard let length = Int32(exactly: buffer.count) else {
      throw CryptographyError(.messageLength, "a message of \(buffer.count) bytes is too long to seal or open")
    }
    return length
  }

  private static func plaintextLength(_ sealed: UnsafeRawBufferPointer) throws(CryptographyError) -> Int32 {
    guard sealed.count >= overhead else {
      throw CryptographyError(.authentication, "sealed bytes cannot be opened: they are too short")
    }
    return try length(sealed) - Int32(overhead)
  }
}

extension AES256GCM {
  /// Replaces the content of `sealed`, keeping its memory.
  public func seal(
    _ plaintext: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer, into sealed: inout [UInt8]
  ) throws(CryptographyError) {
    sealed.resize(to: plaintext.count + Self.overhead)
    var span = sealed.mutableSpan
    try span.withUnsafeMutableBytes { (buffer) throws(CryptographyError) in
      try seal(plaintext, associated: associated, into: buffer)
    }
  }

  /// Replaces the content of `plaintext`, keeping its memory; on failure it is empty.
  public func open(
    _ sealed: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer, into plaintext: inout [UInt8]
  ) throws(CryptographyError) {
    plaintext.resize(to: max(0, sealed.count - Self.overhead))
    do throws(CryptographyError) {
      var span = plaintext.mutableSpan
      try span.withUnsafeMutableBytes { (buffer) throws(CryptographyError) in
        try open(sealed, associated: associated, into: buffer)
      }
    } catch {
      plaintext.removeAll(keepingCapacity: true)
      throw error
    }
  }

  public func seal(_ plaintext: [UInt8], associated: [UInt8]) throws(CryptographyError) -> [UInt8] {
    var sealed: [UInt8] = []
    try plaintext.span.withUnsafeBytes { (plaintext) throws(CryptographyError) in
      try associated.span.withUnsafeBytes { (associated) throws(CryptographyError) in
        try seal(plaintext, associated: associated, into: &sealed)
      }
    }
    return sealed
  }

  public func open(_ sealed: [UInt8], associated: [UInt8]) throws(CryptographyError) -> [UInt8] {
    var plaintext: [UInt8] = []
    try sealed.span.withUnsafeBytes { (sealed) throws(CryptographyError) in
      try associated.span.withUnsafeBytes { (associated) throws(CryptographyError) in
        try open(sealed, associated: associated, into: &plaintext)
      }
    }
    return plaintext
  }
}

extension [UInt8] {
  mutating func resize(to length: Int) {
    if count > length {
      removeLast(count - length)
    } else if count < length {
      append(contentsOf: repeatElement(0, count: length - count))
    }
  }
}
