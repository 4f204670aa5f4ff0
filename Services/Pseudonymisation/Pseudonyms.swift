import Contracts
import Cryptography
import KeyRing
import LinkKeys
import StageKit

/// Names of a person that only this stage can make: for linkage to compare, and for objections to find their records by.
struct Pseudonyms {
  let links: LinkTokenMaker
  private let withdrawal: WithdrawalTokens

  init(
    root: SecretKey, linkage: SecretKey, linkageVersion: Int = 1, routing: [Int: SecretKey]
  ) throws(CryptographyError) {
    links = try LinkTokenMaker(root: root, linkage: linkage, linkageVersion: linkageVersion)
    withdrawal = try WithdrawalTokens(root: root, routing: routing)
  }

  init(_ keys: StageKeys) throws {
    self = try StageKeys.orStop {
      let linkage = try keys.ring.active(.linkage)
      let shared = try keys.exported(by: .ingestion)
        .shared(.routing, opening: try keys.ring.privateKeys(.identity))
      return try Pseudonyms(
        root: try keys.ring.active(.tokens).secret, linkage: linkage.secret, linkageVersion: linkage.version,
        routing: Dictionary(shared.map { ($0.version, $0.secret) }) { first, _ in first })
    }
  }

  /// - Returns: nil where the routing key of that version is not known.
  func withdrawalToken(_ routingToken: UnsafeRawBufferPointer, routingVersion: Int) -> Token16? {
    Token16(bytes: routingToken).flatMap { withdrawal.token(routingToken: $0, version: routingVersion) }
  }
}
