import Postgres

/// When an extract is done with, so that its staged rows go.
enum Settlement {
  /// Publication has accounted for every record of the extract.
  static func balanced(_ extractID: String, _ database: Connection) throws {
    let rows = try database.query(
      """
      update extract set state = 'balanced' where extract_id = $1 and state in ('admitted', 'emitted')
      returning no::bigint
      """, [.text(extractID)])
    for row in 0..<rows.count { try database.execute(IngestionSchema.dropStaging(rows.int(row, 0))) }
    try endReplaced(sharingScopeWith: extractID, database)
  }

  /// A record that meets its own correction in one batch is never counted, so an extract that was replaced soon may never
  /// balance. Once the one in force has, nothing depends on it any more.
  static func endReplaced(sharingScopeWith extractID: String, _ database: Connection) throws {
    let rows = try database.query(
      """
      update extract e set state = 'superseded' from extract x, scope s, extract f
      where x.extract_id = $1 and (s.organisation, s.source, s.period) = (x.organisation, x.source, x.period)
        and f.extract_id = s.extract_id and f.state = 'balanced'
        and (e.organisation, e.source, e.period) = (x.organisation, x.source, x.period)
        and e.no <> f.no and e.state = 'emitted'
      returning e.no::bigint
      """, [.text(extractID)])
    for row in 0..<rows.count { try database.execute(IngestionSchema.dropStaging(rows.int(row, 0))) }
  }
}
