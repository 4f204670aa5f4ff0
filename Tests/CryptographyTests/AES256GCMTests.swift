import Testing

@testable import Cryptography

struct AES256GCMTests {
  /// NIST's submission vectors (McGrew and Viega, "The Galois/Counter Mode of Operation"), test cases 13 to 16.
  struct Vector: Sendable {
    let key, nonce, associated, plaintext, ciphertext, tag: String
  }

  static let vectors = [
    Vector(
      key: String(repeating: "00", count: 32), nonce: String(repeating: "00", count: 12), associated: "", plaintext: "",
      ciphertext: "", tag: "530f8afbc74536b9a963b4f1c4cb738b"),
    Vector(
      key: String(repeating: "00", count: 32), nonce: String(repeating: "00", count: 12), associated: "",
      plaintext: String(repeating: "00", count: 16), ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
      tag: "d0d1c8a799996bf0265b98b5d48ab919"),
    Vector(
      key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", nonce: "cafebabefacedbaddecaf888",
      associated: "",
      plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
      ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
      tag: "b094dac5d93471bdec1a502270e3cc6c"),
    Vector(
      key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", nonce: "cafebabefacedbaddecaf888",
      associated: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
      ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
      tag: "76fc6ece0f4e1768cddf8853bb2d551b"),
  ]

  @Test(arguments: vectors) func `published vectors hold in both directions`(vector: Vector) throws {
    let gcm = try AES256GCM(key: SecretKey(bytes: bytes(vector.key)))
    let plaintext = bytes(vector.plaintext)
    let associated = bytes(vector.associated)
    let expected = bytes(vector.nonce) + bytes(vector.ciphertext) + bytes(vector.tag)
    for _ in 0..<2 {
      var sealed = bytes(vector.nonce) + [UInt8](repeating: 0, count: plaintext.count + 16)
      try plaintext.withUnsafeBytes { plaintext in
        try associated.withUnsafeBytes { associated in
          try sealed.withUnsafeMutableBytes {
            try gcm.encrypt(plaintext, associated: associated, afterNonceIn: $0)
          }
        }
      }
      #expect(sealed == expected)
      #expect(try gcm.open(expected, associated: associated) == plaintext)
    }
  }

  @Test func `what was sealed opens again, at every length and under any instance with the key`() throws {
    let key = SecretKey.random()
    let sealing = try AES256GCM(key: key)
    let opening = try AES256GCM(key: key)
    for count in [0, 1, 15, 16, 17, 200, 4_096, 900_000, 5] {
      let plaintext = randomBytes(count)
      let associated = randomBytes(count % 97)
      let sealed = try sealing.seal(plaintext, associated: associated)
      #expect(sealed.count == count + AES256GCM.overhead)
      #expect(try opening.open(sealed, associated: associated) == plaintext)
    }
  }

  @Test func `every changed bit of nonce, ciphertext, tag or associated data is noticed`() throws {
    let gcm = try AES256GCM(key: .random())
    let plaintext = Array("born 1924-03-05".utf8)
    let associated = Array("header".utf8)
    let sealed = try gcm.seal(plaintext, associated: associated)
    var opened = 0
    for bit in 0..<8 * sealed.count {
      var changed = sealed
      changed[bit / 8] ^= 1 << (bit % 8)
      if (try? gcm.open(changed, associated: associated)) != nil { opened += 1 }
    }
    for bit in 0..<8 * associated.count {
      var changed = associated
      changed[bit / 8] ^= 1 << (bit % 8)
      if (try? gcm.open(sealed, associated: changed)) != nil { opened += 1 }
    }
    #expect(opened == 0)
    #expect(try gcm.open(sealed, associated: associated) == plaintext, "a failure must not spoil the context")
  }

  @Test func `cut, extended or foreign bytes and other keys are refused`() throws {
    let gcm = try AES256GCM(key: .random())
    let sealed = try gcm.seal(Array("text".utf8), associated: [1])
    for length in 0..<sealed.count {
      #expect(throws: CryptographyError.self) { try gcm.open(Array(sealed.prefix(length)), associated: [1]) }
    }
    for wrong in [sealed + [0], [0] + sealed, randomBytes(sealed.count), []] {
      let error = #expect(throws: CryptographyError.self) { try gcm.open(wrong, associated: [1]) }
      #expect(error?.code == .authentication)
    }
    #expect(throws: CryptographyError.self) { try gcm.open(sealed, associated: []) }
    #expect(throws: CryptographyError.self) { try AES256GCM(key: .random()).open(sealed, associated: [1]) }
  }

  @Test func `a failed opening leaves no plain text behind`() throws {
    let gcm = try AES256GCM(key: .random())
    var sealed = try gcm.seal([UInt8](repeating: 0x41, count: 100), associated: [])
    sealed[sealed.count - 1] ^= 1
    var memory = [UInt8](repeating: 0x55, count: 100)
    _ = sealed.withUnsafeBytes { sealed in
      memory.withUnsafeMutableBytes { memory in
        #expect(throws: CryptographyError.self) {
          try gcm.open(sealed, associated: UnsafeRawBufferPointer(start: nil, count: 0), into: memory)
        }
      }
    }
    #expect(memory == [UInt8](repeating: 0, count: 100))
    var array: [UInt8] = [1, 2, 3]
    _ = sealed.withUnsafeBytes { sealed in
      #expect(throws: CryptographyError.self) {
        try gcm.open(sealed, associated: UnsafeRawBufferPointer(start: nil, count: 0), into: &array)
      }
    }
    #expect(array.isEmpty)
  }

  @Test func `an array is filled anew whatever it held`() throws {
    let gcm = try AES256GCM(key: .random())
    var sealed = [UInt8](repeating: 9, count: 500)
    var opened: [UInt8] = []
    for count in [300, 10, 0, 400] {
      let plaintext = randomBytes(count)
      try plaintext.withUnsafeBytes { plaintext in
        try gcm.seal(plaintext, associated: plaintext, into: &sealed)
        try sealed.withUnsafeBytes { try gcm.open($0, associated: plaintext, into: &opened) }
      }
      #expect(sealed.count == count + AES256GCM.overhead)
      #expect(opened == plaintext)
    }
  }

  @Test func `no nonce comes twice, within and across instances`() throws {
    let key = SecretKey.random()
    var nonces: Set<[UInt8]> = []
    for _ in 0..<20 {
      let gcm = try AES256GCM(key: key)
      for _ in 0..<200 { nonces.insert(Array(try gcm.seal([], associated: []).prefix(12))) }
    }
    #expect(nonces.count == 4_000)
  }
}
