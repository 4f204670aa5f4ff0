/// Keyed names of routing tokens behind pseudonymisation, by which an objection finds what is already linked.
///
/// They are made of the inner layer of routing tokens, so that they stay as they are when the routing key is replaced.
/// Not Sendable, as ``HMACSHA256`` is not.
public struct WithdrawalTokens {
  private let withdrawal: HMACSHA256
  /// By version of the routing key.
  private let routing: [Int: AES256Blocks]

  /// - Parameters:
  ///   - root: of the tokens of pseudonymisation.
  ///   - routing: the routing key, by version.
  public init(root: SecretKey, routing: [Int: SecretKey]) throws(CryptographyError) {
    withdrawal = try HMACSHA256(key: try HKDFSHA256.key(from: root, info: "withdrawal tokens"))
    var outer: [Int: AES256Blocks] = [:]
    for (version, key) in routing { outer[version] = try AES256Blocks(key: key) }
    self.routing = outer
  }

  /// - Parameters:
  ///   - routingToken: as ``RoutingTokens`` makes it.
  ///   - version: of the routing key that it is made under.
  /// - Returns: nil where that version is not known.
  public func token(routingToken: Token16, version: Int) -> Token16? {
    guard let outer = routing[version] else { return nil }
    let inner = outer.decrypt(routingToken)
    return withdrawal.token { $0.append(inner) }
  }
}
