import Contracts
import Cryptography
import Foundation
import Postgres

/// A record ready to be staged; the sections are sealed to ingestion itself until its header is known.
struct StagedRecord {
  let sequence: Int32
  let recordID: Token16
  let patientKey: Token16
  let routingToken: Token16
  let partition: Int32
  let contentDigest: Token16
  let sealed: [UInt8]
  let entries: Int32
  let rejection: RejectionReason?
  let findings: [Finding]
}

/// One extract as far as it is known.
struct ExtractRow {
  let no: Int64
  let extractID: String
  let organisation: String
  let source: Source
  let period: String
  let submittedAt: Int64
  let specification: String
  let state: String
  let opened: Bool
  let expected: Int32
}

/// Rows of `extract` and the staging tables.
struct ExtractStore {
  struct Opening: Hashable {
    let extractID: String
    let organisation: String
    let source: Source
    let period: String
    let submittedAt: Int64
    let specification: String
  }

  private static let columns = """
    no::bigint, extract_id, organisation, source::bigint, period, submitted_at, specification, state, opened,
    expected::bigint
    """

  /// The rows of these extracts, made where they are new together with their staging table.
  static func rows(_ openings: Set<Opening>, _ database: Connection) throws -> [String: ExtractRow] {
    let ordered = openings.sorted { $0.extractID < $1.extractID }
    let made = try database.query(
      """
      insert into extract (extract_id, organisation, source, period, submitted_at, specification)
      select * from unnest($1::text[], $2::text[], $3::bigint[]::smallint[], $4::text[], $5::bigint[], $6::text[])
      on conflict (extract_id) do nothing returning no::bigint
      """,
      [
        .textArray(ordered.map(\.extractID)), .textArray(ordered.map(\.organisation)),
        .intArray(ordered.map { Int64($0.source.rawValue) }), .textArray(ordered.map(\.period)),
        .intArray(ordered.map(\.submittedAt)), .textArray(ordered.map(\.specification)),
      ])
    for row in 0..<made.count { try database.execute(IngestionSchema.createStaging(made.int(row, 0))) }
    // Locked in order, so that instances that stage the same extracts cannot deadlock.
    let rows = try database.query(
      "select \(columns) from extract where extract_id = any($1) order by no for update",
      [.textArray(ordered.map(\.extractID))])
    var found: [String: ExtractRow] = [:]
    for row in 0..<rows.count { found[rows.text(row, 1)] = extract(rows, row) }
    return found
  }

  static func extract(_ rows: Rows, _ row: Int) -> ExtractRow {
    ExtractRow(
      no: rows.int(row, 0), extractID: rows.text(row, 1), organisation: rows.text(row, 2),
      source: Source(rawValue: Int(rows.int(row, 3))) ?? .unspecified, period: rows.text(row, 4),
      submittedAt: rows.int(row, 5), specification: rows.text(row, 6), state: rows.text(row, 7),
      opened: rows.bool(row, 8), expected: Int32(rows.int(row, 9)))
  }

  /// An extract in the given state that no other instance is working on; locked until the end of the transaction.
  static func next(where condition: String, _ database: Connection) throws -> ExtractRow? {
    let rows = try database.query(
      "select \(columns) from extract where \(condition) order by no limit 1 for update skip locked")
    return rows.count == 0 ? nil : extract(rows, 0)
  }

  /// Stages records; one delivered again is left as it is.
  static func stage(_ records: [StagedRecord], in extract: ExtractRow, _ database: Connection) throws {
    guard !records.isEmpty else { return }
    let fields = """
      sequence, record_id, patient_key, routing_token, partition, content_digest, sealed, size, entries, rejection,
      findings
      """
    try database.execute("savepoint staging")
    do {
      try copy(records, into: "staged_\(extract.no) (\(fields))", database)
    } catch let error as PostgresError where error.sqlState == "23505" {
      try database.execute(
        """
        rollback to savepoint staging;
        create temp table again (like staged_\(extract.no)) on commit drop;
        """)
      try copy(records, into: "again (\(fields))", database)
      try database.execute(
        """
        insert into staged_\(extract.no) select distinct on (sequence) * from again order by sequence
        on conflict (sequence) do nothing;
        drop table again;
        """)
    }
    try database.execute("release savepoint staging")
    try database.query(
      "update extract set received = received + $2 where no = $1::bigint",
      [.int(extract.no), .int(Int64(records.count))])
  }

  private static func copy(_ records: [StagedRecord], into target: String, _ database: Connection) throws {
    try database.copyIn("COPY \(target) FROM STDIN (FORMAT binary)") { writer in
      for record in records {
        writer.row(11)
        writer.int4(record.sequence)
        writer.bytes(record.recordID.bytes)
        writer.bytes(record.patientKey.bytes)
        writer.bytes(record.routingToken.bytes)
        writer.int4(record.partition)
        writer.bytes(record.contentDigest.bytes)
        writer.bytes(record.sealed)
        writer.int4(Int32(record.sealed.count))
        writer.int4(record.entries)
        if let rejection = record.rejection { writer.text(rejection.rawValue) } else { writer.null() }
        writer.textArray(record.findings.map(\.rawValue))
      }
    }
  }

  /// Ends an extract without using it; its staging tables go, its row stays as the memory of the decision.
  static func end(_ extract: ExtractRow, as state: String, receipt: Receipt, _ database: Connection) throws {
    try database.query(
      "update extract set state = $2, reason = $3, receipt = $4 where no = $1::bigint",
      [
        .int(extract.no), .text(state), .text(receipt.reason), .bytes(try receipt.serializedBytes()),
      ])
    try database.execute(IngestionSchema.dropStaging(extract.no))
  }
}
