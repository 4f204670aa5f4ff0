import Testing

@testable import Cryptography

struct SealedBoxTests {
  private let key: X25519PrivateKey

  init() throws { key = try X25519PrivateKey() }

  private func sealer(messagesPerSender: Int = 100) throws -> SealedBoxSealer {
    try SealedBoxSealer(to: key.publicKey, purpose: "clinical", messagesPerSender: messagesPerSender)
  }

  private func opener(purpose: String = "clinical") -> SealedBoxOpener {
    SealedBoxOpener(keys: [key], purpose: purpose)
  }

  @Test func `what was sealed opens again, whatever its length and whichever sender's key it has`() throws {
    let sealer = try sealer(messagesPerSender: 3)
    let opener = opener()
    var senders: Set<[UInt8]> = []
    for count in [0, 1, 15, 16, 17, 500, 900_000, 2, 3, 4] {
      let text = randomBytes(count)
      let sealed = try sealer.seal(text, associated: [1, 2])
      #expect(sealed.count == count + SealedBox.overhead)
      #expect(try opener.open(sealed, associated: [1, 2]) == text)
      senders.insert(Array(sealed[SealedBox.senderOffset..<SealedBox.headLength]))
    }
    #expect(senders.count == 4)
  }

  @Test func `a changed byte anywhere, in the box or in what is bound to it, is refused`() throws {
    let (sealer, opener) = (try sealer(), opener())
    let header = randomBytes(40)
    let sealed = try sealer.seal(Array("Entries".utf8), associated: header)
    for place in sealed.indices {
      for bit in 0..<8 {
        var changed = sealed
        changed[place] ^= 1 << UInt8(bit)
        #expect(throws: CryptographyError.self) { try opener.open(changed, associated: header) }
      }
    }
    for place in header.indices {
      var changed = header
      changed[place] ^= 0x40
      #expect(throws: CryptographyError.self) { try opener.open(sealed, associated: changed) }
    }
    for count in sealed.indices {
      #expect(throws: CryptographyError.self) { try opener.open(Array(sealed.prefix(count)), associated: header) }
    }
    #expect(try opener.open(sealed, associated: header) == Array("Entries".utf8))
  }

  @Test func `a section cannot take the place of one of another record or another kind`() throws {
    let sealer = try sealer()
    let (first, second) = (try sealer.seal([1], associated: [1]), try sealer.seal([2], associated: [2]))
    #expect(throws: CryptographyError.self) { try opener().open(first, associated: [2]) }
    #expect(throws: CryptographyError.self) { try opener().open(second, associated: [1]) }
    #expect(throws: CryptographyError.self) { try opener(purpose: "attributes").open(first, associated: [1]) }
  }

  @Test func `a box for a key that is not held names it, and a poisoned one does not`() throws {
    let sealed = try sealer().seal([1], associated: [])
    let other = SealedBoxOpener(keys: [try X25519PrivateKey()], purpose: "clinical")
    let unknown = #expect(throws: CryptographyError.self) { try other.open(sealed, associated: []) }
    #expect(unknown?.code == .unknownKey && unknown?.description.contains("\(key.publicKey.id)") == true)
    #expect(sealed.withUnsafeBytes { SealedBoxOpener.recipient(of: $0) } == key.publicKey.id)
    let poison = #expect(throws: CryptographyError.self) { try other.open([1, 2, 3], associated: []) }
    #expect(poison?.code == .authentication)
    #expect([9, 2, 3].withUnsafeBytes { SealedBoxOpener.recipient(of: $0) } == nil)
  }

  @Test func `several keys open, each what was sealed to it`() throws {
    let older = try X25519PrivateKey()
    let opener = SealedBoxOpener(keys: [key, older], purpose: "clinical")
    let first = try sealer().seal([1], associated: [])
    let second = try SealedBoxSealer(to: older.publicKey, purpose: "clinical").seal([2], associated: [])
    for _ in 0..<3 {
      #expect(try opener.open(first, associated: []) == [1])
      #expect(try opener.open(second, associated: []) == [2])
    }
  }

  @Test func `more senders than are remembered open all the same`() throws {
    let sealer = try sealer(messagesPerSender: 1)
    let opener = opener()
    let sealed = try (0..<(SealedBoxOpener.rememberedSenders + 50)).map { number in
      try sealer.seal([UInt8(truncatingIfNeeded: number)], associated: [])
    }
    for box in [sealed, sealed.reversed()].joined() { #expect(try opener.open(box, associated: []).count == 1) }
  }
}

struct AES256BlocksTests {
  /// FIPS 197, appendix C.3.
  @Test func `the published vector holds for every block of a call`() throws {
    let cipher = try AES256Blocks(key: SecretKey(bytes: Array(0..<32)))
    let plain = bytes("00112233445566778899aabbccddeeff")
    var blocks = plain + plain + plain
    for _ in 0..<2 {
      blocks.withUnsafeMutableBytes { cipher.encrypt($0) }
      let expected = bytes("8ea2b7ca516745bfeafc49904b496089")
      #expect(blocks == expected + expected + expected)
      blocks.withUnsafeMutableBytes { cipher.decrypt($0) }
      #expect(blocks == plain + plain + plain)
    }
  }

  @Test func `tokens are permuted, each back to itself`() throws {
    let cipher = try AES256Blocks(key: .random())
    let tokens = (0..<1_000).map { Token16(high: 7, low: $0) }
    let outer = tokens.map { cipher.encrypt($0) }
    #expect(Set(outer).count == tokens.count && Set(outer).isDisjoint(with: tokens))
    #expect(outer.map { cipher.decrypt($0) } == tokens)
    #expect(tokens.map { cipher.encrypt($0) } == outer)
  }
}

@Suite struct OuterLayerTests {
  @Test func `a token whose outer layer is replaced is what it would be under the new key`() throws {
    let (persons, former, next) = (SecretKey.random(), SecretKey.random(), SecretKey.random())
    let layer = try OuterLayer(from: former, to: next)
    let (old, new) = (
      try RoutingTokens(persons: persons, routing: former), try RoutingTokens(persons: persons, routing: next)
    )
    #expect(layer.replace(old.token(nhsNumber: "9990000018")) == new.token(nhsNumber: "9990000018"))
    var many = (0..<3).flatMap { old.token(organisation: "A81001", patientRef: "\($0)").bytes }
    many.withUnsafeMutableBytes { layer.replace($0) }
    #expect(many == (0..<3).flatMap { new.token(organisation: "A81001", patientRef: "\($0)").bytes })
    #expect(layer.replace(old.token(nhsNumber: "9990000018")) != old.token(nhsNumber: "9990000018"))
  }
}
