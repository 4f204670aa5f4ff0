import Clinical
import Contracts
import Cryptography
import Disclosure
import Testing

@testable import Datasets

/// Small cases whose outcome was worked out by hand.
@Suite struct WorkedCasesTests {
  // MARK: - Cohorts

  private static let code = try! ClinicalCode(system: .snomed, normalising: "73211009")
  private static let resolved = try! ClinicalCode(system: .snomed, normalising: "315051004")

  /// Whether a person with these entries is in the cohort on 2026-10-31.
  private static func holds(
    _ time: Recording.Time, diagnosed: [String?], resolved days: [String?] = [], source: Source = .gp
  ) throws -> Bool {
    var tests = CodeTests()
    let recording = Recording(
      sources: [.gp], codes: CodeSet([code]), resolved: time == .latestUnlessResolved ? CodeSet([resolved]) : CodeSet(),
      time: time)
    let cohort = try TestedCohort(Cohort(name: "c", title: "c", rule: .recorded(recording)), &tests)
    var person = PersonHistory(id: Token16(high: 1, low: 1))
    for (own, list) in [(code, diagnosed), (Self.resolved, days)] {
      for day in list {
        person.entries.append(
          .init(
            system: .snomed, code: tests.number(own),
            day: day.map { CalendarDate(iso: $0)!.day } ?? PersonHistory.undated))
      }
    }
    var record = PersonHistory.Record(
      id: Token16(high: 1, low: 2), source: source, organisation: 0, period: Period("2026-10")!)
    record.entries = 0..<person.entries.count
    let view = PersonView([record], of: person, excluded: nil, tests)
    return CohortMembership.holds(cohort, view, on: CalendarDate(iso: "2026-10-31")!.day, attributes: record)
  }

  @Test(
    arguments: [
      (["2001-02-03"], true), (["2026-10-31"], true), (["2026-11-01"], false), ([nil], true), ([], false),
      (["2026-11-01", "2020-01-01"], true),
    ] as [([String?], Bool)])
  func `ever is by the day, undated is long ago`(diagnosed: [String?], expected: Bool) throws {
    #expect(try Self.holds(.ever, diagnosed: diagnosed) == expected)
    #expect(try !Self.holds(.ever, diagnosed: diagnosed, source: .hospital))
  }

  @Test(
    arguments: [
      (["2020-01-01"], [], true), (["2020-01-01"], ["2021-01-01"], false), (["2020-01-01"], ["2020-01-01"], false),
      (["2022-01-01"], ["2021-01-01"], true), (["2020-01-01", "2023-01-01"], ["2022-01-01"], true),
      (["2020-01-01"], ["2026-11-01"], true), ([nil], ["2021-01-01"], false), (["2020-01-01"], [nil], true),
      ([], ["2021-01-01"], false),
    ] as [([String?], [String?], Bool)])
  func `the latest diagnosis counts unless it was resolved since or the same day`(
    diagnosed: [String?], resolved: [String?], expected: Bool
  ) throws {
    #expect(try Self.holds(.latestUnlessResolved, diagnosed: diagnosed, resolved: resolved) == expected)
  }

  @Test(
    arguments: [
      ("2025-10-31", false), ("2025-11-01", true), ("2026-10-31", true), ("2026-11-01", false), (nil, false),
    ] as [(String?, Bool)])
  func `the last twelve months end on the day and begin after the same day of the year before`(
    day: String?, expected: Bool
  ) throws {
    #expect(try Self.holds(.last(months: 12), diagnosed: [day]) == expected)
  }

  @Test(arguments: [("2026-03-31", 1, "2026-02-28"), ("2024-03-31", 1, "2024-02-29"), ("2026-01-15", 13, "2024-12-15")])
  func `months before end where a month has no such day`(day: String, months: Int, expected: String) {
    #expect(CalendarDate(iso: day)!.monthsBefore(months).iso == expected)
  }

  // MARK: - Standard population

  @Test func `the standard population has 100,000 people however it is cut`() {
    for labels in [[(0)], [0, 20, 40, 65, 80], Array(stride(from: 0, through: 95, by: 5))] {
      let weights = StandardPopulation.weights(of: labels.map { Band(label: "\($0)", lower: $0) })
      #expect(weights?.reduce(0, +) == 100_000)
    }
    #expect(StandardPopulation.weights(of: [Band(label: "0-17", lower: 0), Band(label: "18+", lower: 18)]) == nil)
    // 80 to 84, 85 to 89, 90 to 94 and from 95: 2,500 + 1,500 + 800 + 200.
    #expect(
      StandardPopulation.weights(of: [Band(label: "0-79", lower: 0), Band(label: "80+", lower: 80)])
        == [95_000, 5_000])
  }

  // MARK: - Sums and rates

  private static func cells() throws -> DatasetCells {
    let folder = try DatasetFolder.load(directory: Places.datasets)
    let definition = try #require(folder["ambulatory-care-sensitive-by-icb"])
    func cell(_ practice: String, _ age: String, _ people: Int, _ spells: Int) -> DatasetCells.Cell {
      var counts = CellCounts()
      counts[.population] = CellCount(count: people, people: people)
      counts[.events] = CellCount(count: spells, people: spells)
      counts[.people] = CellCount(count: spells, people: spells)
      return .init(labels: [practice, age], counts: counts)
    }
    return DatasetCells(
      definition: definition, day: CalendarDate(iso: "2026-10-31")!,
      cells: [
        cell("A1", "0-19", 100, 5), cell("A1", "80+", 50, 20), cell("A2", "0-19", 200, 8), cell("A2", "80+", 40, 0),
        cell("A3", "0-19", 10, 1),
      ])
  }

  private static let organisations = OrganisationHierarchy([
    "A1": [.init(parent: "S1", from: CalendarDate(iso: "2020-01-01")!, until: nil)],
    "A2": [
      .init(parent: "S2", from: CalendarDate(iso: "2020-01-01")!, until: CalendarDate(iso: "2026-10-01")!),
      .init(parent: "S1", from: CalendarDate(iso: "2026-10-01")!, until: nil),
    ],
    "S1": [.init(parent: "I1", from: CalendarDate(iso: "2020-01-01")!, until: nil)],
  ])

  @Test func `levels and totals are sums of published counts, on the mapping of the reference day`() throws {
    let table = try Self.cells().published(Self.organisations)
    let rows = Dictionary(uniqueKeysWithValues: table.rows.map { ($0.dimensions.joined(separator: " "), $0) })
    // Midpoints: 100 → 99, 50 → 51, 200 → 201, 40 → 39, 10 → 9; spells 5 → 3, 20 → 21, 8 → 9, 0 → 0, 1 → 3.
    func figures(_ key: String) -> [String]? { rows[key]?.values.map(\.text) }
    #expect(figures("practice A1 0-19") == ["99", "3", "3", ""])
    #expect(figures("practice A2 80+") == ["39", "0", "0", ""] && rows["practice A2 80+"]?.status == .zero)
    #expect(figures("sub_icb S1 0-19") == ["300", "12", "12", ""])
    #expect(figures("icb I1 80+") == ["90", "21", "21", ""])
    #expect(rows["sub_icb S2 0-19"] == nil, "A2 left it on 1 October")
    #expect(figures("sub_icb unknown 0-19") == ["9", "3", "3", ""] && rows["icb unknown 0-19"] != nil)
    // Weights 21,500 (0 to 19) and 5,000 (80 and over); bands without people add nothing:
    // 100,000 × (21,500 × 12/300 + 5,000 × 21/90) / 100,000 = 860 + 1166.67
    #expect(figures("icb I1 all") == ["390", "33", "33", "2026.7"])
    #expect(table.rows.map { $0.dimensions[0] }.first == "practice" && table.rows.last?.dimensions.last == "all")
  }

  @Test func `a sum leaves out what is hidden, and is hidden where nothing else is in it`() throws {
    let cells = try Self.cells()
    let hidden: Set<HiddenCount> = [
      .init(labels: ["A1", "0-19"], kind: .events), .init(labels: ["A2", "0-19"], kind: .events),
      .init(labels: ["A1", "80+"], kind: .events),
    ]
    let rows = Dictionary(
      uniqueKeysWithValues: cells.published(hiding: hidden, Self.organisations).rows.map {
        ($0.dimensions.joined(separator: " "), $0)
      })
    #expect(rows["icb I1 0-19"]?.values[1].text == "*" && rows["icb I1 0-19"]?.status == .suppressed)
    // 0 of A2 beside the hidden count of A1: it is not known that there is nothing.
    #expect(rows["icb I1 80+"]?.values[1].text == "*")
    #expect(rows["icb I1 all"]?.values[3].text == "*", "nor is there a rate of it")
    #expect(rows["practice A1 80+"]?.values[1].text == "*" && rows["practice A1 80+"]?.values[0].text == "51")
  }

  // 9. Percentages made of true counts give away what is hidden.
  @Test func `rates are made of published counts`() {
    #expect(Rates.tenths(of: .count(15), by: .count(1_443), per: 1_000) == 104)
    #expect(Rates.tenths(of: .suppressed, by: .count(100), per: 1_000) == nil)
    #expect(Rates.tenths(of: .count(5), by: .suppressed, per: 1_000) == nil)
    #expect(Rates.tenths(of: .count(0), by: .count(0), per: 1_000) == nil)
    #expect(Rates.tenths(of: .count(1), by: .count(2_000), per: 100) == 1, "0.05 is rounded up")
  }

  // MARK: - Diagnoses

  @Test func `every code of a diagnosis list meets a spell that has it`() throws {
    let folder = try DatasetFolder.load(directory: Places.datasets)
    for group in folder.library.diagnoses.values {
      for condition in group.conditions {
        let needed = condition.primary ?? condition.anywhere!
        for code in needed.codes {
          #expect(
            try Self.meets(group, primary: code, secondary: condition.secondary?.codes.first), "\(group.name) \(code)")
        }
        for code in condition.secondary?.codes ?? [] {
          #expect(try Self.meets(group, primary: needed.codes.first!, secondary: code), "\(group.name) \(code)")
        }
      }
      let first = try #require(group.conditions.first)
      for barred in group.withoutProcedures.codes {
        let isMet = try Self.meets(
          group, primary: (first.primary ?? first.anywhere!).codes.first!, secondary: nil, procedure: barred)
        #expect(!isMet, "\(group.name) \(barred)")
      }
    }
  }

  @Test func `J20 is COPD only beside another code of it`() throws {
    let group = try #require(try DatasetFolder.load(directory: Places.datasets).library.diagnoses["copd"])
    let (acute, chronic) = (
      try ClinicalCode(system: .icd10, normalising: "J209"), try ClinicalCode(system: .icd10, normalising: "J449")
    )
    #expect(try Self.meets(group, primary: acute, secondary: chronic))
    #expect(try !Self.meets(group, primary: acute, secondary: nil))
    #expect(try Self.meets(group, primary: chronic, secondary: nil))
  }

  private static func meets(
    _ group: DiagnosisGroup, primary: ClinicalCode, secondary: ClinicalCode?, procedure: ClinicalCode? = nil
  ) throws -> Bool {
    var tests = CodeTests()
    let tested = try TestedDiagnosisGroup(group, &tests)
    let day = CalendarDate(iso: "2026-10-01")!.day
    var entries: [PersonHistory.Entry] = [
      .init(
        system: .admissionMethod, code: PersonHistory.packed("21".utf8), day: day, endDay: day + 2, encounter: 1,
        position: 1),
      .init(system: .icd10, code: tests.number(primary), day: day, encounter: 1, position: 1),
    ]
    if let secondary {
      entries.append(.init(system: .icd10, code: tests.number(secondary), day: day, encounter: 1, position: 2))
    }
    if let procedure {
      entries.append(.init(system: .opcs4, code: tests.number(procedure), day: day, encounter: 1, position: 1))
    }
    let record = PersonHistory.Record(
      id: Token16(high: 1, low: 2), source: .hospital, organisation: 0, period: Period("2026-10")!)
    var spells: [Spell] = []
    Spell.append(of: record, entries[...], tests, to: &spells)
    #expect(spells.count == 1 && spells[0].discharged == day + 2)
    return spells[0].belongs(to: tested)
  }
}
