import Contracts
import Postgres

/// Every admitted record at every hop, per source: admitted = published + excluded by objection + retracted + rejected.
struct Reconciliation {
  struct Line: Equatable {
    var source: String
    var admitted: Int64
    /// By the objection filter.
    var excluded: Int64
    /// By pseudonymisation.
    var rejected: Int64
    /// Held by linkage, live or not.
    var linked: Int64
    /// Accounted for by publication.
    var accounted: Int64
    var published: Int64
    /// Withdrawn after they had passed, or retracted by a correction.
    var retracted: Int64

    var balances: Bool {
      admitted == accounted && admitted == linked && admitted == published + excluded + retracted + rejected
    }
  }

  let lines: [Line]

  var balances: Bool { lines.allSatisfy(\.balances) }

  /// Over the extracts in force.
  static func read(_ database: Connection) throws -> Reconciliation {
    let rows = try database.query(
      """
      with force as (
        select e.extract_id, e.source, e.admitted from ingestion.extract e
        join ingestion.scope s on s.extract_id = e.extract_id),
      filter as (select extract_id, sum(excluded) as excluded from objection_filter.flow group by 1),
      pseudonymisation as (select extract_id, sum(rejected) as rejected from pseudonymisation.flow group by 1),
      linkage as (select extract_id, count(*) as linked from linkage.observation group by 1),
      publication as (
        select extract_id, count(*) filter (where counted_in > 0) as accounted,
          count(*) filter (where state = \(StageCounts.live)) as published,
          count(*) filter (where state <> \(StageCounts.live)) as gone
        from publication.record group by 1)
      select f.source::bigint, sum(f.admitted)::bigint, coalesce(sum(x.excluded), 0)::bigint,
        coalesce(sum(p.rejected), 0)::bigint, coalesce(sum(l.linked), 0)::bigint,
        coalesce(sum(b.accounted), 0)::bigint, coalesce(sum(b.published), 0)::bigint,
        coalesce(sum(b.gone), 0)::bigint
      from force f left join filter x using (extract_id) left join pseudonymisation p using (extract_id)
        left join linkage l using (extract_id) left join publication b using (extract_id)
      group by f.source order by f.source
      """)
    return Reconciliation(
      lines: (0..<rows.count).map { row in
        let source = Source(rawValue: Int(rows.int(row, 0))).map { ExtractSource($0).rawValue } ?? "?"
        return Line(
          source: source, admitted: rows.int(row, 1), excluded: rows.int(row, 2), rejected: rows.int(row, 3),
          linked: rows.int(row, 4), accounted: rows.int(row, 5), published: rows.int(row, 6),
          retracted: rows.int(row, 7) - rows.int(row, 2) - rows.int(row, 3))
      })
  }

  var text: String {
    var table = TextTable(
      "source", "admitted", "excluded", "rejected", "linkage", "publication", "published", "retracted", "balance")
    for line in lines {
      table.row([
        line.source, "\(line.admitted)", "\(line.excluded)", "\(line.rejected)", "\(line.linked)",
        "\(line.accounted)", "\(line.published)", "\(line.retracted)", line.balances ? "yes" : "NO",
      ])
    }
    return table.render()
  }
}

/// What the tables of the last two stages count.
enum StageCounts {
  /// `publication.record.state` of a record whose facts count.
  static let live = 1

  static let linkage = """
    select count(*) filter (where state = 0), count(*) filter (where state <> 0), 0::bigint from linkage.observation
    """
  static let publication = """
    select count(*) filter (where state = \(live)), count(*) filter (where state <> \(live)), 0::bigint
    from publication.record
    """
}
