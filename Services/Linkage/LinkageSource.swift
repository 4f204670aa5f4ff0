import Cryptography
import Linking

/// What is stored before a batch: PostgreSQL in the service, dictionaries in tests.
///
/// Every call is one set-based read; none is made with an empty list.
protocol LinkageSource {
  func observations(recordIDs: [Token16]) throws -> [Observation]

  /// Those that have one of these combinations.
  func observations(combinations digests: [Token16]) throws -> [Observation]

  /// Of combinations that are stored; which they are is known.
  func standings(digests: [Token16]) throws -> [Standing]

  func combinations(digests: [Token16]) throws -> [StoredCombination]

  func combinations(ids: [Int64]) throws -> [StoredCombination]

  /// - Parameter places: see ``Combination/place``.
  func combinations(places: [UInt64]) throws -> [StoredCombination]

  /// - Parameter clusters: see ``Standing/cluster``.
  func standings(clusters: [Int64]) throws -> [Standing]

  /// Who is found by tokens; see ``LookupEntry``.
  ///
  /// - Parameters:
  ///   - tokens: first bytes.
  ///   - untrusted: the same; of combinations whose number is not trusted, or that have none.
  func holders(_ tokens: [UInt64], untrusted: [UInt64]) throws -> [Holder]

  /// Ids for new combinations that nobody else gets.
  ///
  /// - Returns: the first; the others follow it.
  func reserve(_ count: Int) throws -> Int64

  /// All erasures under these withdrawal tokens, of both scopes.
  func erasures(withdrawals: [Token16]) throws -> [Erasure]

  /// Records that were taken back, by what is left of them.
  func witnesses(demographics: [Token16]) throws -> [Observation]

  func witnesses(withdrawals: [Token16]) throws -> [Observation]
}

extension LinkageSource {
  func combinations(withdrawals: Set<Token16>) throws -> [StoredCombination] {
    var (ids, places): ([Int64], [UInt64]) = ([], [])
    for holder in try holders(withdrawals.map(\.high), untrusted: []) {
      switch holder {
      case .combination(let id): ids.append(id)
      case .number(let place): places.append(place)
      }
    }
    var found = ids.isEmpty ? [] : try combinations(ids: ids)
    if !places.isEmpty { found += try combinations(places: places) }
    return found.filter { withdrawals.contains($0.combination.withdrawal) }
  }

  /// Those whose number is not trusted, or that have none.
  ///
  /// - Parameter demographics: first bytes of their tokens.
  func untrusted(demographics: Set<UInt64>) throws -> [StoredCombination] {
    let ids = try holders([], untrusted: Array(demographics)).compactMap { holder in
      if case .combination(let id) = holder { id } else { nil }
    }
    return ids.isEmpty ? [] : try combinations(ids: ids)
  }
}
