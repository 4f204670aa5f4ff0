import Testing

@testable import Cryptography

struct KeyAgreementTests {
  private func key(_ hexadecimal: String) throws -> X25519PrivateKey {
    try X25519PrivateKey(secret: SecretKey(bytes: bytes(hexadecimal)))
  }

  /// RFC 7748, section 6.1.
  @Test func `two published X25519 keys agree on the published secret`() throws {
    let alice = try key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    let bob = try key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    #expect(
      alice.publicKey.bytes == bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"))
    #expect(bob.publicKey.bytes == bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"))
    let secret = bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    #expect(try alice.agree(with: bob.publicKey).withUnsafeBytes { Array($0) } == secret)
    #expect(try bob.agree(with: alice.publicKey).withUnsafeBytes { Array($0) } == secret)
  }

  @Test func `nothing is agreed on with a public key of low order`() throws {
    let zero = try #require(X25519PublicKey(bytes: [UInt8](repeating: 0, count: 32)))
    let error = #expect(throws: CryptographyError.self) { try X25519PrivateKey().agree(with: zero) }
    #expect(error?.code == .authentication)
    #expect(X25519PublicKey(bytes: [1, 2, 3]) == nil)
  }

  @Test func `a key id is eight digits and can be read back`() throws {
    let id = try X25519PrivateKey().publicKey.id
    #expect(id.description.count == 8 && KeyID(id.description) == id)
    #expect(KeyID("0000000a")?.description == "0000000a")
    #expect(KeyID("a") == nil && KeyID("0000000g") == nil && KeyID("-000000a") == nil && KeyID("+000000a") == nil)
  }

  /// RFC 5869, test cases 1 to 3.
  @Test(arguments: [
    (
      String(repeating: "0b", count: 22), "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    ),
    (
      hexadecimal(0x00...0x4f), hexadecimal(0x60...0xaf), hexadecimal(0xb0...0xff),
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        + "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
    ),
    (
      String(repeating: "0b", count: 22), "", "",
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    ),
  ])
  func `published HKDF vectors hold`(secret: String, salt: String, info: String, expected: String) throws {
    var output = [UInt8](repeating: 0, count: expected.count / 2)
    try bytes(secret).withUnsafeBytes { secret in
      try output.withUnsafeMutableBytes {
        try HKDFSHA256.derive(from: secret, salt: bytes(salt), info: bytes(info), into: $0)
      }
    }
    #expect(output == bytes(expected))
  }

  @Test func `keys derived for other fields, or fields cut elsewhere, are others`() throws {
    let root = SecretKey.random()
    func derived(_ info: String...) throws -> [UInt8] {
      try root.withUnsafeBytes { root in
        try HKDFSHA256.key(from: root, info: info.map { Array($0.utf8) }).withUnsafeBytes { Array($0) }
      }
    }
    let keys = Set([
      try derived("ab", "c"), try derived("a", "bc"), try derived("abc"), try derived("abc", ""), try derived(),
    ])
    #expect(keys.count == 5)
    #expect(try derived("ab", "c") == derived("ab", "c"))
  }

  /// RFC 7914, section 12, third case, of which a key is the first half.
  @Test func `the published scrypt vector holds`() throws {
    let key = try KeyWrapping.scrypt(Array("pleaseletmein".utf8), salt: Array("SodiumChloride".utf8), cost: 16_384)
    #expect(
      key.withUnsafeBytes { Array($0) }
        == bytes("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"))
  }

  @Test func `a wrapped key opens with the same passphrase, salt and associated data only`() throws {
    let key = SecretKey.random()
    let wrapping = try KeyWrapping(passphrase: Array("correct horse".utf8), salt: [1])
    let wrapped = try wrapping.wrap(key, associated: [7])
    func opens(_ wrapping: KeyWrapping, _ bytes: [UInt8], _ associated: [UInt8]) -> Bool {
      (try? wrapping.unwrap(bytes, associated: associated))?.withUnsafeBytes { Array($0) }
        == key.withUnsafeBytes { Array($0) }
    }
    #expect(opens(wrapping, wrapped, [7]))
    #expect(!opens(wrapping, wrapped, [8]))
    #expect(!opens(try KeyWrapping(passphrase: Array("correct horse".utf8), salt: [2]), wrapped, [7]))
    #expect(!opens(try KeyWrapping(passphrase: Array("battery staple".utf8), salt: [1]), wrapped, [7]))
    #expect(!opens(try KeyWrapping(key: .random(), salt: [1]), wrapped, [7]))
    for place in wrapped.indices {
      var changed = wrapped
      changed[place] ^= 1
      #expect(!opens(wrapping, changed, [7]))
    }
    #expect(!opens(wrapping, [], [7]))
  }
}
