import Cryptography

/// What is stored before a batch: PostgreSQL in the service, a dictionary in tests.
///
/// Every call is one set-based read; none is made with an empty list.
protocol ObservationSource {
  func observations(recordIDs: [Token16]) throws -> [Observation]

  /// All erasures under these withdrawal tokens, of both scopes.
  func erasures(withdrawals: [Token16]) throws -> [Erasure]

  /// Live, suppressing and suppressed observations, and witnesses.
  func observations(withdrawals: [Token16]) throws -> [Observation]

  /// Every erasure under the token of an observation that had a number and has these demographics: see
  /// ``Observation/witnessed``.
  func witnesses(demographics: [Token16]) throws -> [Witness]

  /// Live observations without a number.
  func unnumbered(demographics: [Token16]) throws -> [Observation]

  func live(nhsNumbers: [Token16]) throws -> [ClusterMember]

  /// Live observations with one of these demographics tokens that have, or have not, a number.
  func live(demographics: [Token16], withNumber: Bool) throws -> [ClusterMember]
}
