import Contracts
import Foundation
import Postgres
import StageKit

/// Admits a complete extract whole: decides it against what is held for its (organisation, source, period), gives
/// stamps, numbers and versions, retracts what it corrects, and queues everything in the one transaction.
struct Admission {
  let layout: TopicLayout
  let ledger: ObjectionLedger
  let receipts: ReceiptFactory
  /// Told of extracts in which objections have stopped coming.
  let alarm: (ExtractRow, ObjectionAlarm) -> Void

  var version: RoutingVersion { ledger.statements.version }

  /// However large an extract is, so many of its rows are in memory at once.
  private static let pieceRecords: Int64 = 20_000

  /// Extracts whose closing manifest has come and that were not looked at since their last message.
  static let ready = "state = 'staging' and opened and closed and examined < received and received >= expected"

  /// Looks at one extract that may be complete. Returns whether there was one.
  func admitNext(_ database: Connection) throws -> Bool {
    try database.transaction {
      try version.enter(database)
      guard version.target == nil else { return false }
      guard let extract = try ExtractStore.next(where: Self.ready, database) else { return false }
      if try completeness(extract, database).fault == nil {
        try admit(extract, database)
      } else {
        // Some were delivered twice, or are still to come: wait for more before counting again.
        try database.query("update extract set examined = received where no = $1::bigint", [.int(extract.no)])
      }
      return true
    }
  }

  func completeness(_ extract: ExtractRow, _ database: Connection) throws -> Completeness {
    let declared = try database.query(
      """
      select opened, closed, declared_at_opening::bigint, expected::bigint, conflict, expected_entries from extract
      where no = $1::bigint
      """, [.int(extract.no)])
    let staged = try database.query(
      """
      select count(*) filter (where sequence between 1 and $1), count(*) filter (where sequence > $1),
        coalesce(sum(entries_received) filter (where sequence between 1 and $1), 0)::bigint
      from staged_\(extract.no)
      """, [.int(declared.int(0, 3))])
    return Completeness(
      opened: declared.bool(0, 0), closed: declared.bool(0, 1), declaredAtOpening: declared.int(0, 2),
      declared: declared.int(0, 3), present: staged.int(0, 0), beyond: staged.int(0, 1),
      hasConflict: declared.bool(0, 4), declaredEntries: declared.isNull(0, 5) ? nil : declared.int(0, 5),
      entries: staged.int(0, 2))
  }

  private func admit(_ extract: ExtractRow, _ database: Connection) throws {
    let no = extract.no
    // The planner knows nothing yet of a table that has just been filled.
    try database.execute("analyze staged_\(no)")
    try database.query(
      """
      update staged_\(no) set rejection = $1::bigint where rejection is null and sequence in (
        select sequence from (
          select sequence, row_number() over (partition by record_id order by sequence) as place
          from staged_\(no) where rejection is null) ranked
        where place > 1)
      """, [.int(Int64(Reason.duplicatePatient.rawValue))])
    let digest = try contentDigest(no, database)
    let scope = try lockScope(extract, database)
    let held = try database.query(
      "select version_time, version_digest, extract_id from scope where no = $1::bigint", [.int(scope)])
    let (heldTime, heldDigest, heldExtract) = (held.int(0, 0), held.int(0, 1), held.text(0, 2))
    if try !heldExtract.isEmpty && digest == heldDigest && !Readmission.isDue(scope: scope, database) {
      return try leaveUnchanged(
        extract, scope, digest: digest, heldExtract, newest: max(extract.submittedAt, heldTime), database)
    }
    if (extract.submittedAt, digest) <= (heldTime, heldDigest) {
      return try supersede(extract, by: heldExtract, database)
    }
    let reserved = try ledger.reserve(admission: no, scope: scope, database)
    try number(no, database)
    let retractions = try retract(extract, scope: scope, digest: digest, database)
    try database.query(
      """
      insert into record_state as r (record_id, scope_no, patient_key, routing_token, version_time, version_digest, stamp,
        extract_no, live, numbered)
      select a.record_id, $1::bigint, a.patient_key, a.routing_token, $2, $3, a.stamp, $4::bigint, true, a.numbered
      from admitted_\(no) a
      on conflict (record_id) do update set patient_key = excluded.patient_key, routing_token = excluded.routing_token,
        version_time = excluded.version_time, version_digest = excluded.version_digest, stamp = excluded.stamp,
        extract_no = excluded.extract_no, live = true, numbered = excluded.numbered
      """, [.int(scope), .int(extract.submittedAt), .int(digest), .int(no)])
    try database.query(
      "update scope set version_time = $2, version_digest = $3, extract_id = $4 where no = $1::bigint",
      [.int(scope), .int(extract.submittedAt), .int(digest), .text(extract.extractID)])
    var receipt = try AdmissionReceipt.make(extract, digest: digest, retractions: retractions, database)
    receipt.reason = try countDissents(receipt, extract, database)
    try Resubmissions.settle(scope: scope, database)
    try database.query(
      """
      update extract set state = 'admitted', digest = $2, admitted = $3::bigint, emitted = 0, receipt = $4
      where no = $1::bigint
      """,
      [.int(no), .int(digest), .int(Int64(receipt.recordsAdmitted)), .bytes(try receipt.serializedBytes())])
    try ledger.follow(admission: no, scope: scope, reserved: reserved, database)
    try Resubmissions.noteEnds(during: no, database)
    try Outbox.append([try receipts.entry(receipt, asJSON: extract.isJSON)], to: database)
    // Its records wait until everything queued so far is sent: its own objections must be there before them.
    try database.query(
      "update extract set barrier = coalesce((select max(id) from outbox), 0) where no = $1::bigint", [.int(no)])
    try putAside(extract, database)
    try dropForerunners(of: extract, database)
  }

  /// Rejected records by their coordinates.
  private func putAside(_ extract: ExtractRow, _ database: Connection) throws {
    let topic = layout.name(.rejected(.ingestion))
    var last: Int64 = 0
    while true {
      let rows = try database.query(
        """
        select sequence::bigint, rejection::bigint, source_partition::bigint, source_offset from staged_\(extract.no)
        where rejection is not null and sequence > $1 order by sequence limit $2
        """, [.int(last), .int(Self.pieceRecords)])
      try Outbox.append(
        (0..<rows.count).map { row in
          let rejection = Rejection(
            topic: layout.name(.extracts), partition: Int32(rows.int(row, 2)), offset: rows.int(row, 3),
            code: Reason(rawValue: Int32(rows.int(row, 1)))?.code ?? "", extract: extract.extractID)
          return Outbox.Entry(
            topic: topic, partition: rejection.partition % Int32(layout.partitions), key: Array(rejection.place.utf8),
            value: rejection.json)
        }, to: database)
      guard rows.count == Int(Self.pieceRecords) else { return }
      last = rows.int(rows.count - 1, 0)
    }
  }

  /// 63 bits over the content of every accepted record in order of record id: the same content, the same digest.
  private func contentDigest(_ no: Int64, _ database: Connection) throws -> Int64 {
    let rows = try database.query(
      """
      select sha256(coalesce(string_agg(record_id || content_digest, ''::bytea order by record_id), ''::bytea))
      from staged_\(no) where rejection is null
      """)
    let head = rows.bytes(0, 0).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Int64(head & 0x7fff_ffff_ffff_ffff)
  }

  /// One admission at a time per (organisation, source, period): versions are compared under this lock.
  private func lockScope(_ extract: ExtractRow, _ database: Connection) throws -> Int64 {
    let key: [Parameter] = [
      .text(extract.organisation), .int(Int64(extract.source.rawValue)), .text(extract.period),
    ]
    try database.query(
      "insert into scope (organisation, source, period) values ($1, $2::bigint, $3) on conflict do nothing", key)
    return try database.query(
      "select no::bigint from scope where organisation = $1 and source = $2::bigint and period = $3 for update", key
    ).int(0, 0)
  }

  private func leaveUnchanged(
    _ extract: ExtractRow, _ scope: Int64, digest: Int64, _ heldExtract: String, newest: Int64, _ database: Connection
  ) throws {
    // The content in force is now declared as late as this: an older correction that is still on its way must lose.
    try database.query("update scope set version_time = $2 where no = $1::bigint", [.int(scope), .int(newest)])
    // What is accepted is the same; what was rejected or left out beside it is this extract's own.
    var receipt = try AdmissionReceipt.make(extract, digest: digest, retractions: 0, database)
    try putAside(extract, database)
    _ = try countDissents(receipt, extract, database)
    try Resubmissions.settle(scope: scope, database)
    receipt.status = .unchanged
    receipt.reason = "same_content"
    receipt.sameAs = heldExtract
    try ExtractStore.end(extract, as: "unchanged", receipt: receipt, receipts, database)
  }

  private func supersede(_ extract: ExtractRow, by heldExtract: String, _ database: Connection) throws {
    var receipt = extract.receipt
    receipt.status = .superseded
    receipt.reason = "submitted_earlier_than_the_extract_in_force"
    receipt.sameAs = heldExtract
    try ExtractStore.end(extract, as: "superseded", receipt: receipt, receipts, database)
  }

  private func number(_ no: Int64, _ database: Connection) throws {
    try database.execute(
      """
      create table admitted_\(no) as
      select row_number() over ()::int as position, o.*, nextval('stamp') as stamp from (
        select sequence, record_id, patient_key, routing_token, partition, size, numbered,
          row_number() over (partition by partition order by record_id)::int as number
        from staged_\(no) where rejection is null order by record_id) o;
      alter table admitted_\(no) add primary key (position);
      create unique index on admitted_\(no) (record_id);
      analyze admitted_\(no);
      """)
  }

  /// Queues retractions under the token a record was last admitted under: of records that the correction leaves out, and
  /// of those it moves to another token (their last version only: the new one goes its own way). Returns their number.
  private func retract(_ extract: ExtractRow, scope: Int64, digest: Int64, _ database: Connection) throws -> Int {
    var count = 0
    var last: [UInt8] = []
    while true {
      let moved = try database.query(
        """
        select r.record_id, r.routing_token, r.version_time, r.version_digest, nextval('stamp')
        from record_state r join admitted_\(extract.no) a using (record_id)
        where r.scope_no = $1::bigint and r.live and a.routing_token <> r.routing_token and r.record_id > $2
        order by r.record_id limit $3
        """, [.int(scope), .bytes(last), .int(Self.pieceRecords)])
      count += try queueRetractions(moved, extract, database)
      guard moved.count == Int(Self.pieceRecords) else { break }
      last = moved.bytes(moved.count - 1, 0)
    }
    while true {
      let absent = try database.query(
        """
        update record_state set live = false, version_time = $2, version_digest = $5, extract_no = $3::bigint
        where record_id in (
          select r.record_id from record_state r
          where r.scope_no = $1::bigint and r.live
            and not exists (select from admitted_\(extract.no) a where a.record_id = r.record_id) limit $4)
        returning record_id, routing_token, version_time, version_digest, nextval('stamp')
        """,
        [.int(scope), .int(extract.submittedAt), .int(extract.no), .int(Self.pieceRecords), .int(digest)])
      count += try queueRetractions(absent, extract, database)
      guard absent.count == Int(Self.pieceRecords) else { return count }
    }
  }

  private func queueRetractions(_ rows: Rows, _ extract: ExtractRow, _ database: Connection) throws -> Int {
    try Outbox.append(
      try (0..<rows.count).map { row in
        try retraction(
          recordID: rows.bytes(row, 0), token: rows.bytes(row, 1), version: (rows.int(row, 2), rows.int(row, 3)),
          stamp: rows.int(row, 4), extract)
      }, to: database)
    return rows.count
  }

  /// From `record_state r` and `extract e`: whose extract each record was last a part of.
  static let retractionColumns =
    "\(ExtractStore.columns.qualified("e")), r.record_id, r.routing_token, r.version_time, r.version_digest, r.stamp"

  /// Queues retractions of rows of ``retractionColumns``.
  func queueRetractions(_ rows: Rows, _ database: Connection) throws {
    try Outbox.append(
      try (0..<rows.count).map { row in
        try retraction(
          recordID: rows.bytes(row, 11), token: rows.bytes(row, 12), version: (rows.int(row, 13), rows.int(row, 14)),
          stamp: rows.int(row, 15), ExtractStore.extract(rows, row))
      }, to: database)
  }

  private func retraction(
    recordID: [UInt8], token: [UInt8], version: (Int64, Int64), stamp: Int64, _ extract: ExtractRow
  ) throws -> Outbox.Entry {
    var header = WireWriter(capacity: 160)
    recordID.withUnsafeBytes {
      RecordHeader(
        recordID: $0, versionTime: version.0, versionDigest: version.1, stamp: stamp, number: 0, extract: extract
      ).write(to: &header)
    }
    let envelope = Envelope.with {
      $0.kind = .retraction
      $0.header = Data(header.bytes)
      $0.reason = .corrected
      $0.routingVersion = self.version.field
    }
    return Outbox.Entry(
      topic: layout.name(.validated), partition: layout.partition(of: token), key: token,
      value: try envelope.serializedBytes())
  }

  /// Older extracts of the same scope that never became complete have no future. One that another instance is working
  /// on loses by its version.
  private func dropForerunners(of extract: ExtractRow, _ database: Connection) throws {
    let rows = try database.query(
      """
      select \(ExtractStore.columns) from extract where state = 'staging' and organisation = $1 and source = $2::bigint
        and period = $3 and submitted_at < $4 order by no for update skip locked
      """,
      [
        .text(extract.organisation), .int(Int64(extract.source.rawValue)), .text(extract.period),
        .int(extract.submittedAt),
      ])
    for row in 0..<rows.count {
      try supersede(ExtractStore.extract(rows, row), by: extract.extractID, database)
    }
  }
}

extension String {
  /// A list of columns with the name of their table before each.
  fileprivate func qualified(_ table: String) -> String {
    split(whereSeparator: { $0 == "," || $0.isWhitespace }).map { "\(table).\($0)" }.joined(separator: ", ")
  }
}
