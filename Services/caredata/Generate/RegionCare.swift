import Clinical

/// hospital/ and community/.
extension RegionWriter {
  mutating func writeCare() throws {
    var hospitals = try SyntheticPopulation.hospitals.map { try organisation($0, .hospital) }
    let numbered = (1...6).map { "DIAG_0\($0)" } + (1...2).map { "OPERTN_0\($0)" }
    let episodeFiles = try hospitals.enumerated().map { number, hospital in
      try writer(
        "\(hospital.path)/episodes.csv",
        HospitalExtract.columns.required + [HospitalExtract.dischargeMethodColumn] + numbered,
        order: 1_000_000 + number)
    }
    var community = try organisation(SyntheticPopulation.communityProvider, .community)
    let contactFile = try writer("\(community.path)/contacts.csv", CommunityExtract.columns, order: 2_000_000)
    for index in 0..<population.count {
      let person = population.person(index)
      let episodes = population.episodes(of: person)
      count(episodes, of: person)
      for number in hospitals.indices {
        let here = episodes.filter { $0.hospital == number }
        if !here.isEmpty { try write(here, of: person, &hospitals[number], episodeFiles[number]) }
      }
      let contacts = population.contacts(of: person)
      if !contacts.isEmpty { try write(contacts, of: person, &community, contactFile) }
    }
    for (number, file) in episodeFiles.enumerated() {
      try file.finish()
      hospitals[number].rows = file.rows
    }
    try contactFile.finish()
    community.rows = contactFile.rows
    description.organisations += hospitals + [community]
  }

  private mutating func count(_ episodes: [SyntheticEpisode], of person: SyntheticPerson) {
    for episode in episodes
    where episode.order == 1 && SyntheticPopulation.emergencyMethods.contains(episode.method) {
      description.facts.emergencySpells += 1
      description.facts.emergencySpellsByMonth[String(episode.admitted.iso.prefix(7)), default: 0] += 1
      for condition in person.conditions where !person.isTooLarge {
        description.facts.emergencySpellsByCondition[condition.rawValue, default: 0] += 1
      }
    }
  }

  private func write(
    _ episodes: [SyntheticEpisode], of person: SyntheticPerson,
    _ organisation: inout RegionDescription.Organisation, _ file: CSVFileWriter
  ) throws {
    let identity = population.identity(of: person, in: .hospital)
    let reference = SyntheticCodes.reference(
      "H", person: person.index, organisation: 500 + episodes[0].hospital)
    for episode in episodes {
      try file.row { row in
        row.add(reference)
        row.add(identity.nhsNumber)
        row.add(identity.born)
        row.add(identity.sex)
        row.add(identity.postcode)
        row.add(code(ofPractice: person.practice))
        row.add(organisation.code)
        row.add(episode.admitted)
        row.add(episode.discharged)
        row.add(String(episode.order))
        row.add(episode.started)
        row.add(episode.ended)
        row.add(episode.method)
        row.add(episode.dischargeMethod)
        for place in 0..<6 { row.add(place < episode.diagnoses.count ? episode.diagnoses[place] : "") }
        for place in 0..<2 { row.add(place < episode.operations.count ? episode.operations[place] : "") }
      }
    }
    organisation.patients += 1
    organisation.faultyIdentities += identity.isFaulty ? 1 : 0
  }

  private func write(
    _ contacts: [SyntheticContact], of person: SyntheticPerson,
    _ organisation: inout RegionDescription.Organisation, _ file: CSVFileWriter
  ) throws {
    let identity = population.identity(of: person, in: .community)
    let reference = SyntheticCodes.reference("C", person: person.index, organisation: 700)
    for (number, contact) in contacts.enumerated() {
      try file.row { row in
        row.add(reference)
        row.add(identity.nhsNumber)
        row.add(identity.born)
        // PERSON STATED GENDER CODE has X for what PERSON GENDER CODE writes as 0.
        row.add(identity.sex == "0" ? "X" : identity.sex)
        row.add(identity.postcode)
        row.add(code(ofPractice: person.practice))
        row.add("CC\(person.index * 16 + number + 1_000_000)")
        row.add(contact.day)
        row.add(contact.team)
        row.add(contact.attendance)
      }
    }
    organisation.patients += 1
    organisation.faultyIdentities += identity.isFaulty ? 1 : 0
  }
}
