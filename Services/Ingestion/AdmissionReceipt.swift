import Contracts
import Foundation
import Postgres

/// The receipt of an extract that is admitted or held, counted from its staged rows.
enum AdmissionReceipt {
  /// Missing sequence numbers are told as ranges, and not without end.
  private static let greatestRanges = 20

  static func make(
    _ extract: ExtractRow, digest: Int64, retractions: Int, _ database: Connection
  ) throws -> Receipt {
    var receipt = try received(extract, database)
    receipt.status = .admitted
    receipt.digest = UInt64(digest)
    receipt.retractions = UInt32(retractions)
    let sums = try database.query(
      """
      select count(*) filter (where rejection is null),
        coalesce(sum(entries) filter (where rejection is null), 0)::bigint,
        coalesce(sum(entries_received) filter (where rejection is not null), 0)::bigint,
        coalesce(sum(entries_excluded) filter (where rejection is null), 0)::bigint,
        count(*) filter (where rejection is null and deidentified)
      from staged_\(extract.no)
      """)
    receipt.recordsAdmitted = UInt32(sums.int(0, 0))
    receipt.entriesAdmitted = UInt32(sums.int(0, 1))
    receipt.entriesRejected = UInt64(sums.int(0, 2))
    receipt.entriesExcluded = UInt64(sums.int(0, 3))
    receipt.recordsDeidentified = UInt32(sums.int(0, 4))
    try addReasons(extract, database, to: &receipt)
    try addConnectorCounts(extract, database, to: &receipt)
    return receipt
  }

  /// What has come so far, and what is missing.
  static func held(_ extract: ExtractRow, _ reason: HoldReason, _ database: Connection) throws -> Receipt {
    var receipt = try received(extract, database)
    receipt.status = .held
    receipt.reason = reason.rawValue
    let gaps = try database.query(
      """
      select before + 1, next - 1 from (
        select sequence as before, lead(sequence, 1, $1 + 1) over (order by sequence) as next from (
          select 0::bigint as sequence
          union all select sequence from staged_\(extract.no) where sequence between 1 and $1
        ) numbers) pairs
      where next > before + 1 order by before
      """, [.int(Int64(extract.expected))])
    var missing: Int64 = 0
    var ranges: [String] = []
    for row in 0..<gaps.count {
      let (first, last) = (gaps.int(row, 0), gaps.int(row, 1))
      missing += last - first + 1
      if row < greatestRanges { ranges.append(first == last ? "\(first)" : "\(first)-\(last)") }
    }
    receipt.recordsMissing = UInt32(missing)
    receipt.missingSequences = ranges.joined(separator: ",")
    return receipt
  }

  private static func received(_ extract: ExtractRow, _ database: Connection) throws -> Receipt {
    let rows = try database.query(
      """
      select count(*), coalesce(sum(entries_received), 0)::bigint,
        (select received from extract where no = $1::bigint), count(*) filter (where dissent) from staged_\(extract.no)
      """, [.int(extract.no)])
    var receipt = extract.receipt
    receipt.recordsReceived = UInt32(rows.int(0, 0))
    receipt.entriesReceived = UInt64(rows.int(0, 1))
    receipt.duplicates = UInt32(clamping: rows.int(0, 2) - rows.int(0, 0))
    receipt.dissents = UInt32(rows.int(0, 3))
    return receipt
  }

  private static func addReasons(_ extract: ExtractRow, _ database: Connection, to receipt: inout Receipt) throws {
    let rejected = try database.query(
      "select rejection::bigint, count(*) from staged_\(extract.no) where rejection is not null group by 1")
    for row in 0..<rejected.count {
      guard let reason = Reason(rawValue: Int32(rejected.int(row, 0))) else { continue }
      receipt.rejected[reason.code] = UInt32(rejected.int(row, 1))
    }
    let notes = try database.query(
      """
      select \(Note.reasonSQL)::bigint, sum(\(Note.countSQL))::bigint
      from staged_\(extract.no), unnest(notes) note where rejection is null group by 1
      """)
    for row in 0..<notes.count {
      guard let reason = Reason(rawValue: Int32(notes.int(row, 0))) else { continue }
      if reason.isOfLeftOutEntries {
        receipt.entriesDropped[reason.code] = UInt64(notes.int(row, 1))
      } else {
        receipt.findings[reason.code] = UInt32(notes.int(row, 1))
      }
    }
  }

  private static func addConnectorCounts(
    _ extract: ExtractRow, _ database: Connection, to receipt: inout Receipt
  ) throws {
    let rows = try database.query(
      "select rejected_by_connector, left_out_by_connector from extract where no = $1::bigint", [.int(extract.no)])
    func counts<Number: Decodable>(_ column: Int, _ type: Number.Type) throws -> [String: Number] {
      try JSONDecoder().decode([String: Number].self, from: Data(rows.text(0, column).utf8))
    }
    for (reason, count) in try counts(0, UInt32.self) {
      // Whatever a connector declares: a count that is wrong must not end the service.
      receipt.rejected[reason, default: 0].add(clamping: count)
      receipt.recordsRejectedByConnector.add(clamping: count)
    }
    receipt.leftOutByConnector = try counts(1, UInt64.self)
  }
}
