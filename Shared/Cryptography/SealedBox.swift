import Glibc

/// Bytes sealed to the holder of a private key: X25519 with a sender's key of its own, HKDF-SHA256, AES-256-GCM.
///
/// ```
/// version (1) = 1 ‖ id of the recipient's key (4) ‖ sender's public key (32) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
/// ```
///
/// The content key is HKDF(agreement, salt: sender's ‖ recipient's public key, info: format, purpose), so that nothing
/// sealed for one purpose opens as another. One sender's key serves a bounded number of messages, and its private half
/// is gone as soon as the agreement is made: once the content key has gone too, the sender cannot open what it has sent.
public enum SealedBox {
  /// How many bytes sealing adds.
  public static let overhead = headLength + AES256GCM.overhead

  static let version: UInt8 = 1
  static let senderOffset = 1 + KeyID.byteCount
  static let headLength = senderOffset + X25519PublicKey.byteCount

  static func cipher(
    _ agreement: SecretKey, sender: [UInt8], recipient: X25519PublicKey, purpose: String
  ) throws(CryptographyError) -> AES256GCM {
    let key = try agreement.withUnsafeBytes { (bytes) throws(CryptographyError) in
      try HKDFSHA256.key(
        from: bytes, salt: sender + recipient.bytes, info: [Array("caredata sealed box 1".utf8), Array(purpose.utf8)])
    }
    return try AES256GCM(key: key)
  }
}

/// Seals to one recipient for one purpose. Not Sendable: one instance per thread.
public final class SealedBoxSealer {
  /// Of how many messages one sender's key is used. Making one costs about as much as sealing 100 of 500 bytes.
  public static let messagesPerSender = 4_096

  public let recipient: X25519PublicKey
  private let purpose: String
  private let limit: Int
  private var head: [UInt8] = []
  private var cipher: AES256GCM
  private var left: Int

  public init(
    to recipient: X25519PublicKey, purpose: String, messagesPerSender: Int = SealedBoxSealer.messagesPerSender
  ) throws(CryptographyError) {
    self.recipient = recipient
    self.purpose = purpose
    limit = messagesPerSender
    (head, cipher) = try Self.sender(recipient, purpose)
    left = limit
  }

  private static func sender(
    _ recipient: X25519PublicKey, _ purpose: String
  ) throws(CryptographyError) -> ([UInt8], AES256GCM) {
    let sender = try X25519PrivateKey()
    let cipher = try SealedBox.cipher(
      try sender.agree(with: recipient), sender: sender.publicKey.bytes, recipient: recipient, purpose: purpose)
    return ([SealedBox.version] + recipient.id.bytes + sender.publicKey.bytes, cipher)
  }

  /// Replaces the content of `sealed`, keeping its memory.
  public func seal(
    _ plaintext: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer, into sealed: inout [UInt8]
  ) throws(CryptographyError) {
    if left == 0 {
      (head, cipher) = try Self.sender(recipient, purpose)
      left = limit
    }
    left -= 1
    sealed.resize(to: plaintext.count + SealedBox.overhead)
    var span = sealed.mutableSpan
    try span.withUnsafeMutableBytes { (buffer) throws(CryptographyError) in
      head.withUnsafeBytes { buffer.copyMemory(from: $0) }
      try cipher.seal(
        plaintext, associated: associated,
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[SealedBox.headLength...]))
    }
  }
}

/// Opens what is sealed for one purpose to any of a holder's keys. Not Sendable: one instance per thread.
///
/// Agreements are remembered, since a sender's key serves many messages: opening costs no more than AES-256-GCM then.
public final class SealedBoxOpener {
  /// Content keys remembered, of about 2 kB each. Beyond it all are forgotten: they can be agreed on again.
  static let rememberedSenders = 1_024

  private let purpose: String
  private let keys: [KeyID: X25519PrivateKey]
  private var ciphers: [[UInt8]: AES256GCM] = [:]
  private var last: (head: [UInt8], cipher: AES256GCM)?

  /// - Parameter keys: every one that may open, whatever new messages are sealed to.
  public init(keys: [X25519PrivateKey], purpose: String) {
    self.keys = Dictionary(keys.map { ($0.publicKey.id, $0) }) { first, _ in first }
    self.purpose = purpose
  }

  /// Which key opens these bytes; nil where they are no sealed box.
  public static func recipient(of sealed: UnsafeRawBufferPointer) -> KeyID? {
    guard sealed.count >= SealedBox.overhead, sealed[0] == SealedBox.version else { return nil }
    return KeyID(bytes: UnsafeRawBufferPointer(rebasing: sealed[1..<SealedBox.senderOffset]))
  }

  /// Replaces the content of `plaintext`, keeping its memory; on failure it is empty.
  ///
  /// Throws `unknownKey` where the box is sealed to a key that this opener does not have, `authentication` where it is
  /// none, or was changed, or was sealed for another purpose or other associated data.
  public func open(
    _ sealed: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer, into plaintext: inout [UInt8]
  ) throws(CryptographyError) {
    do throws(CryptographyError) {
      let cipher = try cipher(sealed)
      try cipher.open(
        UnsafeRawBufferPointer(rebasing: sealed[SealedBox.headLength...]), associated: associated, into: &plaintext)
    } catch {
      plaintext.removeAll(keepingCapacity: true)
      throw error
    }
  }

  private func cipher(_ sealed: UnsafeRawBufferPointer) throws(CryptographyError) -> AES256GCM {
    guard let id = Self.recipient(of: sealed) else {
      throw CryptographyError.notSealed
    }
    let head = UnsafeRawBufferPointer(rebasing: sealed[1..<SealedBox.headLength])
    if let last, last.head.withUnsafeBytes({ memcmp($0.baseAddress!, head.baseAddress!, head.count) }) == 0 {
      return last.cipher
    }
    let name = Array(head)
    if let cipher = ciphers[name] {
      last = (name, cipher)
      return cipher
    }
    guard let key = keys[id] else {
      throw CryptographyError.unknown(id)
    }
    guard let sender = X25519PublicKey(bytes: Array(name.dropFirst(KeyID.byteCount))) else {
      throw CryptographyError.notSealed
    }
    let cipher = try SealedBox.cipher(
      try key.agree(with: sender), sender: sender.bytes, recipient: key.publicKey, purpose: purpose)
    return remember(cipher, name)
  }

  private func remember(_ cipher: AES256GCM, _ name: [UInt8]) -> AES256GCM {
    if ciphers.count >= Self.rememberedSenders { ciphers.removeAll() }
    ciphers[name] = cipher
    last = (name, cipher)
    return cipher
  }
}

extension SealedBoxSealer {
  public func seal(_ plaintext: [UInt8], associated: [UInt8]) throws(CryptographyError) -> [UInt8] {
    var sealed: [UInt8] = []
    try plaintext.span.withUnsafeBytes { (plaintext) throws(CryptographyError) in
      try associated.span.withUnsafeBytes { (associated) throws(CryptographyError) in
        try seal(plaintext, associated: associated, into: &sealed)
      }
    }
    return sealed
  }
}

extension SealedBoxOpener {
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
