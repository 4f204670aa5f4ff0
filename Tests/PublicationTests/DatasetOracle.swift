import Clinical
import Cryptography

@testable import Publication

/// Both datasets by plain loops over all records, as their definitions read.
struct DatasetOracle {
  let definition: DatasetDefinition
  let records: [RecordChange]
  var excluded: [ClinicalCode] = []

  private func live(_ source: Int16) -> [RecordChange] {
    records.filter { $0.state == .live && $0.extract.source == source }
  }

  private struct Entry {
    let system: Int16
    let code: String
    let day: Int32
    let position: Int32
    let isMonthOnly: Bool
  }

  private func entries(_ record: RecordChange) -> [Entry] {
    let clinical = record.facts!.clinical
    let hit = clinical.codes.indices.filter { place in
      excluded.contains { code in
        guard Int16(code.system.rawValue) == clinical.systems[place] else { return false }
        let isClassification = code.system == .icd10 || code.system == .opcs4
        return isClassification ? clinical.codes[place].hasPrefix(code.code) : clinical.codes[place] == code.code
      }
    }
    let encounters = Set(hit.map { clinical.encounters[$0] }).subtracting([0])
    return clinical.codes.indices.filter { place in
      !hit.contains(place) && !encounters.contains(clinical.encounters[place])
    }.map {
      Entry(
        system: clinical.systems[$0], code: clinical.codes[$0], day: clinical.days[$0],
        position: clinical.positions[$0], isMonthOnly: clinical.monthOnly.contains(Int32($0) + 1))
    }
  }

  private func hasCondition(_ condition: Condition, _ person: Token16, by day: Int32) -> Bool {
    live(Sources.gp).filter { $0.personID == person }.flatMap(entries).contains { entry in
      (entry.day == ClinicalFacts.undated || entry.day <= day)
        && condition.codes.contains { Int16($0.system.rawValue) == entry.system && $0.code == entry.code }
    }
  }

  func conditionPrevalence() -> [DatasetRow] {
    guard let newest = live(Sources.gp).map(\.extract.period).max(), let day = Period(newest)?.last else { return [] }
    struct Cell: Hashable {
      let practice: String
      let sex: String
      let band: Int
    }
    var cells: [Cell: [Token16]] = [:]
    for person in Set(live(Sources.gp).map { $0.personID! }) {
      let own = live(Sources.gp).filter { $0.personID == person }
      var best: RecordChange?
      for record in own {
        let isNewest = !own.contains {
          $0.extract.organisation == record.extract.organisation && $0.extract.period > record.extract.period
        }
        let clinical = record.facts!.clinical
        guard isNewest, let from = clinical.registeredFrom, from <= day.day else { continue }
        if let to = clinical.registeredTo, to <= day.day { continue }
        guard let current = best else {
          best = record
          continue
        }
        let currentFrom = current.facts!.clinical.registeredFrom!
        if from > currentFrom || from == currentFrom && record.recordID < current.recordID { best = record }
      }
      guard let best else { continue }
      let attributes = best.facts!.attributes
      let age = day.year - Int(attributes.yearOfBirth)
      var band = definition.ageBands.count
      if attributes.yearOfBirth > 0, age >= 0 { band = definition.ageBands.lastIndex { $0.lower <= age }! }
      let sex = attributes.sex == 1 ? "M" : attributes.sex == 2 ? "F" : "U"
      cells[Cell(practice: best.extract.organisation, sex: sex, band: band), default: []].append(person)
    }
    let labels = definition.ageBands.map(\.label) + ["unknown"]
    return Set(cells.keys.map(\.practice)).sorted().flatMap { practice in
      definition.conditions.flatMap { condition in
        cells.filter { $0.key.practice == practice }
          .sorted { ($0.key.sex, $0.key.band) < ($1.key.sex, $1.key.band) }
          .map { cell, people in
            let ill = people.filter { hasCondition(condition, $0, by: day.day) }.count
            let shown = definition.disclosure.part(ill, of: people.count)
            return DatasetRow(
              dimensions: [practice, condition.name, cell.sex, labels[cell.band]],
              counts: [shown.whole, shown.part], status: shown.status)
          }
      }
    }
  }

  func linkageQuality() -> [DatasetRow] {
    let live = records.filter { $0.state == .live }
    let people = Dictionary(grouping: live) { $0.personID! }
    let year = Int(live.map(\.extract.period).max()!.prefix(4))!
    struct Cell: Hashable {
      let dimension: String
      let value: String
      let source: Int
    }
    var cells: [Cell: (all: Int, matched: Int)] = [:]
    func count(_ dimension: String, _ value: String, _ source: Int, _ isMatched: Bool) {
      let cell = Cell(dimension: dimension, value: value, source: source)
      cells[cell, default: (0, 0)].all += 1
      if isMatched { cells[cell]!.matched += 1 }
    }
    for record in live {
      let sources = Set(people[record.personID!]!.map(\.extract.source))
      let source = record.extract.source
      let isMatched = source == Sources.gp ? sources.count > 1 : sources.contains(Sources.gp)
      let attributes = record.facts!.attributes
      let age = max(0, year - Int(attributes.yearOfBirth))
      let decade = age / 10 * 10
      let band = age >= 90 ? "90+" : "\(decade == 0 ? "00" : "\(decade)")-\(decade + 9 == 9 ? "09" : "\(decade + 9)")"
      for (dimension, value) in [
        ("source", ""), ("rank", record.rank < 10 ? "0\(record.rank)" : "\(record.rank)"),
        ("practice", attributes.practice), ("age_band", attributes.yearOfBirth == 0 ? "unknown" : band),
        ("sex", attributes.sex == 1 ? "M" : attributes.sex == 2 ? "F" : "U"),
        ("ethnic_category", attributes.ethnicCategory), ("area", attributes.area),
      ] { count(dimension, value, Int(source), isMatched) }
    }
    for own in people.values {
      let size = own.count <= 3 ? "\(own.count)" : own.count <= 5 ? "4-5" : own.count <= 10 ? "6-10" : "11+"
      count("cluster_size", size, 0, Set(own.map(\.extract.source)).count > 1)
    }
    return cells.sorted {
      ($0.key.dimension, $0.key.value, $0.key.source) < ($1.key.dimension, $1.key.value, $1.key.source)
    }.map { cell, count in
      let shown = definition.disclosure.part(count.matched, of: count.all)
      return DatasetRow(
        dimensions: [cell.dimension, cell.value, ["all", "gp", "hospital", "community"][cell.source]],
        counts: [shown.whole, shown.part], status: shown.status)
    }
  }

  func emergencyAdmissions() -> [DatasetRow] {
    struct Spell: Hashable {
      let person: Token16
      let organisation: String
      let day: Int32
      let code: String
      let isMonthOnly: Bool
      /// Of those of one record that have the same month.
      let number: Int
      /// The last day that it may have begun on.
      var latest: Int32 { isMonthOnly ? Period(containing: CalendarDate(day: day)).last.day : day }
    }
    var spells: Set<Spell> = []
    for record in live(Sources.hospital) {
      var ofMonth: [String: Int] = [:]
      for entry in entries(record)
      where entry.system == 6 && entry.position == 1 && definition.admissionMethods.contains(entry.code)
        && entry.day != ClinicalFacts.undated
      {
        if entry.isMonthOnly { ofMonth["\(entry.day) \(entry.code)", default: 0] += 1 }
        spells.insert(
          Spell(
            person: record.personID!, organisation: record.extract.organisation, day: entry.day, code: entry.code,
            isMonthOnly: entry.isMonthOnly,
            number: entry.isMonthOnly ? ofMonth["\(entry.day) \(entry.code)"]! : 1))
      }
    }
    let known = Set(live(Sources.gp).map { $0.personID! })
    let months = Set(spells.map { CalendarDate(day: $0.day).iso.prefix(7) }).sorted()
    return months.flatMap { month in
      definition.conditions.flatMap { condition in
        ["with", "without", "unlinked"].map { group in
          let inside = spells.filter { spell in
            guard CalendarDate(day: spell.day).iso.hasPrefix(month) else { return false }
            guard known.contains(spell.person) else { return group == "unlinked" }
            return group == (hasCondition(condition, spell.person, by: spell.latest) ? "with" : "without")
          }
          let shown = definition.disclosure.events(inside.count, of: Set(inside.map(\.person)).count)
          return DatasetRow(
            dimensions: [String(month), condition.name, group], counts: [shown.events, shown.people],
            status: shown.status)
        }
      }
    }
  }
}

/// Seeded records that meet every branch: several practices and periods, moves, undated and future entries, codes of
/// another system with the same text, overlapping look-back windows, records that are not live.
enum RandomRegion {
  static func records(seed: UInt64) -> [RecordChange] {
    var generator = SeededGenerator(seed: seed)
    var records: [RecordChange] = []
    let base = CalendarDate(iso: "2026-08-01")!.day
    func add(_ person: Int, _ extract: ExtractReference, _ facts: Facts) {
      var change = record(records.count, extract: extract, person: person, facts: facts)
      if let count = change.facts?.clinical.codes.count {
        change.facts?.clinical.encounters = (0..<count).map { _ in Int32.random(in: 0...2, using: &generator) }
      }
      // Around a birth.
      if let days = change.facts?.clinical.days, generator.chance(0.3) {
        for place in days.indices where days[place] != ClinicalFacts.undated && generator.chance(0.7) {
          change.facts?.clinical.days[place] = CalendarDate(day: days[place]).firstOfMonth.day
          change.facts?.clinical.monthOnly.append(Int32(place) + 1)
        }
      }
      if generator.chance(0.1) { change = change.retracted() }
      records.append(change)
    }
    let codes: [(Int16, String)] = [
      (1, "C10.."), (2, "C10.."), (3, "44054006"), (1, "X40J4"), (2, "X40J4"), (1, "H33.."), (3, "13645005"),
      (2, "XE0Ub"), (3, "9999999999"), (4, "E119"),
    ]
    func entry() -> (Int16, String, Int32, Int32) {
      let (system, code) = codes.randomElement(using: &generator)!
      let day = generator.chance(0.1) ? ClinicalFacts.undated : base + Int32.random(in: -400...120, using: &generator)
      return (system, code, day, 0)
    }
    for person in 0..<80 {
      if generator.chance(0.85) {
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          let practice = "A8100\(Int.random(in: 1...3, using: &generator))"
          let period = ["2026-08", "2026-09", "2026-10"].randomElement(using: &generator)!
          let from = generator.chance(0.05) ? nil : base - [0, 1, 30, 900].randomElement(using: &generator)!
          let to = generator.chance(0.3) ? base + Int32.random(in: -10...120, using: &generator) : nil
          add(
            person, extract("g-\(practice)-\(period)", organisation: practice, period: period),
            facts(
              (0..<Int.random(in: 0...3, using: &generator)).map { _ in entry() }, registered: from, to: to,
              sex: [0, 1, 2, 9].randomElement(using: &generator)!,
              yearOfBirth: [0, 1930, 1946, 1947, 1961, 1962, 1986, 2008, 2009, 2026, 2027].randomElement(
                using: &generator)!))
        }
      }
      for _ in 0..<Int.random(in: 0...2, using: &generator) {
        let hospital = "R0\(Int.random(in: 1...2, using: &generator))"
        let admissions = (0..<Int.random(in: 1...4, using: &generator)).map { _ -> (Int16, String, Int32, Int32) in
          let method = ["11", "21", "2A", "28", "31"].randomElement(using: &generator)!
          let later = Int32.random(in: 0...4, using: &generator) * 15
          let day = generator.chance(0.05) ? ClinicalFacts.undated : base + later
          return (6, method, day, generator.chance(0.8) ? 1 : 2)
        }
        add(
          person, extract("h-\(hospital)", organisation: hospital, source: Sources.hospital),
          facts(admissions + [entry()], registered: nil))
      }
      if generator.chance(0.3) {
        add(person, extract("c", organisation: "C1", source: Sources.community), facts([entry()]))
      }
    }
    return records
  }
}
