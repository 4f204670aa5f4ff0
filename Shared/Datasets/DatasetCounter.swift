import Clinical
import Contracts
import Disclosure

/// Counts the cells of one dataset, person by person.
struct DatasetCounter: Sendable {
  let definition: DatasetDefinition
  private let day: CalendarDate
  private let cohorts: [TestedCohort]
  private let groups: [TestedDiagnosisGroup]
  private let codes: [Int]
  private let tally: [TestedCohort]
  /// Only events of one of these; empty: all.
  private let diagnoses: [TestedDiagnosisGroup]
  /// First and last day of events that count; the last is open without a limit of months.
  private let window: ClosedRange<Int32>
  private(set) var cells: [CellKey: CellCounts] = [:]

  /// - Parameter day: of reference, the last of the newest period.
  init(_ definition: DatasetDefinition, on day: CalendarDate, _ tests: inout CodeTests) throws(CodeTests.TooMany) {
    self.definition = definition
    self.day = day
    var cohorts: [TestedCohort] = []
    var groups: [TestedDiagnosisGroup] = []
    var codes: [Int] = []
    switch definition.split?.values {
    case .cohorts(let declared): for cohort in declared { cohorts.append(try TestedCohort(cohort, &tests)) }
    case .diagnoses(let declared): for group in declared { groups.append(try TestedDiagnosisGroup(group, &tests)) }
    case .codes(let declared): for group in declared { codes.append(try tests.test(group.codes)) }
    case nil: break
    }
    var tally: [TestedCohort] = []
    for cohort in definition.tally?.cohorts ?? [] { tally.append(try TestedCohort(cohort, &tests)) }
    var diagnoses: [TestedDiagnosisGroup] = []
    if case .events(let selection) = definition.subject {
      for group in selection.diagnoses { diagnoses.append(try TestedDiagnosisGroup(group, &tests)) }
    }
    (self.cohorts, self.groups, self.codes, self.tally) = (cohorts, groups, codes, tally)
    self.diagnoses = diagnoses
    let first = definition.months.map { Period(containing: day).advanced(by: 1 - $0).first.day }
    window = first.map { $0...day.day } ?? (PersonHistory.undated + 1)...Int32.max
  }

  // MARK: - A person

  mutating func add(_ person: PersonView, key recordKey: Int) {
    if definition.subject == .linkage { return addLinkage(person, recordKey) }
    let registration = Registration.record(person.records, on: day.day)
    if definition.population == .registered, registration == nil { return }
    let attributes = person.records[registration ?? Registration.attributes(person.records)]
    let own = PersonOfCell(
      person: person, registration: registration.map { person.records[$0] }, attributes: attributes, key: recordKey)
    let key = personKey(own)
    switch definition.subject {
    case .people: addPerson(own, key)
    case .events(let selection): addEvents(own, key, selection)
    case .linkage: break
    }
  }

  private struct PersonOfCell {
    let person: PersonView
    let registration: PersonHistory.Record?
    let attributes: PersonHistory.Record
    let key: Int
  }

  private func personKey(_ own: PersonOfCell) -> CellKey {
    var key = CellKey()
    for (place, dimension) in definition.dimensions.enumerated() {
      switch dimension {
      case .practice: key[place] = own.registration?.organisation ?? Names.empty
      case .sex: key[place] = Int32(sexes.firstIndex(of: own.attributes.sex) ?? 2)
      case .ageBand: key[place] = Int32(band(ofYear: own.attributes.yearOfBirth))
      case .ethnicCategory: key[place] = own.attributes.ethnicCategory
      case .area: key[place] = own.attributes.area
      case .commissioner: key[place] = own.attributes.commissioner
      case .tally: key[place] = Int32(tallyBand(own))
      case .gpRecord, .split, .period, .property, .value, .source: break
      }
    }
    return key
  }

  private func holds(_ cohort: TestedCohort, _ own: PersonOfCell, on day: Int32) -> Bool {
    CohortMembership.holds(cohort, own.person, on: day, attributes: own.attributes)
  }

  private func tallyBand(_ own: PersonOfCell) -> Int {
    let count = tally.count { holds($0, own, on: day.day) }
    return definition.tally!.bands.lastIndex { $0.lower <= count } ?? 0
  }

  /// The band of those whose age is not known comes after all others.
  private func band(ofYear year: Int16) -> Int {
    let age = day.year - Int(year)
    return year > 0 && age >= 0 ? definition.ageBands.lastIndex { $0.lower <= age }! : definition.ageBands.count
  }

  private mutating func addPerson(_ own: PersonOfCell, _ key: CellKey) {
    guard let split = definition.dimensions.firstIndex(of: .split) else {
      cells[key, default: CellCounts()].add(.population, own.key)
      return
    }
    var key = key
    for (place, cohort) in cohorts.enumerated() {
      key[split] = Int32(place)
      let isMember = holds(cohort, own, on: day.day)
      cells[key, default: CellCounts()].add(.population, own.key)
      if isMember { cells[key]!.add(.members, own.key) }
    }
  }

  // MARK: - Events of a person

  private struct Event {
    var day: Int32
    var latest: Int32
    var spell: Spell?
    var tests = TestSet()
    var isFollowed = false
  }

  private mutating func addEvents(_ own: PersonOfCell, _ key: CellKey, _ selection: EventSelection) {
    // Cells of this person, before the counts of people are known.
    var counts: [CellKey: (events: Int, followed: Int)] = [:]
    let places = (
      split: definition.dimensions.firstIndex(of: .split), group: definition.dimensions.firstIndex(of: .gpRecord),
      period: definition.dimensions.firstIndex(of: .period)
    )
    addPopulation(own, key, split: places.split)
    for event in events(of: own.person, selection) where window.contains(event.day) {
      var key = key
      if let place = places.period { key[place] = Self.period(of: event.day, definition.grain) }
      each(own, event, split: places.split, group: places.group, key) { key in
        counts[key, default: (0, 0)].events += 1
        if event.isFollowed { counts[key]!.followed += 1 }
      }
    }
    for (key, count) in counts {
      cells[key, default: CellCounts()].add(.events, own.key, count.events)
      cells[key]!.add(.people, own.key)
      guard count.followed > 0 else { continue }
      cells[key]!.add(.followed, own.key, count.followed)
      cells[key]!.add(.followedPeople, own.key)
    }
  }

  /// Populations stand in the cells of no period; ``DatasetCells`` gives them to every period.
  private mutating func addPopulation(_ own: PersonOfCell, _ key: CellKey, split: Int?) {
    guard let split else {
      cells[key.ofPopulation(definition), default: CellCounts()].add(.population, own.key)
      return
    }
    for place in 0..<(definition.split?.names.count ?? 0) {
      var key = key
      key[split] = Int32(place)
      let cell = key.ofPopulation(definition)
      cells[cell, default: CellCounts()].add(.population, own.key)
      if !cohorts.isEmpty, holds(cohorts[place], own, on: day.day) { cells[cell]!.add(.members, own.key) }
    }
  }

  /// Calls for each cell that the event counts in.
  private func each(
    _ own: PersonOfCell, _ event: Event, split: Int?, group: Int?, _ key: CellKey, _ body: (CellKey) -> Void
  ) {
    guard let split else { return body(key) }
    var key = key
    for place in 0..<max(cohorts.count, groups.count, codes.count) {
      key[split] = Int32(place)
      if !groups.isEmpty {
        if event.spell?.belongs(to: groups[place]) ?? false { body(key) }
      } else if !codes.isEmpty {
        if event.tests.contains(codes[place]) { body(key) }
      } else if let group {
        let isKnown = own.person.sources.contains(.gp)
        key[group] = !isKnown ? 2 : holds(cohorts[place], own, on: event.latest) ? 0 : 1
        body(key)
      } else if holds(cohorts[place], own, on: event.latest) {
        body(key)
      }
    }
  }

  private func events(of person: PersonView, _ selection: EventSelection) -> [Event] {
    var events = starts(person, selection.kind).filter { event in
      diagnoses.isEmpty || diagnoses.contains { event.spell?.belongs(to: $0) ?? false }
    }
    if selection.day == .discharge {
      events = events.compactMap { event in
        guard let end = event.spell?.discharged else { return nil }
        var event = event
        (event.day, event.latest) = (end, end)
        return event
      }
    }
    guard let following = selection.following else { return events }
    // Where days are counted between two events, both must have one, and somebody must be there for the second.
    let later = starts(person, following.kind).filter { $0.day == $0.latest }
    events.removeAll { $0.day != $0.latest || $0.spell?.hasDied ?? false }
    for place in events.indices {
      let event = events[place]
      let begun = event.spell?.admitted ?? event.day
      events[place].isFollowed = later.contains {
        ($0.spell == nil || $0.day > begun) && $0.day >= event.day && $0.day - event.day <= Int32(following.days)
      }
    }
    return events
  }

  private func starts(_ person: PersonView, _ kind: EventSelection.Kind) -> [Event] {
    switch kind {
    case .spells(let methods):
      return person.spells.filter { methods?.contains($0.method) ?? true }.map {
        Event(day: $0.admitted, latest: $0.latest, spell: $0)
      }
    case .contacts(let teams, let attendances):
      return person.contacts.map(\.entry).filter {
        (teams?.contains($0.code) ?? true) && (attendances?.contains($0.position) ?? true)
      }.map { Event(day: $0.day, latest: $0.isMonthOnly ? $0.lastOfMonth : $0.day) }
    case .entries:
      var seen: Set<EntryIdentity> = []
      return person.coded.filter { coded in
        coded.source == .gp && coded.entry.day != PersonHistory.undated && codes.contains { coded.tests.contains($0) }
          && seen.insert(EntryIdentity(coded.entry)).inserted
      }.map { Event(day: $0.entry.day, latest: $0.latest, tests: $0.tests) }
    }
  }

  /// What is the same entry however many extracts and practices show it.
  private struct EntryIdentity: Hashable {
    let code: UInt64
    let day: Int32
    let encounter: Int32

    init(_ entry: PersonHistory.Entry) { (code, day, encounter) = (entry.code, entry.day, entry.encounter) }
  }

  static func period(of day: Int32, _ grain: DatasetDefinition.Grain) -> Int32 {
    let date = CalendarDate(day: day)
    switch grain {
    case .snapshot: return 0
    case .month: return Int32(date.year * 12 + date.month - 1)
    case .quarter: return Int32(date.year * 4 + (date.month - 1) / 3)
    case .year: return Int32(date.year)
    }
  }

  // MARK: - Linkage

  private mutating func addLinkage(_ person: PersonView, _ recordKey: Int) {
    var counts: [CellKey: (all: Int, matched: Int)] = [:]
    for record in person.records {
      let isMatched = record.source == .gp ? person.sources.count > 1 : person.sources.contains(.gp)
      for (property, value) in LinkageProperty.values(of: record, year: day.year) {
        var key = CellKey()
        (key[0], key[1], key[2]) = (property.number, value, Int32(record.source.rawValue))
        counts[key, default: (0, 0)].all += 1
        if isMatched { counts[key]!.matched += 1 }
      }
    }
    var size = CellKey()
    size[0] = LinkageProperty.clusterSize.number
    size[1] = LinkageProperty.sizeBand(person.records.count)
    counts[size] = (1, person.sources.count > 1 ? 1 : 0)
    for (key, count) in counts {
      cells[key, default: CellCounts()].add(.events, recordKey, count.all)
      cells[key]!.add(.people, recordKey)
      guard count.matched > 0 else { continue }
      cells[key]!.add(.followed, recordKey, count.matched)
      cells[key]!.add(.followedPeople, recordKey)
    }
  }

  // MARK: - Several counters

  /// Takes in the cells of another counter of the same dataset, whose names are numbered otherwise.
  mutating func merge(_ other: DatasetCounter, renaming numbers: [Int32]) {
    for (key, counts) in other.cells {
      var key = key
      for (place, dimension) in definition.dimensions.enumerated() where dimension.isNamed {
        key[place] = numbers[Int(key[place])]
      }
      if definition.subject == .linkage, LinkageProperty(number: key[0]).isNamed { key[1] = numbers[Int(key[1])] }
      cells[key, default: CellCounts()].add(counts)
    }
  }
}

/// PERSON GENDER CODE of M and F; whatever else stands for U.
private let sexes: [Int16] = [1, 2]

extension DatasetDefinition.Dimension {
  /// Whether its values are numbers of ``Names``.
  var isNamed: Bool {
    switch self {
    case .practice, .ethnicCategory, .area, .commissioner: true
    case .sex, .ageBand, .gpRecord, .split, .tally, .period, .property, .value, .source: false
    }
  }
}

extension CellKey {
  /// The cell that holds the population of all periods and groups.
  func ofPopulation(_ definition: DatasetDefinition) -> CellKey {
    var key = self
    for (place, dimension) in definition.dimensions.enumerated() where dimension == .period || dimension == .gpRecord {
      key[place] = CellKey.anything
    }
    return key
  }

  static let anything: Int32 = -1
}

extension CellCounts {
  mutating func add(_ kind: CountKind, _ recordKey: Int, _ count: Int = 1) {
    self[kind].count += count
    self[kind].people += 1
    self[kind].key = (self[kind].key + recordKey) % RecordKey.modulus
  }

  mutating func add(_ other: CellCounts) {
    for kind in CountKind.allCases {
      self[kind].count += other[kind].count
      self[kind].people += other[kind].people
      self[kind].key = (self[kind].key + other[kind].key) % RecordKey.modulus
    }
  }
}
