import Contracts
import Postgres

extension Admission {
  /// Compares with the organisation's extract before. Returns the code of the alarm, empty where there is none.
  func countDissents(_ receipt: Receipt, _ extract: ExtractRow, _ database: Connection) throws -> String {
    let counts = ObjectionAlarm.Counts(dissents: Int64(receipt.dissents), records: Int64(receipt.recordsReceived))
    let rows = try database.query(
      """
      select dissents::bigint, expected::bigint from extract
      where organisation = $1 and source = $2::bigint and no <> $3::bigint and submitted_at <= $4
        and dissents is not null
      order by submitted_at desc limit 1
      """,
      [
        .text(extract.organisation), .int(Int64(extract.source.rawValue)), .int(extract.no), .int(extract.submittedAt),
      ])
    let before =
      rows.count == 0 ? nil : ObjectionAlarm.Counts(dissents: rows.int(0, 0), records: rows.int(0, 1))
    let alarm = ObjectionAlarm.of(counts, before: before, source: extract.source)
    if let alarm { self.alarm(extract, alarm) }
    try database.query(
      "update extract set dissents = $2::bigint, objection_alarm = $3 where no = $1::bigint",
      [.int(extract.no), .int(counts.dissents), .text(alarm?.code ?? "")])
    return alarm?.code ?? ""
  }
}
