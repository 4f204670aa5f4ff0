import Contracts
import Cryptography
import Linking
import Testing

@testable import LinkKeys

struct LinkTokenMakerTests {
  private static func key(_ byte: UInt8) throws -> SecretKey {
    try SecretKey(bytes: [UInt8](repeating: byte, count: SecretKey.byteCount))
  }

  private let maker: LinkTokenMaker

  init() throws {
    maker = try LinkTokenMaker(root: Self.key(1), linkage: Self.key(2))
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
    _ identity: IdentitySection, _ maker: LinkTokenMaker? = nil
  ) -> (number: [UInt8]?, demographics: [UInt8]?) {
    var tokens = LinkTokenMaker.Tokens()
    // What was there before must not show.
    (maker ?? self.maker).write(self.identity(number: "9990000026", birthDay: 1), to: &tokens)
    (maker ?? self.maker).write(identity, to: &tokens)
    return (tokens.number.map(Array.init), tokens[.demographics].map(Array.init))
  }

  @Test func `the same identity gives the same tokens, another root or linkage key others`() throws {
    let (same, again) = (tokens(identity()), tokens(identity()))
    #expect(same.number == again.number && same.demographics == again.demographics)
    for other in [
      try LinkTokenMaker(root: Self.key(4), linkage: Self.key(2)),
      try LinkTokenMaker(root: Self.key(1), linkage: Self.key(4)),
    ] {
      #expect(tokens(identity(), other).number != same.number)
      #expect(tokens(identity(), other).demographics != same.demographics)
    }
  }

  @Test func `whoever holds both linkage keys turns tokens of one into tokens of the other`() throws {
    let newer = try LinkTokenMaker(root: Self.key(1), linkage: Self.key(4), linkageVersion: 2)
    let layer = try OuterLayer(from: Self.key(2), to: Self.key(4))
    let (old, new) = (tokens(identity()), tokens(identity(), newer))
    for (before, after) in [(old.number, new.number), (old.demographics, new.demographics)] {
      let token = try #require(before.flatMap { Token16(bytes: $0) })
      #expect(layer.replace(token).bytes == after)
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

  @Test func `the block of the demographics is what has been stored from the beginning`() throws {
    for (postcode, text) in [("M1 1AA", "M11AA"), ("LS1 4AP", "LS14AP"), ("SW1A 1AA", "SW1A1AA")] {
      let block = try #require(
        PassKey.demographics.block(LinkIdentity(identity(birthDay: 1, sex: 2, postcode: postcode))))
      var bytes: [UInt8] = [1, 0, 0, 0, 1, 2] + Array(text.utf8)
      bytes += [UInt8](repeating: 0, count: PassKey.length - bytes.count)
      #expect(Token16(high: block.high, low: block.low).bytes == bytes)
    }
  }

  @Test func `there is no demographics token unless all three fields are known`() {
    for incomplete in [
      identity(birthDay: nil), identity(sex: 0), identity(sex: 9), identity(postcode: ""),
      identity(postcode: "ZZ99 3VZ"), identity(postcode: "LS1"), identity(postcode: "LS1 4APX9"),
    ] {
      #expect(tokens(incomplete).demographics == nil)
    }
  }

  @Test func `the passes of a record are permuted together as each would be alone`() throws {
    var tokens = LinkTokenMaker.Tokens()
    maker.write(identity(), to: &tokens)
    for pass in PassKey.allCases {
      var alone = LinkTokenMaker.Tokens()
      try LinkTokenMaker(root: Self.key(1), linkage: Self.key(2), passes: [pass]).write(identity(), to: &alone)
      #expect(tokens[pass] == alone[pass].map { $0[...] } && tokens.number == alone.number)
    }
  }
}
