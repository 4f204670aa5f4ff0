import Foundation

/// national-list.dat, as `caredata objections list` takes it, and canaries.csv.
extension RegionWriter {
  /// Who has withdrawn an objection is simply not on the list any more.
  mutating func writeNationalList() throws {
    var numbers = (0..<population.outsiders).map(population.nhsNumberOfOutsider)
    for index in 0..<population.count {
      let person = population.person(index)
      if person.objection == .type2Listed { numbers.append(person.nhsNumber) }
    }
    let listed = numbers.compactMap { ListedNumber($0) }.distinct
    let file = "\(folder)/\(Self.nationalListFile)"
    do {
      try Data(CheckLines.text(listed)).write(to: URL(fileURLWithPath: file))
    } catch { throw GenerateError(file: file, reason: "the file cannot be written") }
    description.facts.nationalListRows = listed.count
  }

  mutating func writeObjectionCanaries() throws {
    let file = try writer(Self.canariesFile, ["organisation", "nhs_number", "objection"], order: 3_000_000)
    for index in population.objectionCanaries {
      let person = population.person(index)
      guard let place = person.objectionCanary else { continue }
      let organisation =
        switch place {
        case .practice: code(ofPractice: person.practice)
        case .hospital(let number): SyntheticPopulation.hospitals[number]
        case .community: SyntheticPopulation.communityProvider
        }
      let canary = RegionDescription.ObjectionCanary(
        organisation: organisation, nhsNumber: person.nhsNumber,
        objection: place == .practice ? SyntheticObjection.type1.rawValue : "national")
      description.objectionCanaries.append(canary)
      try file.row { row in
        row.add(canary.organisation)
        row.add(canary.nhsNumber)
        row.add(canary.objection)
      }
    }
    try file.finish()
  }
}
