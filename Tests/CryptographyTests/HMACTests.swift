import Cryptography
import Testing

struct HMACSHA256Tests {
  /// RFC 4231 test cases 1 to 4. HMAC pads keys with zeros to 64 bytes, so shorter keys padded to 32 give the same.
  @Test(arguments: [
    (
      "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", Array("Hi There".utf8),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      "4a656665", Array("what do ya want for nothing?".utf8),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", [UInt8](repeating: 0xDD, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      "0102030405060708090a0b0c0d0e0f10111213141516171819", [UInt8](repeating: 0xCD, count: 50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
    ),
  ])
  func `published vectors hold, also when the context is used again`(
    key: String, message: [UInt8], expected: String
  ) throws {
    let padded = Array((bytes(key) + [UInt8](repeating: 0, count: 32)).prefix(32))
    let hmac = try HMACSHA256(key: SecretKey(bytes: padded))
    for _ in 0..<3 {
      #expect(hmac.authenticationCode(of: message) == bytes(expected))
      _ = hmac.token("in between")
    }
  }

  private func hmac() throws -> HMACSHA256 { try HMACSHA256(key: SecretKey(bytes: Array(0..<32))) }

  @Test func `a token is the first half of the code of the length-prefixed fields`() throws {
    let hmac = try hmac()
    let message = bytes("0000000a") + Array("9434765919".utf8) + bytes("00000006") + Array("A81001".utf8)
    #expect(hmac.token("9434765919", "A81001").bytes == Array(hmac.authenticationCode(of: message).prefix(16)))
    // Computed with Python's hmac module.
    #expect(hmac.token("9434765919", "A81001").hex == "338b0ef209441819282524c4a60249a8")
    #expect(hmac.token { _ in }.hex == "d38b42096d80f45f826b44a9d5607de7")
  }

  @Test func `every way to give the same fields gives the same token`() throws {
    let hmac = try hmac()
    let expected = hmac.token("né", "", "b")
    #expect(
      hmac.token {
        $0.append("né")
        $0.append([])
        $0.append([0x62])
      } == expected)
    let fields = [Array("né".utf8), [], [0x62]]
    fields[0].withUnsafeBytes { first in
      fields[2].withUnsafeBytes { last in
        #expect(hmac.token([first, UnsafeRawBufferPointer(start: nil, count: 0), last]) == expected)
      }
    }
    let token = hmac.token("a")
    #expect(hmac.token { $0.append(token) } == hmac.token { $0.append(token.bytes) })
  }

  @Test func `moving a border between fields changes the token`() throws {
    let hmac = try hmac()
    let lists = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], ["a", "b", "c"], [], [""]]
    let tokens = lists.map { list in hmac.token { fields in for text in list { fields.append(text) } } }
    #expect(Set(tokens).count == lists.count)
  }

  @Test func `messages of every length around the growth of the buffer are whole`() throws {
    let hmac = try hmac()
    for count in [0, 1, 63, 64, 251, 252, 253, 511, 600, 5_000, 3] {
      let field = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
      let length = withUnsafeBytes(of: UInt32(count).bigEndian) { Array($0) }
      let message = length + field + length + field
      let token = hmac.token {
        $0.append(field)
        $0.append(field)
      }
      #expect(token.bytes == Array(hmac.authenticationCode(of: message).prefix(16)))
    }
  }

  @Test func `another key gives other tokens`() throws {
    let tokens = try (0..<50).map { _ in try HMACSHA256(key: .random()).token("9434765919") }
    #expect(Set(tokens).count == 50)
  }

  @Test func `using an instance while it collects fields stops the program`() async {
    await #expect(processExitsWith: .failure) {
      let hmac = try HMACSHA256(key: .random())
      _ = hmac.token { fields in fields.append(hmac.token("inner")) }
    }
  }
}

struct Token16Tests {
  @Test func `bytes, halves and hexadecimal digits say the same`() throws {
    let written = [UInt8](0xF0...0xFF)
    let token = try #require(Token16(bytes: written))
    #expect(token == Token16(high: 0xF0F1_F2F3_F4F5_F6F7, low: 0xF8F9_FAFB_FCFD_FEFF))
    #expect(token.bytes == written)
    #expect(token.hex == "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    #expect(token.withUnsafeBytes { Token16(bytes: $0) } == token)
  }

  @Test(arguments: [0, 1, 15, 17, 32]) func `other lengths are refused`(count: Int) {
    #expect(Token16(bytes: [UInt8](repeating: 1, count: count)) == nil)
  }

  @Test func `tokens sort as their bytes`() throws {
    let edges = [Token16(high: 1, low: 0), Token16(high: 0, low: .max)]
    let tokens = (0..<500).compactMap { _ in Token16(bytes: randomBytes(16)) } + edges
    let byBytes = tokens.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    #expect(tokens.sorted() == byBytes)
  }
}
