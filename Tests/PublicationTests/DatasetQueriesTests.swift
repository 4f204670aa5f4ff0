import Postgres
import Testing

@testable import Publication

@Suite struct DatasetQueriesTests {
  /// Counts as they are, so that small differences cannot hide.
  private static func uncontrolled(_ name: String) throws -> DatasetDefinition {
    let shipped = try Definitions.load(name)
    return DatasetDefinition(
      name: shipped.name, title: shipped.title, purpose: shipped.purpose, recipients: shipped.recipients,
      legalBasis: shipped.legalBasis, measure: shipped.measure, conditions: shipped.conditions,
      ageBands: shipped.ageBands, admissionMethods: shipped.admissionMethods,
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
    let table = try DatasetQueries(Self.database(records), definition).table()
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
    let table = try DatasetQueries(Self.database(records), definition).table()
    #expect(table.rows == expected)
  }

  @Test func `an empty database gives empty datasets`() throws {
    let database = try TestDatabase.connect()
    for name in ["condition-prevalence", "emergency-admissions"] {
      #expect(try DatasetQueries(database, Definitions.load(name)).table().rows == [])
    }
  }

  @Test func `the shipped rule is applied to what is counted`() throws {
    let people = (0..<30).map { number in
      let code = number < 12 ? "C10.." : number < 15 ? "H33.." : "9N0.."
      return record(number, facts: facts([(1, code, 20_000, 0)]))
    }
    let table = try DatasetQueries(Self.database(people), Definitions.load("condition-prevalence")).table()
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
      let table = try database.transaction { try DatasetQueries(database, Definitions.load(name)).table() }
      #expect(table.rows.count == rows)
    }
  }
}
