import Contracts
import Foundation
import Kafka
import Postgres

/// Reads the report from the tables in which each stage keeps its own count.
struct ObjectionReportReader {
  let database: Connection

  /// - Parameter days: how many days back, today included.
  func read(days: Int) throws -> ObjectionReport {
    var report = ObjectionReport()
    for table in [
      "ingestion.objection_day", "objection_filter.objection_day", "objection_filter.subject",
      "publication.objection_check",
    ] where try !database.has(table: table) { report.missing.append(table) }
    report.lines = try lines(days, report.missing)
    var found = try organisations(report.missing)
    // Publication's line for all of them has no organisation.
    let all = found.removeValue(forKey: "")
    (report.facts, report.violations) = (all?.facts, all?.violations)
    report.organisations = found.values.sorted { $0.organisation < $1.organisation }
    return report
  }

  private func lines(_ days: Int, _ missing: [String]) throws -> [ObjectionReport.Line] {
    func part(_ table: String, _ columns: String) -> String? {
      missing.contains(table)
        ? nil : "select organisation, day, \(columns) from \(table) where day > (now() at time zone 'UTC')::date - $1"
    }
    let parts = [
      part("ingestion.objection_day", "received, 0::bigint as applied, 0::bigint as excluded"),
      part("objection_filter.objection_day", "0::bigint as received, applied, excluded"),
    ].compactMap(\.self)
    guard !parts.isEmpty else { return [] }
    let rows = try database.query(
      """
      select organisation, day::text, sum(received)::bigint, sum(applied)::bigint, sum(excluded)::bigint
      from (\(parts.joined(separator: " union all "))) as d (organisation, day, received, applied, excluded)
      group by 1, 2 order by 2 desc, 1
      """.replacingOccurrences(of: "$1", with: "\(days)"))
    return (0..<rows.count).map {
      ObjectionReport.Line(
        organisation: rows.text($0, 0), day: rows.text($0, 1), received: rows.int($0, 2), applied: rows.int($0, 3),
        excluded: rows.int($0, 4))
    }
  }

  private func organisations(_ missing: [String]) throws -> [String: ObjectionReport.Organisation] {
    var found: [String: ObjectionReport.Organisation] = [:]
    if !missing.contains("objection_filter.subject") {
      let rows = try database.query(
        """
        select s.organisation, count(distinct r.routing_token)
        from objection_filter.subject f
        join ingestion.record_state r on r.routing_token = f.token and r.live
        join ingestion.scope s on s.no = r.scope_no
        where f.type2 or (f.type1 and s.source = \(Source.gp.rawValue)) group by 1
        """)
      for row in 0..<rows.count {
        found[rows.text(row, 0)] = .init(organisation: rows.text(row, 0), inForce: rows.int(row, 1))
      }
    }
    if !missing.contains("publication.objection_check") {
      let rows = try database.query(
        """
        select distinct on (organisation) organisation, facts::bigint, violations::bigint
        from publication.objection_check order by organisation, checked_at desc
        """)
      for row in 0..<rows.count {
        let code = rows.text(row, 0)
        found[code, default: .init(organisation: code, inForce: 0)].facts = rows.int(row, 1)
        found[code]?.violations = rows.int(row, 2)
      }
    }
    return found
  }

  /// Messages that ingestion and the objection filter have yet to read or send.
  static func underWay(_ target: Installation, _ database: Connection) throws -> Int64 {
    let admin = try Admin(target.kafka)
    var count: Int64 = 0
    for (stage, topic) in [
      (StageName.ingestion, Topic.objections), (.ingestion, .extracts), (.objectionFilter, .validated),
    ] {
      count += try admin.lag(group: target.layout.group(stage), topic: target.layout.name(topic)).values.reduce(0, +)
    }
    return count + (try database.query("select count(*) from ingestion.outbox").int(0, 0))
  }
}
