import Cryptography

/// What is stored before a batch: PostgreSQL in the service, dictionaries in tests.
///
/// Every call is one set-based read; none is made with an empty list.
protocol LinkageSource {
  func observations(recordIDs: [Token16]) throws -> [Observation]

  /// Those that have one of these combinations.
  func observations(combinations digests: [Token16]) throws -> [Observation]

  func combinations(digests: [Token16]) throws -> [StoredCombination]

  /// - Parameter numbers: first bytes of number tokens.
  func combinations(numbers: [UInt64]) throws -> [StoredCombination]

  /// - Parameters:
  ///   - keys: of combinations whose number is not trusted, or that have none.
  ///   - trusted: of those with a trusted number.
  func combinations(keys: [UInt64], trusted: [UInt64]) throws -> [StoredCombination]

  func combinations(withdrawals: [Token16]) throws -> [StoredCombination]

  /// - Parameter persons: smallest record ids.
  func combinations(persons: [Token16]) throws -> [StoredCombination]

  /// All erasures under these withdrawal tokens, of both scopes.
  func erasures(withdrawals: [Token16]) throws -> [Erasure]

  /// Records that were taken back, by what is left of them.
  func witnesses(demographics: [Token16]) throws -> [Observation]

  func witnesses(withdrawals: [Token16]) throws -> [Observation]
}
