import Contracts
import Cryptography
import Foundation
import Postgres
import StageKit

/// A record ready to be staged; the sections are sealed to ingestion itself until its header is known.
struct StagedRecord {
  let sequence: Int32
  let recordID: Token16
  let patientKey: Token16
  let routingToken: Token16
  let partition: Int32
  let contentDigest: Token16
  let sealed: [UInt8]
  /// As sent, and how many of them travel on or were excluded as sensitive.
  let entriesReceived: Int32
  let entries: Int32
  let entriesExcluded: Int32
  let isDeidentified: Bool
  let carriesDissent: Bool
  /// Routed by an NHS number.
  let isNumbered: Bool
  let rejection: Reason?
  let notes: [Note]
  /// Where the record lies in the topic `extracts`.
  let source: Coordinates

  struct Coordinates: Equatable {
    let partition: Int32
    let offset: Int64
  }
}

/// One extract as far as it is known.
struct ExtractRow: DescribesExtract {
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
  /// The connector speaks JSON, and is answered in it.
  let isJSON: Bool

  /// A receipt that says which extract it is about.
  var receipt: Receipt {
    Receipt.with {
      $0.id = extractID
      $0.organisation = organisation
      $0.source = source
      $0.period = period
      $0.submittedAt = submittedAt
      $0.specification = specification
      $0.recordsExpected = UInt32(expected)
    }
  }
}

/// What says which extract it is of: its row, its manifests and each of its records.
protocol DescribesExtract {
  var extractID: String { get }
  var organisation: String { get }
  var source: Source { get }
  var period: String { get }
  var submittedAt: Int64 { get }
  var specification: String { get }
}

extension DescribesExtract {
  var opening: ExtractStore.Opening {
    .init(
      extractID: extractID, organisation: organisation, source: source, period: period, submittedAt: submittedAt,
      specification: specification)
  }
}

extension Manifest: DescribesExtract {}
extension PatientRecord: DescribesExtract {}

/// Rows of `extract` and the staging tables.
enum ExtractStore {
  struct Opening: Hashable {
    let extractID: String
    let organisation: String
    let source: Source
    let period: String
    let submittedAt: Int64
    let specification: String
  }

  static let columns = """
    no::bigint, extract_id, organisation, source::bigint, period, submitted_at, specification, state, opened,
    expected::bigint, json
    """

  /// The rows of these extracts, made where they are new together with their staging table. Of several that give
  /// themselves one id, the first has it.
  static func rows(_ openings: [Opening], _ database: Connection) throws -> [String: ExtractRow] {
    let ordered = Dictionary(openings.map { ($0.extractID, $0) }, uniquingKeysWith: { first, _ in first })
      .values.sorted { $0.extractID < $1.extractID }
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
      opened: rows.bool(row, 8), expected: Int32(rows.int(row, 9)), isJSON: rows.bool(row, 10))
  }

  /// An extract in the given state that no other instance is working on; locked until the end of the transaction.
  static func next(where condition: String, _ database: Connection) throws -> ExtractRow? {
    let rows = try database.query(
      "select \(columns) from extract where \(condition) order by no limit 1 for update skip locked")
    return rows.count == 0 ? nil : extract(rows, 0)
  }

  private static let stagedFields = """
    sequence, record_id, patient_key, routing_token, partition, content_digest, sealed, size, entries_received,
    entries, entries_excluded, deidentified, rejection, notes, source_partition, source_offset, dissent, numbered
    """

  /// Stages records; one delivered again is left as it is. Another record under a number already used is a conflict.
  static func stage(_ records: [StagedRecord], in extract: ExtractRow, _ database: Connection) throws {
    guard !records.isEmpty else { return }
    let staged = "staged_\(extract.no)"
    var hasConflict = false
    try database.execute("savepoint staging")
    do {
      try copy(records, into: staged, database)
    } catch let error as PostgresError where error.sqlState == "23505" {
      try database.execute(
        """
        rollback to savepoint staging;
        create temp table again (like \(staged)) on commit drop;
        """)
      try copy(records, into: "again", database)
      // The message delivered again has its own coordinates, or at least its own content.
      hasConflict = try database.query(
        """
        select exists (
          select from again a join (select * from \(staged) union all select * from again) s using (sequence)
          where (a.source_partition, a.source_offset) <> (s.source_partition, s.source_offset)
            and (a.record_id, a.content_digest) <> (s.record_id, s.content_digest))
        """
      ).bool(0, 0)
      try database.execute(
        """
        insert into \(staged) select distinct on (sequence) * from again order by sequence, source_partition, source_offset
        on conflict (sequence) do nothing;
        drop table again;
        """)
    }
    try database.execute("release savepoint staging")
    try database.query(
      """
      update extract set received = received + $2, conflict = conflict or $3, touched = clock_timestamp(), held = ''
      where no = $1::bigint
      """,
      [.int(extract.no), .int(Int64(records.count)), .bool(hasConflict)])
  }

  private static func copy(_ records: [StagedRecord], into table: String, _ database: Connection) throws {
    try database.copyIn("COPY \(table) (\(stagedFields)) FROM STDIN (FORMAT binary)") { writer in
      for record in records {
        writer.row(18)
        writer.int4(record.sequence)
        record.recordID.withUnsafeBytes { writer.bytes($0) }
        record.patientKey.withUnsafeBytes { writer.bytes($0) }
        record.routingToken.withUnsafeBytes { writer.bytes($0) }
        writer.int4(record.partition)
        record.contentDigest.withUnsafeBytes { writer.bytes($0) }
        writer.bytes(record.sealed)
        writer.int4(Int32(record.sealed.count))
        writer.int4(record.entriesReceived)
        writer.int4(record.entries)
        writer.int4(record.entriesExcluded)
        writer.bool(record.isDeidentified)
        if let rejection = record.rejection { writer.int4(rejection.rawValue) } else { writer.null() }
        if record.notes.isEmpty { writer.null() } else { writer.int4Array(record.notes.map(\.packed)) }
        writer.int4(record.source.partition)
        writer.int8(record.source.offset)
        writer.bool(record.carriesDissent)
        writer.bool(record.isNumbered)
      }
    }
  }

  /// Ends an extract without using it; its staging tables go, its row stays as the memory of the decision.
  static func end(
    _ extract: ExtractRow, as state: String, receipt: Receipt, _ receipts: ReceiptFactory, _ database: Connection
  ) throws {
    try database.query(
      "update extract set state = $2, reason = $3, receipt = $4 where no = $1::bigint",
      [
        .int(extract.no), .text(state), .text(receipt.reason), .bytes(try receipt.serializedBytes()),
      ])
    try database.execute(IngestionSchema.dropStaging(extract.no))
    try Outbox.append([try receipts.entry(receipt, asJSON: extract.isJSON)], to: database)
  }
}
