/// Keyed names of persons within the identifiable zone: the stream that a person's records and objections share, by NHS
/// number, else by registration.
///
/// Two layers: inside, HMAC-SHA256 under a key that never changes; outside, AES-256 under the routing key, which can be
/// replaced without knowing a number. Not Sendable, as ``HMACSHA256`` is not.
public struct RoutingTokens {
  private let inner: HMACSHA256
  private let outer: AES256Blocks

  /// - Parameters:
  ///   - persons: of the inner layer.
  ///   - routing: of the outer one.
  public init(persons: SecretKey, routing: SecretKey) throws(CryptographyError) {
    inner = try HMACSHA256(key: persons)
    outer = try AES256Blocks(key: routing)
  }

  /// - Parameter nhsNumber: ten digits.
  public func token(nhsNumber: String) -> Token16 { outer.encrypt(inner.token("nhs-number", nhsNumber)) }

  /// Of a patient without a number.
  public func token(organisation: String, patientRef: String) -> Token16 {
    outer.encrypt(inner.token("registration", organisation, patientRef))
  }
}
