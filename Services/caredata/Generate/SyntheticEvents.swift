import Clinical

/// A row of events.csv before its patient reference.
struct SyntheticEvent {
  let day: CalendarDate?
  let system: GPCodeSystem
  let code: String
  var value = ""
  var unit = ""
}

extension SyntheticPopulation {
  /// No event of any kind lies before this day, so that a canary's date of birth can be nothing else.
  static let firstEvent = CalendarDate(year: 1995, month: 1, day: 1)!

  /// Enough that the record exceeds 900,000 bytes: a measurement takes about 30.
  static let eventsOfTooLarge = 36_000

  func events(of person: SyntheticPerson) -> [SyntheticEvent] {
    var random = SplitMix64(seed: seed, .events, person.index)
    var writer = EventWriter(person: person)
    if person.isTooLarge {
      for _ in 0..<Self.eventsOfTooLarge { writer.add(.systolic, yearsBack: 20, &random) }
      return writer.events
    }
    for condition in person.conditions { writer.add(condition, &random) }
    let age = person.age(on: Self.period.last)
    let choices = processes(person, age)
    for _ in 0..<(age < 2 ? random.within(2...6) : random.within(6...13)) {
      let process = random.pick(choices)
      writer.add(process, yearsBack: 5, &random)
      if process.snomed == SyntheticProcess.systolic.snomed { writer.add(.diastolic, yearsBack: 5, &random) }
    }
    if let objection = person.objection { writer.add(objection, &random) }
    addMedicines(of: person, age, &writer)
    return writer.events
  }

  /// Issues of drugs in the last fourteen months, and dementia, which comes with age. Drawn apart, so that everything
  /// else of a person stays as it is without them.
  private func addMedicines(of person: SyntheticPerson, _ age: Int, _ writer: inout EventWriter) {
    var random = SplitMix64(seed: seed, .medicines, person.index)
    if person.conditions.contains(.asthma) || person.conditions.contains(.copd), random.chance(perMille: 600) {
      for _ in 0..<random.within(1...8) { writer.add(SyntheticMedicine.salbutamol, &random) }
    }
    if age >= 18, random.chance(perMille: 150) {
      for _ in 0..<random.within(1...13) { writer.add(SyntheticMedicine.citalopram, &random) }
    }
    if age >= 65, random.chance(perMille: age < 80 ? 20 : 130) { writer.add(.dementia, yearsBack: 6, &random) }
  }

  /// What may be observed, the frequent several times.
  private func processes(_ person: SyntheticPerson, _ age: Int) -> [SyntheticProcess] {
    guard age >= 16 else {
      return [.weightOfChild, .weightOfChild, .influenzaVaccination]
        + (person.conditions.contains(.asthma) ? [.asthmaReview] : [])
    }
    let smoking: SyntheticProcess = [.neverSmoked, .neverSmoked, .exSmoker, .smoker][person.index % 4]
    var choices: [SyntheticProcess] = [smoking, .bodyMassIndex, .weight, .systolic]
    if age >= 40 { choices += [.systolic, .cholesterol, .creatinine] }
    if age >= 65 || !person.conditions.isEmpty { choices += [.influenzaVaccination] }
    if person.conditions.contains(.diabetes) { choices += [.haemoglobinA1c, .haemoglobinA1c, .cholesterol] }
    if person.conditions.contains(.asthma) { choices += [.asthmaReview] }
    return choices
  }
}

/// Collects the events of one person in the code systems of the practice.
private struct EventWriter {
  let person: SyntheticPerson
  private(set) var events: [SyntheticEvent] = []

  init(person: SyntheticPerson) { self.person = person }

  mutating func add(_ condition: SyntheticCondition, _ random: inout SplitMix64) {
    let day = self.day(yearsBack: 20, &random)
    let system = self.system(day, &random)
    let codes = condition.codes(system)
    let code = random.chance(perMille: 900) ? codes[0] : random.pick(codes)
    events.append(SyntheticEvent(day: day, system: system, code: spelling(code, system, &random)))
  }

  mutating func add(_ process: SyntheticProcess, yearsBack: Int, _ random: inout SplitMix64) {
    let day = self.day(yearsBack: yearsBack, &random)
    let system = self.system(day, &random)
    var event = SyntheticEvent(
      day: random.chance(perMille: 3) && !person.isTooLarge ? nil : day, system: system,
      code: spelling(process.code(system), system, &random))
    if let tenths = process.tenths {
      let value = random.within(tenths)
      event.value = "\(value / 10).\(value % 10)"
      event.unit = process.unit
    }
    // Real value columns hold text, and text holds identifiers.
    if person.isCanary || random.chance(perMille: 4), !person.isTooLarge, random.chance(perMille: 250) {
      event.value = "see letter, NHS No \(person.nhsNumber)"
    }
    events.append(event)
  }

  mutating func add(_ medicine: SyntheticMedicine, _ random: inout SplitMix64) {
    let last = SyntheticPopulation.period.last.day
    let day = CalendarDate(day: max(person.born.day, last - Int32(random.below(425))))
    events.append(SyntheticEvent(day: day, system: .snomed, code: medicine.rawValue))
  }

  mutating func add(_ objection: SyntheticObjection, _ random: inout SplitMix64) {
    let taken = day(yearsBack: 10, &random)
    let system = self.system(taken, &random)
    func event(_ code: SyntheticObjectionCode, _ day: CalendarDate?) -> SyntheticEvent {
      SyntheticEvent(day: day, system: system, code: spelling(code.code(system), system, &random))
    }
    switch objection {
    case .type1: events.append(event(.type1Dissent, taken))
    case .type1Undated: events.append(event(.type1Dissent, nil))
    case .type1SameDay: events += [event(.type1Withdrawn, taken), event(.type1Dissent, taken)]
    case .type1Withdrawn:
      let last = SyntheticPopulation.period.last.day
      let withdrawn = CalendarDate(day: taken.day + 1 + Int32(random.below(Int(max(1, last - taken.day)))))
      events += [event(.type1Dissent, taken), event(.type1Withdrawn, min(withdrawn, SyntheticPopulation.period.last))]
    case .type2Coded: events.append(event(.type2Dissent, taken))
    case .type2Listed, .type2ListedWithdrawn: break
    }
  }

  private func day(yearsBack: Int, _ random: inout SplitMix64) -> CalendarDate {
    let last = SyntheticPopulation.period.last.day
    let first = max(person.born.day, SyntheticPopulation.firstEvent.day, last - Int32(yearsBack) * 365)
    return CalendarDate(day: first + Int32(random.below(Int(last - first) + 1)))
  }

  /// A practice records in the Read version of its supplier or in SNOMED CT, suppliers of the first two having changed
  /// over from 2018.
  private func system(_ day: CalendarDate, _ random: inout SplitMix64) -> GPCodeSystem {
    let own = GPCodeSystem.allCases[person.practice % 3]
    return day.year >= 2018 && random.chance(perMille: 600) ? .snomed : own
  }

  /// Some systems append a term code to Read v2 codes.
  private func spelling(_ code: String, _ system: GPCodeSystem, _ random: inout SplitMix64) -> String {
    system == .read2 && random.chance(perMille: 30) ? code + "00" : code
  }
}
