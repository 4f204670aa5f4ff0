import Contracts
import Cryptography
import Postgres

/// Reads the index set-based, each call one round trip.
struct PostgresObservationSource: ObservationSource {
  let database: Connection

  private static let observation = """
    record_id, nhs_token, demographics_token, person_id, assignment, version_time, version_digest, stamp, source,
    state, withdrawal_token
    """
  private static let member = "record_id, nhs_token, demographics_token, person_id, assignment"

  func observations(recordIDs: [Token16]) throws -> [Observation] {
    observations(
      try database.query(
        "select \(Self.observation) from observation where record_id = any($1)", [.tokens(recordIDs)]))
  }

  func erasures(withdrawals: [Token16]) throws -> [Erasure] {
    let rows = try database.query(
      "select withdrawal_token, all_sources, stamp from erased where withdrawal_token = any($1)",
      [.tokens(withdrawals)])
    return (0..<rows.count).map { row in
      Erasure(token: rows.token(row, 0)!, allSources: rows.bool(row, 1), stamp: rows.int(row, 2))
    }
  }

  func live(withdrawals: [Token16]) throws -> [Observation] {
    observations(
      try database.query(
        "select \(Self.observation) from observation where withdrawal_token = any($1) and state = 0",
        [.tokens(withdrawals)]))
  }

  func live(nhsNumbers: [Token16]) throws -> [ClusterMember] {
    members(
      try database.query(
        "select \(Self.member) from observation where nhs_token = any($1) and state = 0", [.tokens(nhsNumbers)]))
  }

  func live(demographics: [Token16], withNumber: Bool) throws -> [ClusterMember] {
    members(
      try database.query(
        """
        select \(Self.member) from observation
        where demographics_token = any($1) and state = 0 and nhs_token is \(withNumber ? "not null" : "null")
        """,
        [.tokens(demographics)]))
  }

  private func observations(_ rows: Rows) -> [Observation] {
    (0..<rows.count).map { row in
      Observation(
        member: member(rows, row), version: RecordVersion(time: rows.int(row, 5), digest: rows.int(row, 6)),
        stamp: rows.int(row, 7), source: Source(rawValue: Int(rows.int(row, 8))) ?? .unspecified,
        state: Observation.State(rawValue: Int16(rows.int(row, 9)))!, withdrawal: rows.token(row, 10))
    }
  }

  private func members(_ rows: Rows) -> [ClusterMember] { (0..<rows.count).map { member(rows, $0) } }

  private func member(_ rows: Rows, _ row: Int) -> ClusterMember {
    ClusterMember(
      recordID: rows.token(row, 0)!, nhsNumber: rows.token(row, 1), demographics: rows.token(row, 2),
      person: rows.token(row, 3), assignment: rows.int(row, 4))
  }
}

extension Parameter {
  static func tokens(_ tokens: [Token16]) -> Parameter { .bytesArray(tokens.map(\.bytes)) }
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
