import Cryptography
import Testing

struct SHA256Tests {
  /// FIPS 180-4 examples.
  static let vectors = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ]

  @Test(arguments: vectors) func `published vectors hold, whole and in pieces`(text: String, digest: String) {
    let message = Array(text.utf8)
    #expect(SHA256Digest.hash(message) == bytes(digest))
    let hasher = SHA256Hasher()
    for _ in 0..<2 {
      var rest = message[...]
      var size = 1
      while !rest.isEmpty {
        hasher.update(Array(rest.prefix(size)))
        rest = rest.dropFirst(size)
        size = size * 3 % 4_099
      }
      #expect(hasher.finish() == bytes(digest))
    }
  }
}
