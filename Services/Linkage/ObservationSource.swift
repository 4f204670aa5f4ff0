import Cryptography

/// What is stored before a batch: PostgreSQL in the service, a dictionary in tests.
///
/// Every call is one set-based read; none is made with an empty list.
protocol ObservationSource {
  func observations(recordIDs: [Token16]) throws -> [Observation]

  /// All erasures under these withdrawal tokens, of both scopes.
  func erasures(withdrawals: [Token16]) throws -> [Erasure]

  func live(withdrawals: [Token16]) throws -> [Observation]

  func live(nhsNumbers: [Token16]) throws -> [ClusterMember]

  /// Live observations with one of these demographics tokens that have, or have not, a number.
  func live(demographics: [Token16], withNumber: Bool) throws -> [ClusterMember]
}
