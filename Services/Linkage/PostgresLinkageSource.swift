import Contracts
import Cryptography
import Linking
import Postgres

/// Reads the index set-based, each call one round trip.
struct PostgresLinkageSource: LinkageSource {
  let database: Connection

  private static let observation = """
    o.record_id, o.version_time, o.version_digest, o.stamp, o.source, o.state, o.demographics_token,
    o.withdrawal_token, o.said_time, o.said_digest, s.place, s.digest
    """
  private static let standing = """
    s.combination, s.place, s.digest, s.cluster, s.smallest, s.person, s.rank, s.trusted, s.ambiguous, s.reached
    """

  // MARK: Observations

  func observations(recordIDs: [Token16]) throws -> [Observation] {
    try observations(
      "from observation o left join standing s using (combination) where o.record_id = any($1)", [.tokens(recordIDs)])
  }

  func observations(combinations digests: [Token16]) throws -> [Observation] {
    try observations(
      "from \(Self.named) join standing s using (place, digest) join observation o using (combination)",
      Self.names(digests))
  }

  func witnesses(demographics: [Token16]) throws -> [Observation] { try witnesses("demographics_token", demographics) }

  func witnesses(withdrawals: [Token16]) throws -> [Observation] { try witnesses("withdrawal_token", withdrawals) }

  private func witnesses(_ column: String, _ tokens: [Token16]) throws -> [Observation] {
    try observations(
      """
      from observation o left join standing s using (combination) where o.\(column) = any($1) and o.state = 5
      """, [.tokens(tokens)])
  }

  private func observations(_ from: String, _ parameters: [Parameter]) throws -> [Observation] {
    let rows = try database.query("select \(Self.observation) \(from)", parameters)
    return (0..<rows.count).map { row in
      let traces = rows.token(row, 6).map {
        Observation.Traces(demographics: $0, withdrawal: rows.token(row, 7)!)
      }
      return Observation(
        recordID: rows.token(row, 0)!, version: RecordVersion(time: rows.int(row, 1), digest: rows.int(row, 2)),
        stamp: rows.int(row, 3), source: Source(rawValue: Int(rows.int(row, 4))) ?? .unspecified,
        state: Observation.State(rawValue: Int16(rows.int(row, 5)))!,
        combination: rows.isNull(row, 10) ? nil : rows.digest(row, 10),
        traces: traces,
        said: rows.isNull(row, 8) ? nil : RecordVersion(time: rows.int(row, 8), digest: rows.int(row, 9)))
    }
  }

  // MARK: Combinations

  private static let named = "unnest($1::bigint[], $2::bigint[]) as named (place, digest)"

  /// In the order of the index.
  private static func names(_ digests: [Token16]) -> [Parameter] {
    let digests = digests.sorted()
    return [.keys(digests.map(\.high)), .keys(digests.map(\.low))]
  }

  func standings(digests: [Token16]) throws -> [Standing] {
    try standings("\(Self.named) join standing s using (place, digest)", Self.names(digests))
  }

  func standings(clusters: [Int64]) throws -> [Standing] {
    try standings("standing s where s.cluster = any($1)", [.intArray(clusters)])
  }

  private func standings(_ from: String, _ parameters: [Parameter]) throws -> [Standing] {
    let rows = try database.query("select \(Self.standing) from \(from)", parameters)
    return (0..<rows.count).map(rows.standing)
  }

  func combinations(digests: [Token16]) throws -> [StoredCombination] {
    try combinations("\(Self.named) join standing s using (place, digest)", where: "true", Self.names(digests))
  }

  func combinations(ids: [Int64]) throws -> [StoredCombination] {
    try combinations("standing s", where: "s.combination = any($1)", [.intArray(ids)])
  }

  func combinations(places: [UInt64]) throws -> [StoredCombination] {
    try combinations("standing s", where: "s.place = any($1)", [.keys(places)])
  }

  private func combinations(
    _ from: String, where condition: String, _ parameters: [Parameter]
  ) throws -> [StoredCombination] {
    let rows = try database.query(
      """
      select \(Self.standing), c.source, c.birth, c.number_token, c.pass_keys, c.withdrawal_token
      from \(from) join combination c on c.id = s.combination where \(condition)
      """, parameters)
    return (0..<rows.count).map {
      StoredCombination(standing: rows.standing($0), combination: rows.combination($0, from: 10))
    }
  }

  func holders(_ tokens: [UInt64], untrusted: [UInt64]) throws -> [Holder] {
    let rows = try database.query(
      """
      select holder from lookup where token = any($1)
      union select holder from lookup where token = any($2) and holder < 0
      """, [.keys(tokens), .keys(untrusted)])
    return (0..<rows.count).map { Holder(stored: rows.int($0, 0)) }
  }

  func reserve(_ count: Int) throws -> Int64 {
    let last = try database.query(
      "select setval('combination_id', nextval('combination_id') + $1 - 1)", [.int(Int64(count))])
    return last.int(0, 0) - Int64(count) + 1
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
  /// Of a combination, in this column and the next.
  fileprivate func digest(_ row: Int, _ column: Int) -> Token16 {
    Token16(high: UInt64(int(row, column)), low: UInt64(bitPattern: int(row, column + 1)))
  }

  fileprivate func standing(_ row: Int) -> Standing {
    Standing(
      id: int(row, 0), digest: digest(row, 1), cluster: int(row, 3), smallest: token(row, 4)!, person: token(row, 5)!,
      rank: UInt8(int(row, 6)), isTrusted: bool(row, 7), ambiguous: UInt8(int(row, 8)), isReached: bool(row, 9))
  }

  /// - Parameter column: the first of source, birth, number_token, pass_keys, withdrawal_token.
  func combination(_ row: Int, from column: Int) -> Combination {
    Combination(
      source: LinkNodes.Source(rawValue: UInt8(int(row, column)))!,
      birth: LinkNodes.Birth(rawValue: UInt8(int(row, column + 1)))!, number: token(row, column + 2),
      passKeys: bytes(row, column + 3), withdrawal: token(row, column + 4)!)
  }

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
