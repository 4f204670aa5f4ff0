import Foundation
import Linking
import Postgres
import StageKit

/// What `linkage report` prints: how many records are linked, for each group of people. True counts, which are not for
/// publication; as a dataset they are released under disclosure control.
struct LinkageReport: Codable, Equatable {
  struct Line: Codable, Equatable {
    /// source, rank, practice, age_band, sex, ethnic_category, area, cluster_size.
    var dimension: String
    var value: String
    /// gp, hospital, community; all where people are counted.
    var source: String
    var records: Int64
    /// See `publication.linkage_quality`.
    var matched: Int64
  }

  var lines: [Line] = []
  /// Live records that several persons answered; `linkage review` lists them.
  var ambiguousRecords: Int64 = 0
  /// NHS numbers that several persons have.
  var disputedNumbers: Int64 = 0
  /// What linkage compares: distinct identities.
  var identities: Int64 = 0

  private static let sources = ["all", "gp", "hospital", "community"]

  /// - Throws: ``ClientError`` where linkage and publication have not run yet.
  static func read(_ database: Connection) throws -> LinkageReport {
    guard try ["linkage.standing", "publication.linkage_quality"].allSatisfy(database.has(table:)) else {
      throw ClientError("linkage and publication have not run on this database")
    }
    var report = LinkageReport()
    let rows = try database.query(
      """
      select dimension, value, source::bigint, records, matched from publication.linkage_quality
      order by dimension collate "C", value collate "C", source
      """)
    report.lines = (0..<rows.count).map { row in
      Line(
        dimension: rows.text(row, 0), value: rows.text(row, 1), source: Self.sources[Int(rows.int(row, 2))],
        records: rows.int(row, 3), matched: rows.int(row, 4))
    }
    let counts = try database.query(
      """
      select (select count(*) from linkage.live_observation where ambiguous > 0),
        (select count(distinct c.number_token) from linkage.combination c
          join linkage.standing s on s.combination = c.id
          where c.number_token is not null and not s.trusted),
        (select count(*) from linkage.combination)
      """)
    (report.ambiguousRecords, report.disputedNumbers, report.identities) = (
      counts.int(0, 0), counts.int(0, 1), counts.int(0, 2)
    )
    return report
  }

  // MARK: Text

  private static let headings = [
    ("source", "Source"), ("rank", "Rank of the link"), ("cluster_size", "Records of a person"),
    ("age_band", "Age"), ("sex", "Sex"), ("ethnic_category", "Ethnic category"), ("practice", "Practice"),
    ("area", "Area"),
  ]

  var text: String {
    var parts = [
      "\(identities) different identities; \(ambiguousRecords) records that several persons answered, "
        + "\(disputedNumbers) NHS numbers that several persons have"
    ]
    for (dimension, heading) in Self.headings {
      let lines = lines.filter { $0.dimension == dimension }
      if lines.isEmpty { continue }
      var table = TextTable(heading, "Source", dimension == "cluster_size" ? "People" : "Records", "Matched", "%")
      for line in lines {
        table.row([
          Self.name(line), line.source, "\(line.records)", "\(line.matched)",
          String(format: "%.1f", 100 * Double(line.matched) / Double(max(1, line.records))),
        ])
      }
      parts.append(table.render())
    }
    return parts.joined(separator: "\n\n")
  }

  private static func name(_ line: Line) -> String {
    if line.value.isEmpty { return line.dimension == "source" ? line.source : "not known" }
    guard line.dimension == "rank" else { return line.value }
    return "\(line.value) " + (UInt8(line.value).flatMap(LinkPass.init(rawValue:)).map { "\($0)" } ?? "not linked")
  }
}
