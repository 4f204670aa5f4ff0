/// Keyed names of persons within the identifiable zone: the stream that a person's records and objections share, by NHS
/// number, else by registration.
///
/// Not Sendable, as ``HMACSHA256`` is not.
public struct RoutingTokens {
  private let routing: HMACSHA256

  public init(key: SecretKey) throws(CryptographyError) { routing = try HMACSHA256(key: key) }

  /// - Parameter nhsNumber: ten digits.
  public func token(nhsNumber: String) -> Token16 { routing.token("nhs-number", nhsNumber) }

  /// Of a patient without a number.
  public func token(organisation: String, patientRef: String) -> Token16 {
    routing.token("registration", organisation, patientRef)
  }
}
