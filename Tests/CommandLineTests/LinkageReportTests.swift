import Foundation
import Postgres
import StageKit
import Testing

@testable import Linkage
@testable import caredata

struct LinkageReportTests {
  @Test func `before linkage and publication have run there is nothing to report`() throws {
    let database = try TestInstallation.empty()
    #expect(throws: ClientError.self) { try LinkageReport.read(database) }
    #expect(throws: ClientError.self) { try AmbiguousLinks.read(database, limit: 1) }
  }

  @Test func `the report says how many records are matched, for each group, and names the steps`() throws {
    let database = try TestInstallation.database()
    try database.migrate(schema: "linkage", LinkageStage.migrations)
    try database.execute("set search_path to public")
    // Two people with a practice's record, of whom one was in hospital too, and a third who was only there.
    for (id, person, source, rank, sex) in [(1, 7, 1, 1, 2), (2, 7, 2, 4, 2), (3, 8, 1, 1, 1), (4, 9, 2, 0, 1)] {
      try database.execute(
        """
        insert into publication.record (record_id, version_time, version_digest, version_rank, counted_in, stamp, extract_id,
          organisation, source, period, state, person_id, assignment, link_rank, year_of_birth, sex, practice, area,
          ethnic_category)
        values ('\\x0\(id)', 1, 1, 0, 1, 1, 'x', 'A81001', \(source), '2026-10', 1, '\\x0\(person)', 1, \(rank), 1980,
          \(sex), 'A81001', 'LS1', '')
        """)
    }
    let report = try LinkageReport.read(database)
    func line(_ dimension: String, _ value: String, _ source: String) -> [Int64]? {
      report.lines.first { ($0.dimension, $0.value, $0.source) == (dimension, value, source) }
        .map { [$0.records, $0.matched] }
    }
    #expect(line("source", "", "gp") == [2, 1] && line("source", "", "hospital") == [2, 1])
    #expect(line("rank", "04", "hospital") == [1, 1] && line("rank", "00", "hospital") == [1, 0])
    #expect(line("sex", "M", "gp") == [1, 0] && line("sex", "F", "gp") == [1, 1])
    #expect(line("age_band", "40-49", "gp") == [2, 1])
    #expect(line("cluster_size", "1", "all") == [2, 0] && line("cluster_size", "2", "all") == [1, 1])
    let text = report.text
    #expect(text.contains("04 demographics") && text.contains("00 not linked") && text.contains("not known"))
    let decoded = try JSONDecoder().decode(LinkageReport.self, from: JSONEncoder().encode(report))
    #expect(decoded == report)
  }
}
