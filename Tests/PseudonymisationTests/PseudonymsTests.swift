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
    pseudonyms = try Pseudonyms(linkageKey: Self.key(1), withdrawalKey: Self.key(2))
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

  @Test func `the same identity gives the same tokens, another key others`() throws {
    let other = try Pseudonyms(linkageKey: Self.key(3), withdrawalKey: Self.key(4))
    #expect(pseudonyms.numberToken(identity()) == pseudonyms.numberToken(identity()))
    #expect(pseudonyms.numberToken(identity()) != other.numberToken(identity()))
    #expect(pseudonyms.demographicsToken(identity()) != other.demographicsToken(identity()))
  }

  @Test func `a number gives a token without any other field, and none when it is missing`() {
    #expect(
      pseudonyms.numberToken(identity())
        == pseudonyms.numberToken(identity(birthDay: nil, sex: 0, postcode: "")))
    #expect(pseudonyms.numberToken(identity(number: "")) == nil)
  }

  @Test func `every field of the demographics counts`() {
    let tokens = [
      identity(), identity(birthDay: 4_322), identity(birthDay: -4_321), identity(sex: 1),
      identity(postcode: "LS1 4AQ"),
    ].map(pseudonyms.demographicsToken)
    #expect(tokens.allSatisfy { $0 != nil })
    #expect(Set(tokens).count == tokens.count)
  }

  @Test func `digits that move from one field to the next give another token`() {
    #expect(
      pseudonyms.demographicsToken(identity(birthDay: 1, sex: 2, postcode: "1AA"))
        != pseudonyms.demographicsToken(identity(birthDay: 12, sex: 1, postcode: "AA")))
    #expect(
      pseudonyms.demographicsToken(identity(birthDay: 11, sex: 2))
        != pseudonyms.demographicsToken(identity(birthDay: 1, sex: 2, postcode: "1LS1 4AP")))
  }

  @Test func `there is no demographics token unless all three fields are known`() {
    for incomplete in [
      identity(birthDay: nil), identity(sex: 0), identity(sex: 9), identity(postcode: ""),
      identity(postcode: "ZZ99 3VZ"),
    ] {
      #expect(pseudonyms.demographicsToken(incomplete) == nil)
    }
    #expect(pseudonyms.demographicsToken(identity(number: "")) != nil)
  }

  @Test func `tokens of two purposes over the same bytes differ`() throws {
    let same = try Pseudonyms(linkageKey: Self.key(1), withdrawalKey: Self.key(1))
    let number = Array("9990000018".utf8)
    let withdrawal = number.withUnsafeBytes { same.withdrawalToken($0) }
    #expect(same.numberToken(identity()) != withdrawal)
    #expect(same.demographicsToken(identity()) != same.numberToken(identity()))
  }

  @Test func `withdrawal tokens of different routing tokens differ`() {
    let tokens = (UInt8(0)..<50).map { byte in
      [UInt8](repeating: byte, count: 16).withUnsafeBytes { pseudonyms.withdrawalToken($0) }
    }
    #expect(Set(tokens).count == 50)
  }
}
