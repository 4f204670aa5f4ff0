import Clinical
import Postgres
import Specification
import Testing

@testable import Publication

@Suite struct DatasetQueriesTests {
  /// Counts as they are, so that small differences cannot hide.
  private static func uncontrolled(_ name: String, minimumRank: Int? = nil) throws -> DatasetDefinition {
    let shipped = try Definitions.load(name)
    return DatasetDefinition(
      name: shipped.name, title: shipped.title, purpose: shipped.purpose, recipients: shipped.recipients,
      legalBasis: shipped.legalBasis, measure: shipped.measure, exclusionPurpose: shipped.exclusionPurpose,
      minimumRank: minimumRank, conditions: shipped.conditions, ageBands: shipped.ageBands,
      admissionMethods: shipped.admissionMethods,
      disclosure: DisclosureControl(suppressedUpTo: 0, base: 1), source: shipped.source)
  }

  private static func database(_ records: [RecordChange]) throws -> Connection {
    let database = try TestDatabase.connect()
    try FactStore(database).apply(batch(records))
    return database
  }

  @Test(arguments: [UInt64(1), 2, 3, 4])
  func `condition prevalence agrees with plain loops over all records`(seed: UInt64) throws {
    let records = RandomRegion.records(seed: seed)
    let definition = try Self.uncontrolled("condition-prevalence")
    let expected = DatasetOracle(definition: definition, records: records).conditionPrevalence()
    #expect(expected.count > 40 && expected.contains { $0.counts[1] != .count(0) })
    let table = try DatasetQueries(Self.database(records), definition, .none).table()
    #expect(table.rows == expected)
  }

  @Test(arguments: [UInt64(1), 2, 3, 4])
  func `emergency admissions agree with plain loops over all records`(seed: UInt64) throws {
    let records = RandomRegion.records(seed: seed)
    let definition = try Self.uncontrolled("emergency-admissions")
    let expected = DatasetOracle(definition: definition, records: records).emergencyAdmissions()
    for group in ["with", "without", "unlinked"] {
      #expect(expected.contains { $0.dimensions[2] == group && $0.counts[0] != .count(0) })
    }
    let table = try DatasetQueries(Self.database(records), definition, .none).table()
    #expect(table.rows == expected)
  }

  @Test(arguments: [UInt64(1), 2, 3, 4])
  func `sensitive codes and what is tied to them are left out, as plain loops leave them out`(seed: UInt64) throws {
    let records = RandomRegion.records(seed: seed)
    let database = try Self.database(records)
    let excluded = [
      try ClinicalCode(system: .snomed, normalising: "13645005"), try ClinicalCode(system: .icd10, category: "E11"),
      try ClinicalCode(system: .read2, normalising: "C10.."),
    ]
    let exclusions = try Self.exclusions(excluded)
    for name in ["condition-prevalence", "emergency-admissions"] {
      let definition = try Self.uncontrolled(name)
      let oracle = DatasetOracle(definition: definition, records: records, excluded: excluded)
      let expected = name == "condition-prevalence" ? oracle.conditionPrevalence() : oracle.emergencyAdmissions()
      let table = try DatasetQueries(database, definition, exclusions).table()
      #expect(table.rows == expected)
      #expect(table.rows != (try DatasetQueries(database, definition, .none).table().rows), "nothing was left out")
    }
  }

  @Test(arguments: [UInt64(1), 2])
  func `links less sure than the definition demands do not count, as plain loops leave them out`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let records = RandomRegion.records(seed: seed).map { record in
      var record = record
      record.rank = [0, 1, 1, 4, 5, 9].randomElement(using: &generator)!
      return record
    }
    let apart = records.map { record in
      var record = record
      if !(1...4).contains(record.rank) { record.personID = record.recordID }
      return record
    }
    let database = try Self.database(records)
    for name in ["condition-prevalence", "emergency-admissions"] {
      let definition = try Self.uncontrolled(name, minimumRank: 4)
      let oracle = DatasetOracle(definition: definition, records: apart)
      let expected = name == "condition-prevalence" ? oracle.conditionPrevalence() : oracle.emergencyAdmissions()
      let table = try DatasetQueries(database, definition, .none).table()
      #expect(table.rows == expected)
      #expect(table.rows != (try DatasetQueries(database, try Self.uncontrolled(name), .none).table().rows))
    }
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `linkage quality agrees with plain loops over all records`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let records = RandomRegion.records(seed: seed).map { record in
      var record = record
      record.rank = [0, 1, 1, 4, 12].randomElement(using: &generator)!
      return record
    }
    let definition = try Self.uncontrolled("linkage-quality")
    let expected = DatasetOracle(definition: definition, records: records).linkageQuality()
    #expect(Set(expected.map { $0.dimensions[0] }).count == 8)
    #expect(expected.contains { $0.counts[0] != $0.counts[1] && $0.counts[1] != .count(0) })
    #expect(try DatasetQueries(Self.database(records), definition, .none).table().rows == expected)
  }

  /// Hospital spells and a GP diagnosis of one person; a day without its last two digits is a month.
  private func spells(_ days: [String], diagnosed: String, extracts: Int = 1) throws -> [String] {
    func entries(_ code: (Int16, String), _ days: [String], _ position: Int32) -> Facts {
      let dates = days.map { CalendarDate(iso: $0.count == 7 ? $0 + "-01" : $0)!.day }
      var facts = facts(dates.map { (code.0, code.1, $0, position) })
      facts.clinical.monthOnly = days.indices.filter { days[$0].count == 7 }.map { Int32($0) + 1 }
      return facts
    }
    let hospital = (0..<extracts).map { number in
      record(
        number + 10, extract: extract("h\(number)", organisation: "R01", source: Sources.hospital), person: 1,
        facts: entries((6, "21"), days, 1))
    }
    let known = record(1, person: 1, facts: entries((1, "H33.."), [diagnosed], 0))
    let definition = try Self.uncontrolled("emergency-admissions")
    let table = try DatasetQueries(Self.database(hospital + [known]), definition, .none).table()
    return table.rows.filter { $0.dimensions[1] == "asthma" && $0.counts[0] != .count(0) }.map {
      "\($0.dimensions[0]) \($0.dimensions[2]) \($0.counts[0])"
    }
  }

  @Test func `spells that carry their month only count as often as there are, seen in however many extracts`() throws {
    let twice = try spells(["2026-03", "2026-03", "2026-04"], diagnosed: "2020-01-01", extracts: 3)
    #expect(twice == (try spells(["2026-03-02", "2026-03-20", "2026-04-07"], diagnosed: "2020-01-01")))
    #expect(twice.count == 2 && twice[0].contains("2026-03 with") && twice[0].contains("2"))
  }

  @Test(
    arguments: [
      ("2026-03", "2026-03-31", "with"), ("2026-03", "2026-04-01", "without"), ("2026-03-02", "2026-03", "with"),
      ("2026-03-31", "2026-04", "without"), ("2026-03", "2026-03", "with"), ("2026-03-02", "2026-03-02", "with"),
      ("2026-03-02", "2026-03-03", "without"), ("2026-12", "2026-12-31", "with"),
    ])
  func `within a month that is all that is known, a diagnosis counts as made before`(
    admitted: String, diagnosed: String, group: String
  ) throws {
    let rows = try spells([admitted], diagnosed: diagnosed)
    #expect(rows.count == 1 && rows[0].hasPrefix("\(admitted.prefix(7)) \(group) "))
  }

  private static let day = CalendarDate(iso: "2026-11-01")!

  private static func exclusions(_ codes: [ClinicalCode]) throws -> AppliedExclusions {
    let use = ExclusionLists.Use(purpose: "commissioning", from: day, until: nil)
    let list = ExclusionLists.List(
      name: "test", title: "", isStatutory: false, codes: CodeSet(codes), uses: [use])
    return try AppliedExclusions(ExclusionLists(lists: [list]), purpose: "commissioning", on: day)
  }

  @Test func `a purpose that no list is meant for releases nothing, a list not yet in force leaves nothing out`() throws
  {
    let codes = CodeSet([try ClinicalCode(system: .icd10, category: "E11")])
    let lists = ExclusionLists(lists: [
      .init(
        name: "test", title: "", isStatutory: true, codes: codes,
        uses: [.init(purpose: "commissioning", from: Self.day, until: nil)])
    ])
    #expect(throws: ReleaseError.noExclusions(purpose: "comissioning")) {
      try AppliedExclusions(lists, purpose: "comissioning", on: Self.day)
    }
    let before = try AppliedExclusions(lists, purpose: "commissioning", on: CalendarDate(day: Self.day.day - 1))
    let after = try AppliedExclusions(lists, purpose: "commissioning", on: Self.day)
    #expect(before.codes.isEmpty && after.codes.count == 1 && before.digest != after.digest)
  }

  @Test func `an empty database gives empty datasets`() throws {
    let database = try TestDatabase.connect()
    for name in ["condition-prevalence", "emergency-admissions"] {
      #expect(try DatasetQueries(database, Definitions.load(name), .none).table().rows == [])
    }
  }

  @Test func `the shipped rule is applied to what is counted`() throws {
    let people = (0..<30).map { number in
      let code = number < 12 ? "C10.." : number < 15 ? "H33.." : "9N0.."
      return record(number, facts: facts([(1, code, 20_000, 0)]))
    }
    let table = try DatasetQueries(
      Self.database(people), Definitions.load("condition-prevalence"), .none
    ).table()
    #expect(
      String(decoding: table.csv, as: UTF8.self) == """
        practice,condition,sex,age_band,registered,with_condition,status
        A81001,asthma,M,65-79,30,*,suppressed
        A81001,copd,M,65-79,30,0,zero
        A81001,diabetes,M,65-79,30,10,ok
        A81001,hypertension,M,65-79,30,0,zero

        """)
  }

  /// A plan that pairs everybody with everybody takes minutes here.
  @Test func `many people in tables without statistics take seconds`() throws {
    let database = try Self.database(
      (0..<12_000).map { record($0, facts: facts([(1, "C10..", 20_000, 0), (6, "21", 20_700, 1)])) }
        + (12_000..<14_000).map {
          record(
            $0, extract: extract("h", organisation: "R01", source: Sources.hospital), person: $0 - 10_000,
            facts: facts([(6, "21", 20_700, 1)]))
        })
    try database.execute("set statement_timeout = '10s'")
    for (name, rows) in [("condition-prevalence", 4), ("emergency-admissions", 12)] {
      let table = try database.transaction { try DatasetQueries(database, Definitions.load(name), .none).table() }
      #expect(table.rows.count == rows)
    }
  }
}
