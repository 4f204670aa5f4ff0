import Clinical

@testable import Publication

/// Seeded records that meet every branch: several practices and periods, moves, undated and future entries, codes of
/// another system with the same text, overlapping look-back windows, stays of several episodes, births, deaths, days of
/// which only the month is left, records that are not live.
struct RandomRegion {
  private var generator: SeededGenerator
  private var records: [RecordChange] = []
  private let base = CalendarDate(iso: "2026-10-31")!.day

  static func records(seed: UInt64, people: Int = 80) -> [RecordChange] {
    var region = RandomRegion(generator: SeededGenerator(seed: seed))
    for person in 0..<people { region.add(person) }
    return region.records
  }

  private init(generator: SeededGenerator) { self.generator = generator }

  private static let gpCodes: [(Int16, String)] = [
    (1, "C10.."), (2, "C10.."), (3, "44054006"), (1, "X40J4"), (2, "X40J4"), (1, "H33.."), (3, "13645005"),
    (2, "XE0Ub"), (3, "9999999999"), (1, "21263"), (3, "315051004"), (3, "52448006"), (3, "77176002"), (1, "137R."),
    (3, "3408611000001107"), (3, "42269411000001107"), (3, "42269411000001107"), (1, "G20.."),
  ]
  private static let diagnoses = [
    "I200", "I209", "J459", "J46", "I500", "J440", "J449", "J209", "E119", "E103", "D509", "L030", "J189", "J181",
    "R02", "G409", "Z380", "K250", "K253", "N12", "E86", "B059", "A690", "O800",
  ]

  private mutating func pick<T>(_ values: [T]) -> T { values.randomElement(using: &generator)! }

  private mutating func add(_ person: Int) {
    if generator.chance(0.9) { for _ in 0..<Int.random(in: 1...4, using: &generator) { addPractice(person) } }
    if generator.chance(0.6) {
      let stays = (0..<Int.random(in: 1...4, using: &generator)).map { _ in stay() }
      for _ in 0..<Int.random(in: 1...3, using: &generator) { addHospital(person, stays) }
    }
    if generator.chance(0.4) {
      let days = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
        base - Int32.random(in: -10...400, using: &generator)
      }
      for _ in 0..<Int.random(in: 1...2, using: &generator) { addCommunity(person, days) }
    }
  }

  private mutating func add(_ person: Int, _ extract: ExtractReference, _ facts: Facts) {
    // Records that are nobody's in particular are persons by their own ids.
    var change = record(records.count, extract: extract, person: person + 100_000, facts: facts)
    change.rank = pick([0, 1, 1, 1, 4, 9])
    if generator.chance(0.08) { change = change.retracted() }
    records.append(change)
  }

  private mutating func attributes(_ facts: inout Facts) {
    facts.attributes.sex = pick([0, 1, 2, 9])
    facts.attributes.yearOfBirth = pick([0, 1930, 1946, 1947, 1961, 1962, 1986, 2008, 2009, 2025, 2027])
    facts.attributes.area = pick(["", "TS1", "TS2"])
    facts.attributes.ethnicCategory = pick(["", "A", "Z"])
  }

  private mutating func addPractice(_ person: Int) {
    let practice = "A8100\(Int.random(in: 1...3, using: &generator))"
    let period = pick(["2026-08", "2026-09", "2026-10"])
    let from = generator.chance(0.05) ? nil : base - pick([0, 1, 30, 900])
    let to = generator.chance(0.2) ? base + Int32.random(in: -40...40, using: &generator) : nil
    let entries = (0..<Int.random(in: 0...6, using: &generator)).map { _ -> (Int16, String, Int32, Int32) in
      let (system, code) = pick(Self.gpCodes)
      let isUndated = generator.chance(0.1)
      return (
        system, code, isUndated ? ClinicalFacts.undated : base - Int32.random(in: -40...430, using: &generator), 0
      )
    }
    var facts = facts(entries, registered: from, to: to)
    attributes(&facts)
    facts.clinical.encounters = entries.map { _ in Int32.random(in: 0...2, using: &generator) }
    coarsen(&facts, chance: 0.1)
    add(person, extract("g-\(practice)-\(period)", organisation: practice, period: period), facts)
  }

  private struct Stay {
    var admitted: Int32
    var days: [Int32]
    var method: String
    var diagnoses: [[String]]
    var operation: String?
    var discharge: String?
    var isMonthOnly: Bool
  }

  private mutating func stay() -> Stay {
    let admitted = base - pick([0, 1, 3, 5, 8, 30, 33, 60, 61, 90, 200, 364, 400])
    let days = (0..<Int.random(in: 1...2, using: &generator)).map { _ in pick([Int32(0), 1, 3, 12]) }
    return Stay(
      admitted: admitted, days: days, method: pick(["11", "21", "21", "2A", "28", "31", "82", "83", "81"]),
      diagnoses: days.map { _ in (0..<Int.random(in: 1...3, using: &generator)).map { _ in pick(Self.diagnoses) } },
      operation: generator.chance(0.3) ? pick(["K401", "W371"]) : nil,
      discharge: generator.chance(0.5) ? pick(["1", "4", "5"]) : nil, isMonthOnly: generator.chance(0.15))
  }

  private mutating func addHospital(_ person: Int, _ stays: [Stay]) {
    let hospital = "R0\(Int.random(in: 1...2, using: &generator))"
    let period = pick(["2026-09", "2026-10"])
    var entries: [(Int16, String, Int32, Int32)] = []
    var (ends, encounters, monthOnly): ([Int32], [Int32], [Int32]) = ([], [], [])
    var episode: Int32 = 0
    for stay in stays where generator.chance(0.8) {
      var started = stay.admitted
      let end = generator.chance(0.1) ? ClinicalFacts.undated : stay.admitted + stay.days.reduce(0, +)
      for (order, length) in stay.days.enumerated() {
        episode += 1
        let own =
          [(Int16(6), stay.method, stay.admitted, Int32(order + 1), end)]
          + stay.diagnoses[order].enumerated().map { (Int16(4), $1, started, Int32($0 + 1), ClinicalFacts.undated) }
          + (stay.operation.map { [(Int16(5), $0, started, Int32(1), ClinicalFacts.undated)] } ?? [])
          + (stay.discharge.map { [(Int16(8), $0, end, Int32(order + 1), ClinicalFacts.undated)] } ?? [])
        for entry in own {
          entries.append((entry.0, entry.1, entry.2, entry.3))
          ends.append(entry.4)
          encounters.append(generator.chance(0.03) ? 0 : episode)
          if stay.isMonthOnly { monthOnly.append(Int32(entries.count)) }
        }
        started += length
      }
    }
    var facts = facts(entries, registered: nil)
    attributes(&facts)
    (facts.clinical.endDays, facts.clinical.encounters) = (ends, encounters)
    facts.clinical.monthOnly = monthOnly
    for place in monthOnly.map({ Int($0) - 1 }) {
      for path in [\ClinicalFacts.days, \.endDays] where facts.clinical[keyPath: path][place] != ClinicalFacts.undated {
        facts.clinical[keyPath: path][place] = CalendarDate(day: facts.clinical[keyPath: path][place]).firstOfMonth.day
      }
    }
    add(
      person, extract("h-\(hospital)-\(period)", organisation: hospital, source: Sources.hospital, period: period),
      facts)
  }

  private mutating func addCommunity(_ person: Int, _ days: [Int32]) {
    let contacts = days.sorted().map { (Int16(7), pick(["12", "27"]), $0, pick([Int32(0), 3, 5, 6, 7])) }
    var facts = facts(contacts, registered: nil)
    attributes(&facts)
    facts.clinical.encounters = contacts.indices.map { Int32($0 + 1) }
    coarsen(&facts, chance: 0.1)
    add(person, extract("c", organisation: "C1", source: Sources.community), facts)
  }

  private mutating func coarsen(_ facts: inout Facts, chance: Double) {
    for place in facts.clinical.days.indices where facts.clinical.days[place] != ClinicalFacts.undated {
      guard generator.chance(chance) else { continue }
      facts.clinical.days[place] = CalendarDate(day: facts.clinical.days[place]).firstOfMonth.day
      facts.clinical.monthOnly.append(Int32(place) + 1)
    }
  }
}
