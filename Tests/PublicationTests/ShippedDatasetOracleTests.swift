import Clinical
import Contracts
import Cryptography
import Datasets
import Disclosure
import Foundation
import Postgres
import Testing

@testable import Publication

/// Every shipped dataset beside the SQL of `Tests/DatasetOracle`, cell by cell and before disclosure control.
@Suite struct ShippedDatasetOracleTests {
  static let day = CalendarDate(iso: "2026-10-31")!

  static func cells(
    _ database: Connection, excluded: [ClinicalCode] = [], _ definitions: [DatasetDefinition]
  ) throws -> [DatasetCells] {
    let computation = DatasetComputation(database: database, connect: { fatalError("one connection") }, workers: 1)
    return try database.transaction {
      try computation.cells(
        definitions.map { .init($0, excluded: CodeSet(excluded)) }, recordKey: PersonRecordKey.of)
    }
  }

  /// Differences, none where the two agree; and how many cells have something in them.
  static func compare(_ cells: DatasetCells, _ oracle: SQLOracle) throws -> (differences: [String], found: Int) {
    let definition = cells.definition
    let expected = try oracle.cells(definition)
    let counts = expected["counts"]!
    var differences: [String] = []
    var found = 0
    var seen: Set<[String]> = []
    let places = definition.dimensions.indices.filter { ![.period, .gpRecord].contains(definition.dimensions[$0]) }
    var grid: [[String]: Int] = [:]
    for cell in cells.cells {
      seen.insert(cell.labels)
      var wanted = counts[cell.labels] ?? [:]
      if case .events = definition.subject {
        let own = places.map { cell.labels[$0] }
        grid[own, default: 0] += 1
        wanted.merge(expected["population"]![own] ?? [.population: -1]) { one, _ in one }
      }
      for kind in definition.counts {
        let count = cell.counts[kind].count
        if count != wanted[kind] ?? 0 {
          differences.append("\(cell.labels) \(kind): \(count), not \(wanted[kind] ?? 0)")
        }
        let people = cell.counts[kind].people
        let carriers = wanted[kind.carriers] ?? 0
        if people != carriers { differences.append("\(cell.labels) people of \(kind): \(people), not \(carriers)") }
        if kind != .population || definition.counts == [.population], count > 0 { found += 1 }
      }
    }
    for labels in counts.keys where !seen.contains(labels) { differences.append("\(labels) is missing") }
    if let population = expected["population"] {
      let sizes = Set(grid.values)
      if Set(grid.keys) != Set(population.keys) || sizes.count > 1 { differences.append("the grid has holes") }
      if let months = definition.months, definition.dimensions.contains(.period), sizes != [months] {
        differences.append("\(sizes) periods")
      }
    }
    return (differences, found)
  }

  private static func database(_ records: [RecordChange]) throws -> Connection {
    let database = try TestDatabase.connect()
    try FactStore(database).apply(batch(records))
    return database
  }

  @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6])
  func `every shipped dataset agrees with its SQL`(seed: UInt64) throws {
    let folder = try Definitions.folder.get()
    let database = try Self.database(RandomRegion.records(seed: seed, people: 150))
    let oracle = try SQLOracle(database, folder, day: Self.day)
    for cells in try Self.cells(database, folder.definitions) {
      let (differences, found) = try Self.compare(cells, oracle)
      #expect(differences.isEmpty, "\(cells.definition.name): \(differences.prefix(5))")
      #expect(found > 5, "\(cells.definition.name) counts nothing")
    }
  }

  @Test(arguments: [UInt64(7), 8])
  func `sensitive codes and what is tied to them are left out`(seed: UInt64) throws {
    let folder = try Definitions.folder.get()
    let excluded = [
      try ClinicalCode(system: .snomed, normalising: "13645005"), try ClinicalCode(system: .icd10, category: "I20"),
      try ClinicalCode(system: .read2, normalising: "C10.."),
    ]
    let database = try Self.database(RandomRegion.records(seed: seed, people: 150))
    let all = try Self.cells(database, folder.definitions)
    let oracle = try SQLOracle(database, folder, day: Self.day, excluded: excluded)
    let permitted = try Self.cells(database, excluded: excluded, folder.definitions)
    for cells in permitted {
      let (differences, _) = try Self.compare(cells, oracle)
      #expect(differences.isEmpty, "\(cells.definition.name): \(differences.prefix(5))")
    }
    #expect(zip(all, permitted).count { $0 != $1 } > 6, "hardly anything was left out")
  }

  @Test(arguments: [UInt64(9), 10])
  func `records linked less surely than the definition demands are nobody's in particular`(seed: UInt64) throws {
    let folder = try Definitions.folder.get()
    let database = try Self.database(RandomRegion.records(seed: seed, people: 150))
    let definitions = folder.definitions.filter { $0.subject != .linkage }.map { $0.demanding(4) }
    let all = try Self.cells(database, definitions.map { $0.demanding(nil) })
    let oracle = try SQLOracle(database, folder, day: Self.day, minimumRank: 4)
    let sure = try Self.cells(database, definitions)
    for cells in sure {
      let (differences, _) = try Self.compare(cells, oracle)
      #expect(differences.isEmpty, "\(cells.definition.name): \(differences.prefix(5))")
    }
    #expect(zip(all, sure).allSatisfy { $0.cells != $1.cells })
  }

  @Test func `a wrong count is noticed`() throws {
    let folder = try Definitions.folder.get()
    let database = try Self.database(RandomRegion.records(seed: 11))
    let oracle = try SQLOracle(database, folder, day: Self.day)
    try database.execute("update record set state = 2 where substr(record_id, 1, 1) < '\\x40'")
    for cells in try Self.cells(database, folder.definitions) {
      #expect(try !Self.compare(cells, oracle).differences.isEmpty, "\(cells.definition.name)")
    }
  }

  @Test func `several workers count what one counts`() throws {
    let folder = try Definitions.folder.get()
    let schema = TestDatabase.freshSchema()
    let database = try TestDatabase.connect(schema: schema)
    try FactStore(database).apply(batch(RandomRegion.records(seed: 12, people: 300)))
    let one = try Self.cells(database, folder.definitions)
    for workers in [2, 3, 7] {
      let computation = DatasetComputation(
        database: database, connect: { try TestDatabase.connect(schema: schema) }, workers: workers)
      let several = try database.transaction {
        try database.execute("set transaction isolation level repeatable read, read only")
        return try computation.cells(
          folder.definitions.map { .init($0, excluded: CodeSet()) }, recordKey: PersonRecordKey.of)
      }
      #expect(several == one)
    }
  }

  @Test func `nothing at all gives empty datasets`() throws {
    let database = try TestDatabase.connect()
    #expect(try Self.cells(database, Definitions.folder.get().definitions).allSatisfy { $0.cells.isEmpty })
  }
}

extension DatasetDefinition {
  fileprivate func demanding(_ rank: Int?) -> DatasetDefinition {
    var definition = self
    definition.minimumRank = rank
    return definition
  }
}
