import Contracts
import Cryptography
import Postgres

/// Reads the index set-based, each call one round trip.
struct PostgresObservationSource: ObservationSource {
  let database: Connection

  private static let observation = """
    record_id, nhs_token, demographics_token, person_id, assignment, version_time, version_digest, stamp, source,
    state, withdrawal_token, said_time, said_digest
    """
  private static let erasure = "withdrawal_token, all_sources, stamp, statement_stamp, in_force"
  private static let member = "record_id, nhs_token, demographics_token, person_id, assignment"

  func observations(recordIDs: [Token16]) throws -> [Observation] {
    observations(
      try database.query(
        "select \(Self.observation) from observation where record_id = any($1)", [.tokens(recordIDs)]))
  }

  func erasures(withdrawals: [Token16]) throws -> [Erasure] {
    let rows = try database.query(
      "select \(Self.erasure) from erased where withdrawal_token = any($1)", [.tokens(withdrawals)])
    return (0..<rows.count).map { erasure(rows, $0) }
  }

  func observations(withdrawals: [Token16]) throws -> [Observation] {
    observations(
      try database.query(
        "select \(Self.observation) from observation where withdrawal_token = any($1) and state in (0, 3, 4, 5)",
        [.tokens(withdrawals)]))
  }

  func witnesses(demographics: [Token16]) throws -> [Witness] {
    // The lateral join keeps the planner from reading all erasures to find those of a few observations.
    let rows = try database.query(
      """
      select e.*, o.record_id, o.demographics_token
      from (
        select record_id, demographics_token, withdrawal_token from observation
        where demographics_token = any($1) and state = 0 and nhs_token is not null
        union all
        select record_id, demographics_token, withdrawal_token from observation
        where demographics_token = any($1) and state in (3, 5)) o
      cross join lateral (
        select \(Self.erasure) from erased where withdrawal_token = o.withdrawal_token offset 0) e
      """,
      [.tokens(demographics)])
    return (0..<rows.count).map { row in
      Witness(
        recordID: rows.token(row, 5)!, demographics: rows.token(row, 6)!, erasure: erasure(rows, row))
    }
  }

  func unnumbered(demographics: [Token16]) throws -> [Observation] {
    observations(
      try database.query(
        """
        select \(Self.observation) from observation
        where demographics_token = any($1) and state = 0 and nhs_token is null
        """,
        [.tokens(demographics)]))
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
        state: Observation.State(rawValue: Int16(rows.int(row, 9)))!, withdrawal: rows.token(row, 10),
        said: rows.isNull(row, 11) ? nil : RecordVersion(time: rows.int(row, 11), digest: rows.int(row, 12)))
    }
  }

  private func erasure(_ rows: Rows, _ row: Int) -> Erasure {
    Erasure(
      token: rows.token(row, 0)!, allSources: rows.bool(row, 1),
      mark: ObjectionMark(
        erasedStamp: rows.int(row, 2), statementStamp: rows.int(row, 3), isInForce: rows.bool(row, 4)))
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
