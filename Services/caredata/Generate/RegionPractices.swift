import Clinical

/// gp/: a folder per practice.
extension RegionWriter {
  mutating func writePractices() throws {
    for practice in 0..<population.practices {
      var organisation = try self.organisation(code(ofPractice: practice), .gp)
      let patients = try writer("\(organisation.path)/patients.csv", GPExtract.patientColumns, order: 2 * practice)
      let events = try writer("\(organisation.path)/events.csv", GPExtract.eventColumns, order: 2 * practice + 1)
      for index in stride(from: practice, to: population.count, by: population.practices) {
        let person = population.person(index)
        count(person)
        try write(person, registeredHere: true, &organisation, patients, events)
      }
      // Those who have moved away come from the practice before.
      let next = (practice + population.practices - 1) % population.practices
      for index in stride(from: next, to: population.count, by: population.practices) {
        let person = population.person(index)
        guard person.previousPractice == practice else { continue }
        try write(person, registeredHere: false, &organisation, patients, events)
      }
      try patients.finish()
      try events.finish()
      organisation.rows = events.rows
      description.organisations.append(organisation)
    }
  }

  private mutating func count(_ person: SyntheticPerson) {
    description.facts.patients += 1
    if let objection = person.objection {
      description.facts.objections[objection.rawValue, default: 0] += 1
      description.facts.objectionsInForce += objection.isInForce ? 1 : 0
    }
    for condition in person.conditions where !person.isTooLarge {
      description.facts.patientsByCondition[condition.rawValue, default: 0] += 1
    }
  }

  private func write(
    _ person: SyntheticPerson, registeredHere: Bool, _ organisation: inout RegionDescription.Organisation,
    _ patients: CSVFileWriter, _ events: CSVFileWriter
  ) throws {
    let practice = registeredHere ? person.practice : person.previousPractice ?? person.practice
    let reference = SyntheticCodes.reference("G", person: person.index, organisation: practice)
    let identity = population.identity(of: person, in: .gp)
    var random = SplitMix64(seed: population.seed, .registration, person.index)
    let (from, to) = registration(person, registeredHere: registeredHere, &random)
    try patients.row { row in
      row.add(reference)
      row.add(identity.nhsNumber)
      row.add(identity.born)
      row.add(identity.sex)
      row.add(identity.postcode)
      row.add(person.ethnicCategory)
      row.add(from)
      row.add(to)
    }
    for event in population.events(of: person) {
      try events.row { row in
        row.add(reference)
        row.add(event.day)
        row.add(event.system.rawValue)
        row.add(event.code)
        row.add(event.value)
        row.add(event.unit)
      }
    }
    organisation.patients += 1
    organisation.faultyIdentities += identity.isFaulty ? 1 : 0
    organisation.tooLarge += person.isTooLarge ? 1 : 0
  }

  /// Who moved registered with the new practice in the last months; one old practice in four has not noticed.
  private func registration(
    _ person: SyntheticPerson, registeredHere: Bool, _ random: inout SplitMix64
  ) -> (CalendarDate, CalendarDate?) {
    let last = SyntheticPopulation.period.first.day
    let moved = max(last - 1 - Int32(random.below(120)), person.born.day)
    let isNoticed = !random.chance(perMille: 250)
    let first = max(person.born.day, SyntheticPopulation.firstEvent.day)
    let joined = CalendarDate(day: first + Int32(random.below(Int(max(1, moved - first)))))
    guard person.previousPractice != nil else { return (joined, nil) }
    let day = CalendarDate(day: moved)
    return registeredHere ? (day, nil) : (min(joined, day), isNoticed ? day : nil)
  }
}
