import Contracts
import Cryptography
import Kafka
import Postgres
import StageKit

/// Sends admitted extracts to `validated`, a bounded piece at a time, in an order that never changes.
///
/// The admitted rows are the outbox: position and stamp were fixed at admission, so a piece sent again after a crash
/// carries the same headers. Everything that was queued
/// before or with the admission, objections and retractions above all, goes before its first record.
final class Emission {
  private static let pieceBytes = 8_000_000
  private static let pieceRecords = 2_000

  private let validated: String
  private let sealing: SectionSealing
  private let version: RoutingVersion
  private var header = WireWriter(capacity: 160)
  private var envelope = WireWriter(capacity: 16_384)

  init(layout: TopicLayout, sealing: SectionSealing, version: RoutingVersion) {
    validated = layout.name(.validated)
    self.sealing = sealing
    self.version = version
  }

  static let ready = """
    state = 'admitted' and not exists (select from outbox where id <= barrier)
    """

  /// Returns whether there was an extract to send from.
  func emitNext(_ database: Connection, to output: StageOutput) throws -> Bool {
    try database.transaction {
      try version.enter(database)
      guard let extract = try ExtractStore.next(where: Self.ready, database) else { return false }
      let progress = try database.query(
        "select emitted::bigint, digest, admitted::bigint from extract where no = $1::bigint", [.int(extract.no)])
      let (from, digest, admitted) = (progress.int(0, 0), progress.int(0, 1), progress.int(0, 2))
      let end = try send(extract, digest: digest, after: from, database, output)
      try output.flush()
      try database.query(
        "update extract set emitted = $2::bigint, state = $3 where no = $1::bigint",
        [.int(extract.no), .int(end), .text(end >= admitted ? "emitted" : "admitted")])
      if end >= admitted { try Settlement.endReplaced(sharingScopeWith: extract.extractID, database) }
      return true
    }
  }

  private func send(
    _ extract: ExtractRow, digest: Int64, after position: Int64, _ database: Connection, _ output: StageOutput
  ) throws -> Int64 {
    let limit = try database.query(
      """
      select coalesce(max(position) filter (where before < $2), $1)::bigint from (
        select position, sum(size) over (order by position) - size as before
        from admitted_\(extract.no) where position > $1 order by position limit $3) piece
      """, [.int(position), .int(Int64(Self.pieceBytes)), .int(Int64(Self.pieceRecords))])
    let end = limit.int(0, 0)
    let rows = try database.query(
      """
      select a.record_id, a.routing_token, a.partition::bigint, a.number::bigint, a.stamp, s.sealed
      from admitted_\(extract.no) a join staged_\(extract.no) s using (sequence)
      where a.position > $1 and a.position <= $2 order by a.position
      """, [.int(position), .int(end)])
    for row in 0..<rows.count {
      try rows.withBytes(row, 0) { recordID in
        RecordHeader(
          recordID: recordID, versionTime: extract.submittedAt, versionDigest: digest, stamp: rows.int(row, 4),
          number: rows.int(row, 3), extract: extract
        ).write(to: &header)
        try rows.withBytes(row, 5) { try sealing.envelope($0, recordID: recordID, header: header.bytes, to: &envelope) }
        if version.field > 0 { envelope.varint(EnvelopeView.Field.routingVersion, UInt64(version.field)) }
      }
      try rows.withBytes(row, 1) { token in
        try envelope.bytes.withUnsafeBytes {
          try output.send(topic: validated, partition: Int32(rows.int(row, 2)), key: token, value: $0)
        }
      }
    }
    return end
  }
}
