import Contracts
import Foundation
import Postgres
import StageKit
import Testing

@testable import caredata

@Suite struct RejectedObjectionsTests {
  private let database: Connection
  private let rejected: RejectedObjections

  init() throws {
    database = try TestInstallation.database()
    rejected = RejectedObjections(database: database)
    try database.execute(
      """
      insert into ingestion.rejected_objection (topic, partition, record_offset, code) values
        ('caredata.objections', 0, 7, 'malformed'), ('caredata.objections', 1, 8, 'missing_field');
      insert into objection_filter.rejected_objection (topic, partition, record_offset, code) values
        ('caredata.validated', 3, 9, 'malformed');
      create schema if not exists linkage;
      create table if not exists linkage.rejected_objection (like ingestion.rejected_objection including all);
      insert into linkage.rejected_objection (topic, partition, record_offset, code) values
        ('caredata.pseudonymised', 2, 4, 'missing_field');
      """)
  }

  @Test func `what waits is listed by its place, whichever stage put it aside`() throws {
    let rows = try rejected.rows(includesResolved: false)
    #expect(
      rows.map(\.place.text) == [
        "caredata.objections/0/7", "caredata.objections/1/8", "caredata.validated/3/9", "caredata.pseudonymised/2/4",
      ])
    #expect(rows.map(\.stage) == ["ingestion", "ingestion", "objection-filter", "linkage"])
    #expect(try ObjectionState.read(database).rejectedObjections == 4)
  }

  @Test func `one is resolved by name and reason, once`() throws {
    let place = try #require(RejectedPlace("caredata.validated/3/9"))
    try rejected.resolve(place, by: "A. Reader", reason: "sent again")
    #expect(try rejected.rows(includesResolved: false).count == 3)
    let row = try #require(try rejected.rows(includesResolved: true).first { $0.place == place })
    #expect(row.resolution?.by == "A. Reader" && row.resolution?.reason == "sent again")
    #expect(try ObjectionState.read(database).rejectedObjections == 3)
    for text in ["caredata.validated/3/9", "caredata.validated/3/10", "caredata.objections/3/9"] {
      #expect(throws: ClientError.self) {
        try rejected.resolve(try #require(RejectedPlace(text)), by: "A. Reader", reason: "again")
      }
    }
  }

  @Test func `a resolution needs a name, a reason and a place`() {
    let place = "caredata.objections/0/7"
    for arguments in [
      [place], [place, "--by", "me"], [place, "--reason", "none"], [place, "--by", " ", "--reason", "none"],
      [place, "--by", "me", "--reason", ""], ["--by", "me", "--reason", "none"],
      ["caredata.objections/0", "--by", "me", "--reason", "none"], ["/0/7", "--by", "me", "--reason", "none"],
      ["a/x/7", "--by", "me", "--reason", "none"],
    ] { #expect(throws: (any Error).self) { try RejectedObjectionsCommand.Resolve.parse(arguments) } }
    #expect(throws: Never.self) {
      try RejectedObjectionsCommand.Resolve.parse([place, "--by", "me", "--reason", "none"])
    }
  }

  @Test func `where no service has run yet nothing waits`() throws {
    let empty = try TestInstallation.empty()
    #expect(try RejectedObjections(database: empty).rows(includesResolved: true).isEmpty)
    #expect(try ObjectionState.read(empty) == ObjectionState())
  }
}

@Suite struct ObjectionReportTests {
  private let database: Connection

  init() throws {
    database = try TestInstallation.database()
    try database.execute(
      """
      insert into ingestion.objection_day values ('A81001', (now() at time zone 'UTC')::date, 5),
        ('national', (now() at time zone 'UTC')::date, 9), ('A81001', (now() at time zone 'UTC')::date - 40, 2);
      insert into objection_filter.objection_day values ('A81001', (now() at time zone 'UTC')::date, 5, 4),
        ('national', (now() at time zone 'UTC')::date, 9, 0);
      insert into ingestion.scope (organisation, source, period)
        values ('A81001', 1, '2026-10'), ('A81001', 1, '2026-11'), ('RXA', 2, '2026-10');
      insert into objection_filter.subject (partition, token, type1, type2, erased_from_gp, erased_from_all, gp_stamp,
        all_stamp) values (0, '\\x01', true, false, 0, 0, 0, 0), (0, '\\x02', false, true, 0, 0, 0, 0),
        (0, '\\x03', false, false, 9, 9, 0, 0);
      insert into ingestion.record_state values
        ('\\x11', 1, '\\x0a', '\\x01', 1, 1, 1, 1, true), ('\\x12', 2, '\\x0a', '\\x01', 1, 1, 2, 1, true),
        ('\\x13', 3, '\\x0b', '\\x01', 1, 1, 3, 1, true), ('\\x14', 3, '\\x0c', '\\x02', 1, 1, 4, 1, true),
        ('\\x15', 1, '\\x0d', '\\x03', 1, 1, 5, 1, true), ('\\x16', 1, '\\x0e', '\\x02', 1, 1, 6, 1, false);
      """)
  }

  private func read(days: Int = 30) throws -> ObjectionReport {
    try ObjectionReportReader(database: database).read(days: days)
  }

  @Test func `received, applied and excluded stand beside each other per organisation and day`() throws {
    let report = try read()
    #expect(report.lines.map(\.organisation) == ["A81001", "national"])
    #expect(report.lines.map(\.received) == [5, 9] && report.lines.map(\.applied) == [5, 9])
    #expect(report.lines.map(\.excluded) == [4, 0])
    #expect(!report.isFailure && !report.text.contains("NOT THE SAME"))
    #expect(try read(days: 41).lines.count == 3)
  }

  @Test func `people with an objection in force are counted once where they have live records`() throws {
    let report = try read()
    // Type 1 does not count at the hospital; a record taken back does not count.
    #expect(report.organisations.map(\.organisation) == ["A81001", "RXA"])
    #expect(report.organisations.map(\.inForce) == [1, 1])
  }

  @Test func `an objection that was received and not applied is a failure, unless something is under way`() throws {
    try database.execute("update objection_filter.objection_day set applied = 4 where organisation = 'A81001'")
    var report = try read()
    report.missing = []
    #expect(report.isFailure && report.text.contains("NOT THE SAME"))
    report.underWay = 1
    #expect(!report.isFailure && report.text.contains("NOT THE SAME") && report.text.contains("under way"))
  }

  @Test func `a fact of an objector is a failure, whatever is under way`() throws {
    var report = try read()
    report.underWay = 5
    report.organisations[0].facts = 100
    report.organisations[0].violations = 0
    #expect(!report.isFailure)
    report.organisations[0].violations = 1
    #expect(report.isFailure && report.text.contains("MUST BE 0"))
  }

  @Test func `tables that are not there yet are named`() throws {
    let empty = try TestInstallation.empty()
    let report = try ObjectionReportReader(database: empty).read(days: 30)
    #expect(report.missing.count == 4 && report.lines.isEmpty && !report.isFailure)
    #expect(report.text.contains("not there yet: ingestion.objection_day"))
  }
}

@Suite struct NationalListStateTests {
  private let now: Int64 = 100 * 86_400_000_000

  @Test func `a start without a list says what it waits for and how to load one`() throws {
    let missing = try #require(NationalListHint.text(NationalListRule(), drawnAt: nil, now: now))
    #expect(missing.contains("no national list of objections has been loaded yet"))
    #expect(missing.contains("caredata objections list FILE"))
    let stale = try #require(NationalListHint.text(NationalListRule(), drawnAt: now - 9 * 86_400_000_000, now: now))
    #expect(stale.contains("9 days old, the limit is 7"))
    #expect(NationalListHint.text(NationalListRule(), drawnAt: now, now: now) == nil)
    #expect(NationalListHint.text(NationalListRule(maximumDays: nil), drawnAt: nil, now: now) == nil)
  }

  @Test func `the list in force is the newest that was not refused`() throws {
    let database = try TestInstallation.database()
    #expect(try ObjectionState.read(database).listDrawnAt == nil)
    try database.execute(
      """
      insert into ingestion.national_list (submission_id, expected, drawn_at, whole, confirmed, state, entries) values
        ('a', 3, 100, true, false, 'in_force', 3), ('b', 4, 200, true, false, 'in_force', 4),
        ('c', 1, 300, true, false, 'refused', 1), ('d', 1, 400, false, false, 'answered', 1);
      """)
    let state = try ObjectionState.read(database)
    #expect(state.listDrawnAt == 200 && state.listEntries == 4)
  }

  @Test func `status says how old the list is, what waits, and what to do`() {
    var status = StreamStatus()
    status.listLimitDays = 7
    status.listFault = "no national list of objections has been loaded yet"
    #expect(status.text.contains("national list: none"))
    #expect(status.text.contains("ADMISSION WAITS: no national list of objections has been loaded yet"))
    status.listFault = nil
    status.objections = ObjectionState(
      listDrawnAt: Date.now.microseconds - 3 * 86_400_000_000 - 5_000_000, listEntries: 12, rejectedObjections: 2
    )
    #expect(status.text.contains("3 days old, limit 7, 12 people") && !status.text.contains("WAITS"))
    #expect(status.text.contains("2 rejected objections wait"))
  }

  @Test func `a day is the beginning of the day, and a time is a time`() throws {
    #expect(DrawnTime.microseconds("1970-01-02") == 86_400_000_000)
    #expect(DrawnTime.microseconds("1970-01-02T00:00:01Z") == 86_401_000_000)
    #expect(DrawnTime.text(86_401_000_000) == "1970-01-02T00:00:01Z")
    for text in ["yesterday", "1970-02-30", "01/02/1970"] {
      #expect(DrawnTime.microseconds(text) == nil)
      #expect(throws: (any Error).self) { try ObjectionListCommand.drawnAt(text) }
    }
  }

  @Test func `why a list is refused is told in words, and how to use it nevertheless where one may`() {
    func text(_ reason: String, isWhole: Bool = true) -> String {
      NationalListAnswer.text(
        Receipt.with {
          $0.status = .nationalListRefused
          $0.reason = reason
        }, isWhole: isWhole, dissents: 3)
    }
    for reason in ["list_empty", "list_more_than_1_percent_smaller"] { #expect(text(reason).contains("--confirm")) }
    for reason in ["drawn_in_the_future", "older_than_the_list_in_force"] {
      #expect(!text(reason).contains("--confirm") && !text(reason).contains(reason))
    }
    #expect(!text("older_than_the_list_in_force").contains("hold already"))
    let answer = text("answer_ends_more_than_1_percent", isWhole: false)
    #expect(
      answer.hasPrefix("the answer is refused") && answer.contains("more than 1 %") && answer.contains("--confirm"))
  }

  @Test func `what a list is goes before what is on it`() {
    var types: [String] = []
    NationalListSubmission(
      dissents: listed([1, 2]), withdrawn: listed([3]), drawnAt: 5, isWhole: false, isConfirmed: true
    )
    .forEachMessage(of: "s") { message, type, id in
      types.append("\(type) \(id) \(message.nationalList.expected) \(message.objection.decision)")
    }
    #expect(
      types == [
        "national-list s 3 unspecified", "objection s/1 0 dissent", "objection s/2 0 dissent",
        "objection s/3 0 withdrawn",
      ])
  }
}
