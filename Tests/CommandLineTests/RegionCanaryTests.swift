import Contracts
import Foundation
import Testing

@testable import caredata

@Suite struct RegionCanaryTests {
  @Test func `every organisation has an objector whose record would count, and the files name it`() throws {
    let region = try SharedRegion.description.get()
    let canaries = region.objectionCanaries
    #expect(canaries.map(\.organisation) == ["A81001", "A81002", "RXA", "RXB", "RY1"])
    #expect(canaries.map(\.objection) == ["type_1", "type_1", "national", "national", "national"])
    #expect(Set(canaries.map(\.nhsNumber)).isDisjoint(with: region.canaries.map(\.nhsNumber)))
    let file = "\(SharedRegion.fixture.folder)/\(RegionWriter.canariesFile)"
    let rows = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
    #expect(rows[0] == "organisation,nhs_number,objection")
    #expect(Set(rows.dropFirst()) == Set(canaries.map { "\($0.organisation),\($0.nhsNumber),\($0.objection)" }))
    let list = try NumbersFile.readLines("\(SharedRegion.fixture.folder)/\(region.nationalList)")
    for canary in canaries {
      #expect(list.holds(try #require(ListedNumber(canary.nhsNumber))) == (canary.objection == "national"))
      let organisation = try #require(region.organisations.first { $0.code == canary.organisation })
      let record = try #require(
        try SharedRegion.extract(organisation).all().first { $0.nhsNumber == canary.nhsNumber })
      #expect(!record.dateOfBirth.isEmpty && !record.postcode.isEmpty && !record.entries.isEmpty)
      let codes = record.entries.map { String($0.code.prefix($0.system == .read2 ? 5 : 18)) }
      let dissents = GPCodeSystem.allCases.map { SyntheticObjectionCode.type1Dissent.code($0) }
      #expect(codes.contains(where: dissents.contains) == (canary.objection == "type_1"))
    }
  }

  @Test(arguments: [20, 29, 200, 6_250, 40_000]) func `there is room for the objectors in a region of any size`(
    count: Int
  ) {
    let population = SyntheticPopulation(count: count, seed: 5)
    let people = population.objectionCanaries.map(population.person)
    #expect(population.objectionCanaries.upperBound <= count)
    #expect(people.filter { $0.objectionCanary == .practice }.map(\.practice) == Array(0..<population.practices))
    #expect(people.allSatisfy { !$0.isCanary && !$0.isTooLarge && !$0.conditions.isEmpty })
    for (number, _) in SyntheticPopulation.hospitals.enumerated() {
      let here = people.filter { $0.objectionCanary == .hospital(number) }
      #expect(
        here.count == 1
          && here.allSatisfy { person in
            population.episodes(of: person).contains { $0.hospital == number }
          })
    }
    #expect(people.filter { $0.objectionCanary == .community }.map { population.contacts(of: $0).isEmpty } == [false])
  }
}
