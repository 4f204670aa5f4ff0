import Clinical
import Contracts
import Cryptography
import Foundation
import Postgres
import Testing

@testable import caredata

@Suite struct ExplanationTests {
  private let day: Int64 = 86_400_000_000

  private func statement(
    _ type: ObjectionType = .objectionType2, _ decision: ObjectionDecision = .dissent, day: Int32? = 10,
    recordedAt: Int64 = 100, stamp: Int64 = 40, isRetracted: Bool = false
  ) -> PersonExplanation.Statement {
    .init(
      type: type, decision: decision, day: day, saidBy: "A81001", system: .snomed, recordedAt: recordedAt, stamp: stamp,
      isRetracted: isRetracted)
  }

  private func record(
    _ source: Source = .gp, stamp: Int64 = 50, isLive: Bool = true, filter: PersonExplanation.Filter? = nil
  ) -> PersonExplanation.Record {
    .init(
      organisation: "A81001", source: source, period: "2026-10", extractID: "e1", extractState: "balanced",
      receivedAt: 90, stamp: stamp, isLive: isLive, filter: filter)
  }

  private func release(at time: Int64) -> PersonExplanation.Release {
    .init(id: "r\(time)", dataset: "prevalence", createdAt: time, recipients: "", extracts: ["e1"])
  }

  @Test func `a record's outcome is the filter's: type 1 covers general practices, type 2 everything`() {
    let said = PersonExplanation(statements: [statement(.objectionType1, recordedAt: 7), statement(recordedAt: 9)])
    let cases: [(PersonExplanation.Record, PersonExplanation.Outcome)] = [
      (record(), .passed), (record(filter: .init()), .passed), (record(isLive: false), .retracted),
      (record(filter: .init(type1: true)), .heldBack(.objectionType1, since: 7)),
      (record(stamp: 39, filter: .init(type1: true)), .withdrawn(.objectionType1, since: 7)),
      (record(.hospital, filter: .init(type1: true, erasedFromGP: 99)), .passed),
      (record(.hospital, filter: .init(type2: true)), .heldBack(.objectionType2, since: 9)),
      (record(filter: .init(erasedFromGP: 50)), .erased(.objectionType1)),
      (record(filter: .init(erasedFromGP: 49, erasedFromAll: 49)), .passed),
      (record(.community, filter: .init(erasedFromAll: 50)), .erased(.objectionType2)),
    ]
    for (record, outcome) in cases { #expect(said.outcome(record) == outcome) }
  }

  @Test func `what is in force is what the rule says, and what an origin no longer says does not count`() {
    #expect(PersonExplanation(statements: [statement(day: nil)]).inForce(.objectionType2) == (true, 100))
    let tie = [statement(recordedAt: 5), statement(.objectionType2, .withdrawn, recordedAt: 6)]
    #expect(PersonExplanation(statements: tie).inForce(.objectionType2) == (true, 5))
    let ended = [statement(), statement(.objectionType2, .withdrawn, day: 11)]
    #expect(!PersonExplanation(statements: ended).inForce(.objectionType2).isDissent)
    #expect(!PersonExplanation(statements: [statement(isRetracted: true)]).inForce(.objectionType2).isDissent)
    #expect(!PersonExplanation(statements: [statement()]).inForce(.objectionType1).isDissent)
  }

  @Test func `a release had the record among its inputs until an objection was known`() {
    let both = PersonExplanation(
      statements: [statement(.objectionType1, recordedAt: 100), statement(recordedAt: 200)],
      releases: [release(at: 99), release(at: 150), release(at: 250)])
    let gp = record(filter: .init(type1: true, type2: true))
    #expect(
      both.presence(of: gp).map(\.presence) == [
        .recordedLater(.objectionType1), .objected(.objectionType2), .objected(.objectionType2),
      ])
    let hospital = record(.hospital, filter: .init(type1: true, type2: true))
    #expect(
      both.presence(of: hospital).map(\.presence) == [
        .recordedLater(.objectionType2), .recordedLater(.objectionType2), .objected(.objectionType2),
      ])
    #expect(
      both.presence(of: record(filter: .init(erasedFromAll: 60))).allSatisfy {
        $0.presence == .beforeOrDuring(.objectionType2)
      })
    var other = record()
    other.extractID = "e2"
    #expect(both.presence(of: other).isEmpty)
  }

  @Test
  func `a release made from an extract that was replaced may have had the record, unless an objection was in force`() {
    func release(_ extract: String, at time: Int64) -> PersonExplanation.Release {
      .init(id: "r\(time)", dataset: "prevalence", createdAt: time, recipients: "", extracts: [extract])
    }
    var record = record(.hospital)
    record.earlierExtracts = ["e0"]
    var said = PersonExplanation(
      releases: [release("e0", at: 50), release("e0", at: 150), release("e1", at: 160), release("e9", at: 170)])
    #expect(said.presence(of: record).map(\.presence) == [.inEarlierVersion, .inEarlierVersion, .included])
    said.statements = [statement(.objectionType1, recordedAt: 40), statement(recordedAt: 100)]
    record.filter = .init(type1: true, type2: true)
    #expect(
      said.presence(of: record).map(\.presence) == [
        .inEarlierVersion, .objected(.objectionType2), .objected(.objectionType2),
      ])
    record.isLive = false
    said.statements = []
    #expect(said.presence(of: record).map(\.presence) == [.inEarlierVersion, .inEarlierVersion, .retracted])
    said.records = [record]
    #expect(said.text.contains("may have been in it, in an earlier version"))
  }

  @Test func `the number is taken with spaces, and a wrong check digit is no fault`() throws {
    #expect(try ExplainCommand.number("900 000 0001") == "9000000001")
    for text in ["", "900000000", "x000000001"] {
      #expect(throws: (any Error).self) { try ExplainCommand.number(text) }
    }
  }
}

/// From the tables, as a role that may read nothing else.
@Suite struct ExplanationReaderTests {
  private let database: Connection
  private let token = Token16(high: 1, low: 1)
  private let old = Token16(high: 2, low: 2)

  init() throws {
    database = try TestInstallation.database()
    func hex(_ token: Token16) -> String { "'\\x\(token.hex)'" }
    try database.execute(
      """
      insert into ingestion.scope (organisation, source, period) values ('A81001', 1, '2026-10'), ('RXA', 2, '2026-10');
      insert into ingestion.extract (extract_id, organisation, source, period, submitted_at, specification, state) values
        ('gp-1', 'A81001', 1, '2026-10', 1, '1', 'balanced'), ('care-1', 'RXA', 2, '2026-10', 1, '1', 'balanced');
      insert into ingestion.record_state values
        ('\\x01', 1, '\\x0a', \(hex(token)), 1, 1, 10, 1, true), ('\\x02', 2, '\\x0b', \(hex(old)), 1, 1, 20, 2, true),
        ('\\x03', 2, '\\x0c', '\\xffffffffffffffffffffffffffffffff', 1, 1, 30, 2, true);
      insert into ingestion.superseded values (\(hex(old)), \(hex(token)), '\\x00');
      insert into ingestion.statement (origin, token, type, decision, day, stamp, retracted, organisation, recorded_at)
        values ('\\x0a', \(hex(token)), 1, 1, 18000, 5, false, 'A81001', 1000),
        ('\\x0a', \(hex(old)), 1, 1, 18000, 6, false, 'A81001', 1100);
      insert into ingestion.origin_decision (origin, type, decision, day, organisation, system, recorded_at)
        values ('\\x0a', 1, 1, 18000, 'A81001', 2, 1000);
      insert into objection_filter.subject (partition, token, type1, type2, erased_from_gp, erased_from_all, gp_stamp,
        all_stamp) values (0, \(hex(token)), true, false, 10, 0, 5, 0), (0, \(hex(old)), true, false, 20, 0, 6, 0);
      insert into publication.release_register (seq, release_id, dataset, definition, inputs, cut_id, row_count, sha256,
        created_at, previous_hash, hash) values
        (1, 'r1', 'prevalence', '', 'care-1 1.0\ngp-1 1.0', 'c', 0, '', 900, '', ''),
        (2, 'r2', 'prevalence', '', 'gp-1 1.0', 'c', 0, '', 2000, '', ''),
        (3, 'r3', 'other', '', 'gp-10 1.0', 'c', 0, '', 2000, '', '');
      """)
  }

  /// From here on the connection may read what explain may read.
  private func restrict() throws {
    let role = "explainer_\(UInt64.random(in: 0 ... .max))"
    try database.execute(
      """
      create role \(role);
      grant usage on schema ingestion, objection_filter, publication to \(role);
      grant select on all tables in schema ingestion, objection_filter to \(role);
      grant insert on ingestion.explanation_log to \(role);
      grant select on publication.release_register to \(role);
      set role \(role);
      """)
  }

  @Test func `the explanation is of the person under all numbers, from no other tables than it may read`() throws {
    try restrict()
    #expect(throws: PostgresError.self) { try database.query("select count(*) from publication.record") }
    let reader = ExplanationReader(database: database)
    try reader.log(old, by: "A. Reader")
    let explanation = try reader.read(old)
    #expect(explanation.chain == .init(isReplaced: true, others: 1))
    #expect(try reader.read(token).chain == .init(isReplaced: false, others: 1))
    #expect(explanation.statements.count == 1 && explanation.statements[0].system == .ctv3)
    #expect(explanation.statements[0].recordedAt == 1000 && explanation.statements[0].saidBy == "A81001")
    #expect(explanation.inForce(.objectionType1) == (true, 1000))
    #expect(explanation.records.map(\.organisation) == ["A81001", "RXA"])
    let outcomes = explanation.records.map(explanation.outcome)
    #expect(outcomes == [.heldBack(.objectionType1, since: 1000), .passed])
    #expect(
      explanation.presence(of: explanation.records[0]).map(\.presence) == [
        .recordedLater(.objectionType1), .objected(.objectionType1),
      ])
    #expect(explanation.presence(of: explanation.records[1]).map(\.release.id) == ["r1"])
    let text = explanation.text
    for part in [
      "This number was replaced by another one", "objects, since 1970-01-01T00:00:00Z", "2019-04-14", "CTV3",
      "passed the objection filter", "no: the type 1 objection was known",
    ] { #expect(text.contains(part), "\(part)\n\(text)") }
    #expect(!text.contains(token.hex) && !text.contains(old.hex))
    try database.execute("reset role")
    let logged = try database.query("select by, token from ingestion.explanation_log")
    #expect(logged.count == 1 && logged.text(0, 0) == "A. Reader" && logged.bytes(0, 1) == old.bytes)
  }

  @Test func `releases made from earlier extracts of the same place are found, and no others`() throws {
    try database.execute(
      """
      insert into ingestion.extract (extract_id, organisation, source, period, submitted_at, specification, state, admitted)
        values ('gp-0', 'A81001', 1, '2026-10', 0, '1', 'superseded', 3), ('gp-2', 'A81001', 1, '2026-10', 0, '1', 'refused', 0),
        ('gp-3', 'A81001', 1, '2026-09', 0, '1', 'balanced', 3), ('gp-4', 'A81001', 1, '2026-10', 2, '1', 'balanced', 3);
      insert into publication.release_register (seq, release_id, dataset, definition, inputs, cut_id, row_count, sha256,
        created_at, previous_hash, hash)
        select 10 + n, 'old' || n, 'prevalence', '', 'gp-' || n || ' 1.0', 'c', 0, '', 500, '', '' from unnest('{0,2,3,4}'::int[]) n;
      """)
    try restrict()
    let explanation = try ExplanationReader(database: database).read(token)
    #expect(explanation.records.map(\.earlierExtracts) == [["gp-0"], []])
    #expect(explanation.presence(of: explanation.records[0]).map(\.release.id) == ["r1", "r2", "old0"])
    #expect(explanation.presence(of: explanation.records[0]).last?.presence == .inEarlierVersion)
  }

  @Test func `a number of which nothing is known is told as such`() throws {
    let text = try ExplanationReader(database: database).read(Token16(high: 9, low: 9)).text
    #expect(text.contains("none was ever admitted") && text.contains("  nothing"))
  }

  @Test func `what cannot be logged is not told`() throws {
    try database.execute("drop table ingestion.explanation_log")
    #expect(throws: ClientError.self) { try ExplanationReader(database: database).log(token, by: "A. Reader") }
  }
}
