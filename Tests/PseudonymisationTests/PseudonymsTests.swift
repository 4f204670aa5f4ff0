import Contracts
import Cryptography
import Testing

@testable import Pseudonymisation

struct PseudonymsTests {
  private static func key(_ byte: UInt8) throws -> SecretKey {
    try SecretKey(bytes: [UInt8](repeating: byte, count: SecretKey.byteCount))
  }

  private let pseudonyms: Pseudonyms

  init() throws {
    pseudonyms = try Pseudonyms(root: Self.key(1), linkage: Self.key(2), routing: [1: Self.key(3)])
  }

  private func identity(
    number: String = "9990000018", birthDay: Int32? = 4_321, sex: UInt32 = 2, postcode: String = "LS1 4AP"
  ) -> IdentitySection {
    IdentitySection.with {
      $0.nhsNumber = number
      if let birthDay { $0.birthDay = birthDay }
      $0.sex = sex
      $0.postcode = postcode
    }
  }

  private func tokens(
    _ identity: IdentitySection, _ pseudonyms: Pseudonyms? = nil
  ) -> (number: [UInt8]?, demographics: [UInt8]?) {
    var blocks = Pseudonyms.Blocks()
    // What was there before must not show.
    (pseudonyms ?? self.pseudonyms).write(self.identity(number: "9990000026", birthDay: 1), to: &blocks)
    (pseudonyms ?? self.pseudonyms).write(identity, to: &blocks)
    return (blocks.number.map(Array.init), blocks[.demographics].map(Array.init))
  }

  @Test func `the same identity gives the same tokens, another root or linkage key others`() throws {
    let (same, again) = (tokens(identity()), tokens(identity()))
    #expect(same.number == again.number && same.demographics == again.demographics)
    for other in [
      try Pseudonyms(root: Self.key(4), linkage: Self.key(2), routing: [1: Self.key(3)]),
      try Pseudonyms(root: Self.key(1), linkage: Self.key(4), routing: [1: Self.key(3)]),
    ] {
      #expect(tokens(identity(), other).number != same.number)
      #expect(tokens(identity(), other).demographics != same.demographics)
    }
  }

  @Test func `whoever holds both linkage keys turns tokens of one into tokens of the other`() throws {
    let newer = try Pseudonyms(root: Self.key(1), linkage: Self.key(4), linkageVersion: 2, routing: [1: Self.key(3)])
    let (from, to) = (try AES256Blocks(key: Self.key(2)), try AES256Blocks(key: Self.key(4)))
    let (old, new) = (tokens(identity()), tokens(identity(), newer))
    for (before, after) in [(old.number, new.number), (old.demographics, new.demographics)] {
      let token = try #require(before.flatMap { Token16(bytes: $0) })
      #expect(to.encrypt(from.decrypt(token)).bytes == after)
    }
    #expect(newer.linkageVersion == 2)
  }

  @Test func `a number gives a token without any other field, and none when it is missing`() {
    #expect(tokens(identity()).number == tokens(identity(birthDay: nil, sex: 0, postcode: "")).number)
    #expect(tokens(identity(number: "")).number == nil)
    #expect(tokens(identity(number: "")).demographics == tokens(identity()).demographics)
  }

  @Test func `every field of the demographics counts`() {
    let tokens = [
      identity(), identity(birthDay: 4_322), identity(birthDay: -4_321), identity(sex: 1),
      identity(postcode: "LS1 4AQ"),
    ].map { self.tokens($0).demographics }
    #expect(tokens.allSatisfy { $0 != nil })
    #expect(Set(tokens).count == tokens.count)
  }

  @Test func `every pass key is one block that begins with its pass and tells where each field ends`() throws {
    let identity = identity(birthDay: 1, sex: 2, postcode: "M1 1AA")
    let block = try #require(PassKey.demographics.block(identity))
    #expect(block == [1, 0, 0, 0, 1, 2] + Array("M11AA".utf8) + [0, 0, 0, 0, 0])
    #expect(block.count == PassKey.length)
  }

  @Test func `there is no demographics token unless all three fields are known`() {
    for incomplete in [
      identity(birthDay: nil), identity(sex: 0), identity(sex: 9), identity(postcode: ""),
      identity(postcode: "ZZ99 3VZ"), identity(postcode: "LS1"), identity(postcode: "LS1 4APX9"),
    ] {
      #expect(tokens(incomplete).demographics == nil)
    }
  }

  @Test func `tokens of different purposes over the same person differ`() throws {
    let (number, demographics) = tokens(identity())
    let routing = try RoutingTokens(persons: Self.key(1), routing: Self.key(3)).token(nhsNumber: "9990000018")
    let withdrawal = routing.withUnsafeBytes { pseudonyms.withdrawalToken($0, routingVersion: 1) }
    #expect(Set([number, demographics, withdrawal?.bytes, routing.bytes]).count == 4)
  }

  @Test func `withdrawal tokens of different routing tokens differ, and none is made of an unknown version`() {
    let tokens = (UInt8(0)..<50).map { byte in
      [UInt8](repeating: byte, count: 16).withUnsafeBytes { pseudonyms.withdrawalToken($0, routingVersion: 1) }
    }
    #expect(Set(tokens).count == 50 && !tokens.contains(nil))
    #expect(
      [UInt8](repeating: 1, count: 16).withUnsafeBytes { pseudonyms.withdrawalToken($0, routingVersion: 2) } == nil)
    #expect(
      [UInt8](repeating: 1, count: 15).withUnsafeBytes { pseudonyms.withdrawalToken($0, routingVersion: 1) } == nil)
  }

  @Test func `attributes are the year, the sex, the outward code, the practice and the ethnic category`() {
    var identity = identity(birthDay: -16_436)  // 1925-01-01
    identity.practice = "A81001"
    identity.ethnicCategory = "A"
    let attributes = Pseudonyms.attributes(identity)
    #expect(attributes.yearOfBirth == 1925)
    #expect(attributes.sex == 2 && attributes.area == "LS1")
    #expect(attributes.practice == "A81001" && attributes.ethnicCategory == "A")
  }

  @Test func `attributes of an unknown person are empty`() {
    #expect(Pseudonyms.attributes(IdentitySection()) == AttributesSection())
  }

  @Test func `attributes hold nothing of the number, the day of birth or the full postcode`() throws {
    let bytes: [UInt8] = try Pseudonyms.attributes(identity()).serializedBytes()
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(!text.contains("9990000018") && !text.contains("4AP"))
    #expect(Pseudonyms.attributes(identity()) == Pseudonyms.attributes(identity(birthDay: 4_322)))
  }
}
