import Clinical

/// objections.csv: the national list.
extension RegionWriter {
  mutating func writeObjections() throws {
    let file = try writer(Self.objectionsFile, ObjectionsList.columns, order: 3_000_000)
    func add(_ nhsNumber: String, _ decision: String, _ day: Int32) throws {
      try file.row { row in
        row.add(nhsNumber)
        row.add("2")
        row.add(decision)
        row.add(CalendarDate(day: day))
      }
    }
    // The list began in May 2018.
    let first = CalendarDate(year: 2018, month: 5, day: 25)!.day
    let days = Int(SyntheticPopulation.period.first.day - first) / 2
    for number in 0..<(population.count + population.outsiders) {
      var random = SplitMix64(seed: population.seed, .nationalList, number)
      let person = number < population.count ? population.person(number) : nil
      guard let person else {
        try add(
          population.nhsNumberOfOutsider(number - population.count), "dissent", first + Int32(random.below(days)))
        continue
      }
      guard person.objection == .type2Listed || person.objection == .type2ListedWithdrawn else { continue }
      let taken = first + Int32(random.below(days))
      try add(person.nhsNumber, "dissent", taken)
      if person.objection == .type2ListedWithdrawn {
        try add(person.nhsNumber, "withdrawn", taken + 1 + Int32(random.below(days)))
      }
    }
    try file.finish()
    description.facts.nationalListRows = file.rows
  }
}
