import Contracts
import Cryptography
import Linking
import Postgres

/// Reads the index set-based, each call one round trip.
struct PostgresLinkageSource: LinkageSource {
  let database: Connection

  private static let observation = """
    o.record_id, o.version_time, o.version_digest, o.stamp, o.source, o.state, o.demographics_token,
    o.withdrawal_token, o.said_time, o.said_digest, c.digest
    """
  private static let combination = """
    c.id, c.digest, c.source, c.birth, c.number_token, c.pass_keys, c.withdrawal_token, s.smallest, s.person,
    s.rank, s.trusted, s.ambiguous
    """
  private static let standing = "from combination c join standing s on s.combination = c.id"

  // MARK: Observations

  func observations(recordIDs: [Token16]) throws -> [Observation] {
    try observations(
      "from observation o left join combination c on c.id = o.combination where o.record_id = any($1)", recordIDs)
  }

  func observations(combinations digests: [Token16]) throws -> [Observation] {
    try observations(
      "from combination c join observation o on o.combination = c.id where c.digest = any($1)", digests)
  }

  func witnesses(demographics: [Token16]) throws -> [Observation] { try witnesses("demographics_token", demographics) }

  func witnesses(withdrawals: [Token16]) throws -> [Observation] { try witnesses("withdrawal_token", withdrawals) }

  private func witnesses(_ column: String, _ tokens: [Token16]) throws -> [Observation] {
    try observations(
      """
      from observation o left join combination c on c.id = o.combination
      where o.\(column) = any($1) and o.state = 5
      """, tokens)
  }

  private func observations(_ from: String, _ tokens: [Token16]) throws -> [Observation] {
    let rows = try database.query("select \(Self.observation) \(from)", [.tokens(tokens)])
    return (0..<rows.count).map { row in
      let traces = rows.token(row, 6).map {
        Observation.Traces(demographics: $0, withdrawal: rows.token(row, 7)!)
      }
      return Observation(
        recordID: rows.token(row, 0)!, version: RecordVersion(time: rows.int(row, 1), digest: rows.int(row, 2)),
        stamp: rows.int(row, 3), source: Source(rawValue: Int(rows.int(row, 4))) ?? .unspecified,
        state: Observation.State(rawValue: Int16(rows.int(row, 5)))!, combination: rows.token(row, 10),
        traces: traces,
        said: rows.isNull(row, 8) ? nil : RecordVersion(time: rows.int(row, 8), digest: rows.int(row, 9)))
    }
  }

  // MARK: Combinations

  func combinations(digests: [Token16]) throws -> [StoredCombination] {
    try combinations("\(Self.standing) where c.digest = any($1)", [.tokens(digests)])
  }

  func combinations(numbers: [UInt64]) throws -> [StoredCombination] {
    try combinations("\(Self.standing) where c.number = any($1)", [.keys(numbers)])
  }

  func combinations(keys: [UInt64], trusted: [UInt64]) throws -> [StoredCombination] {
    try combinations(
      """
      \(Self.standing)
      where c.id in (
        select combination from other_key where key = any($1)
        union select combination from trusted_key where key = any($2))
      """, [.keys(keys), .keys(trusted)])
  }

  func combinations(withdrawals: [Token16]) throws -> [StoredCombination] {
    try combinations("\(Self.standing) where c.withdrawal_token = any($1)", [.tokens(withdrawals)])
  }

  func combinations(persons: [Token16]) throws -> [StoredCombination] {
    let hasher = SHA256Hasher()
    return try combinations(
      "from standing s join combination c on c.id = s.combination where s.person_id = any($1)",
      [.tokens(persons.map { PersonID.of(smallestRecordID: $0, hasher) })])
  }

  private func combinations(_ from: String, _ parameters: [Parameter]) throws -> [StoredCombination] {
    let rows = try database.query("select \(Self.combination) \(from)", parameters)
    return (0..<rows.count).map { row in
      let combination = Combination(
        source: LinkNodes.Source(rawValue: UInt8(rows.int(row, 2)))!,
        birth: LinkNodes.Birth(rawValue: UInt8(rows.int(row, 3)))!, number: rows.token(row, 4),
        passKeys: rows.bytes(row, 5), withdrawal: rows.token(row, 6)!)
      return StoredCombination(
        id: rows.int(row, 0), digest: rows.token(row, 1)!, combination: combination, smallest: rows.token(row, 7)!,
        person: rows.token(row, 8)!, rank: UInt8(rows.int(row, 9)), isTrusted: rows.bool(row, 10),
        ambiguous: UInt8(rows.int(row, 11)))
    }
  }

  // MARK: Erasures

  func erasures(withdrawals: [Token16]) throws -> [Erasure] {
    let rows = try database.query(
      """
      select withdrawal_token, all_sources, stamp, statement_stamp, in_force from erased
      where withdrawal_token = any($1)
      """, [.tokens(withdrawals)])
    return (0..<rows.count).map { row in
      Erasure(
        token: rows.token(row, 0)!, allSources: rows.bool(row, 1),
        mark: ObjectionMark(
          erasedStamp: rows.int(row, 2), statementStamp: rows.int(row, 3), isInForce: rows.bool(row, 4)))
    }
  }
}

extension Parameter {
  static func tokens(_ tokens: [Token16]) -> Parameter { .bytesArray(tokens.map(\.bytes)) }

  static func keys(_ keys: [UInt64]) -> Parameter { .intArray(keys.map { Int64(bitPattern: $0) }) }
}

extension Rows {
  /// `nil` where the column is null.
  func token(_ row: Int, _ column: Int) -> Token16? {
    guard !isNull(row, column) else { return nil }
    return withBytes(row, column) { Token16(bytes: $0) }
  }
}

extension CopyWriter {
  mutating func token(_ token: Token16?) {
    guard let token else { return null() }
    token.withUnsafeBytes { bytes($0) }
  }
}
