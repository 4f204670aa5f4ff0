import Contracts
import Cryptography

/// What takes the place of a person's identity: tokens that only this stage can make.
///
/// Every token is HMAC-SHA256 over length-prefixed fields behind a label, cut to 16 bytes: no two field splits and no
/// two purposes collide. A field of low entropy is never a token by itself.
struct Pseudonyms {
  private let linkage: HMACSHA256
  private let withdrawal: WithdrawalTokens

  init(linkageKey: SecretKey, withdrawalKey: SecretKey) throws {
    linkage = try HMACSHA256(key: linkageKey)
    withdrawal = try WithdrawalTokens(key: withdrawalKey)
  }

  func withdrawalToken(_ routingToken: UnsafeRawBufferPointer) -> Token16 {
    withdrawal.token(routingToken: routingToken)
  }

  /// `nil` without a valid number.
  func numberToken(_ identity: IdentitySection) -> Token16? {
    identity.nhsNumber.isEmpty ? nil : linkage.token("nhs-number", identity.nhsNumber)
  }

  /// Date of birth + sex + postcode; `nil` unless all three are known and the postcode is a place.
  func demographicsToken(_ identity: IdentitySection) -> Token16? {
    guard identity.hasBirthDay, identity.sex == 1 || identity.sex == 2, !identity.postcode.isEmpty,
      !identity.postcode.hasPrefix("ZZ99")
    else { return nil }
    return linkage.token("demographics", String(identity.birthDay), String(identity.sex), identity.postcode)
  }
}
