/// Keyed names of routing tokens behind pseudonymisation, by which an objection finds what is already linked.
///
/// Not Sendable, as ``HMACSHA256`` is not.
public struct WithdrawalTokens {
  private let withdrawal: HMACSHA256

  public init(key: SecretKey) throws(CryptographyError) { withdrawal = try HMACSHA256(key: key) }

  /// - Parameter routingToken: as ``RoutingTokens`` makes it.
  public func token(routingToken: UnsafeRawBufferPointer) -> Token16 { withdrawal.token { $0.append(routingToken) } }

  public func token(routingToken: Token16) -> Token16 {
    routingToken.withUnsafeBytes { token(routingToken: $0) }
  }
}
