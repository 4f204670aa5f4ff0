import Contracts
import Cryptography
import LinkKeys
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

  private func identity() -> IdentitySection {
    IdentitySection.with {
      $0.nhsNumber = "9990000018"
      $0.birthDay = 4_321
      $0.sex = 2
      $0.postcode = "LS1 4AP"
    }
  }

  @Test func `tokens of different purposes over the same person differ`() throws {
    var tokens = LinkTokenMaker.Tokens()
    pseudonyms.links.write(identity(), to: &tokens)
    let (number, demographics) = (tokens.number.map(Array.init), tokens[.demographics].map(Array.init))
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
}
