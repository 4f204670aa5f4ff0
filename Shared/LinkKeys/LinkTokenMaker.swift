import Contracts
import Cryptography
import Linking

/// Makes the tokens that linkage compares.
///
/// Two layers. Inside: HMAC-SHA256 of the number, and AES-256 of one block per pass key, under keys derived from the root
/// of tokens, which never changes. Outside: AES-256 under the linkage key, which can be replaced by whoever holds both
/// versions, without an identity at hand.
///
/// Not Sendable, as ``HMACSHA256`` is not.
public struct LinkTokenMaker {
  /// Of the linkage key that tokens are made under.
  public let linkageVersion: Int

  private let numbers: HMACSHA256
  private let inner: AES256Blocks
  private let linkage: AES256Blocks
  private let passes: [PassKey]

  public init(
    root: SecretKey, linkage: SecretKey, linkageVersion: Int = 1, passes: [PassKey] = PassKey.allCases
  ) throws(CryptographyError) {
    numbers = try HMACSHA256(key: try HKDFSHA256.key(from: root, info: "number tokens"))
    inner = try AES256Blocks(key: try HKDFSHA256.key(from: root, info: "pass keys"))
    self.linkage = try AES256Blocks(key: linkage)
    self.linkageVersion = linkageVersion
    self.passes = passes
  }

  /// The tokens of one person: 16 bytes each of the number and of every pass key. Keeps its memory.
  public struct Tokens {
    fileprivate(set) var bytes: [UInt8] = []
    fileprivate(set) var hasNumber = false
    /// In the order of their tokens behind the number.
    fileprivate(set) var passes: [PassKey] = []

    public init() {}

    fileprivate mutating func append(_ pass: PassKey, _ block: PassKey.Block) {
      passes.append(pass)
      withUnsafeBytes(of: (block.high.bigEndian, block.low.bigEndian)) { bytes.append(contentsOf: $0) }
    }

    /// `nil` without a valid number.
    public var number: ArraySlice<UInt8>? { hasNumber ? bytes.prefix(PassKey.length) : nil }

    /// The first eight bytes of ``number``, big-endian.
    public var numberKey: UInt64? { hasNumber ? key(at: 0) : nil }

    /// Every pass with the first eight bytes of its token; more than once where there are guesses at a number.
    public func eachKey(_ body: (PassKey, UInt64) -> Void) {
      for (place, pass) in passes.enumerated() { body(pass, key(at: place + (hasNumber ? 1 : 0))) }
    }

    /// Appends fields 1, 2 and 5 of `LinkTokens`.
    public func append(to links: inout WireWriter) {
      if let number { links.bytes(1, number) }
      if let demographics = self[.demographics] { links.bytes(2, demographics) }
      let others = passes.first == .demographics ? 1 : 0
      guard passes.count > others else { return }
      links.header(5, length: (passes.count - others) * (1 + PassKey.length))
      for place in others..<passes.count {
        let start = (place + (hasNumber ? 1 : 0)) * PassKey.length
        links.raw(passes[place].rawValue)
        links.raw(bytes[start..<(start + PassKey.length)])
      }
    }

    private func key(at place: Int) -> UInt64 {
      bytes.withUnsafeBytes {
        UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: place * PassKey.length, as: UInt64.self))
      }
    }

    /// `nil` where the pass has no key.
    public subscript(pass: PassKey) -> ArraySlice<UInt8>? {
      guard let place = passes.firstIndex(of: pass) else { return nil }
      let start = (place + (hasNumber ? 1 : 0)) * PassKey.length
      return bytes[start..<(start + PassKey.length)]
    }
  }

  /// However many passes there are, all blocks are permuted in two calls.
  public func write(_ identity: IdentitySection, to tokens: inout Tokens) { write(LinkIdentity(identity), to: &tokens) }

  public func write(_ identity: LinkIdentity, to tokens: inout Tokens) {
    tokens.bytes.removeAll(keepingCapacity: true)
    tokens.passes.removeAll(keepingCapacity: true)
    tokens.hasNumber = identity.number != 0
    if tokens.hasNumber {
      numbers.token { identity.appendNumber(to: &$0) }.withUnsafeBytes { tokens.bytes.append(contentsOf: $0) }
    }
    let start = tokens.bytes.count
    for pass in passes {
      if let block = pass.block(identity) { tokens.append(pass, block) }
      guard pass == .numberBirthSex, identity.mistypedNumber != 0 else { continue }
      for guess in identity.numberGuesses {
        if let block = PassKey.guessed(guess, identity) { tokens.append(pass, block) }
      }
    }
    tokens.bytes.withUnsafeMutableBytes { bytes in
      inner.encrypt(UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
      linkage.encrypt(bytes)
    }
  }
}
