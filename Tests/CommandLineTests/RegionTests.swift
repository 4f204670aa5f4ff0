import Clinical
import Contracts
import Foundation
import Testing

@testable import caredata

/// A region that several tests read.
enum SharedRegion {
  static let fixture: ExtractFixture = {
    // A static is never released; the folder goes with the process.
    atexit { try? FileManager.default.removeItem(atPath: SharedRegion.fixture.folder) }
    return ExtractFixture()
  }()
  static let patients = 3000
  static let description: Result<RegionDescription, any Error> = Result {
    try RegionWriter.write(patients: patients, seed: 42, to: fixture.folder)
  }

  static func extract(_ organisation: RegionDescription.Organisation) throws -> ExtractReader {
    try ExtractReader(
      source: organisation.source, organisation: organisation.code, path: "\(fixture.folder)/\(organisation.path)")
  }

  /// All records, with the source they come from.
  static let records: Result<[(ExtractSource, PatientRecord)], any Error> = Result {
    try description.get().organisations.flatMap { organisation in
      try extract(organisation).all().map { (organisation.source, $0) }
    }
  }
}

@Suite struct RegionTests {
  private func bytes(of folder: String) throws -> [String: Data] {
    let files = try #require(FileManager.default.enumerator(atPath: folder))
    var contents: [String: Data] = [:]
    for case let name as String in files {
      contents[name] = FileManager.default.contents(atPath: "\(folder)/\(name)")
    }
    return contents
  }

  @Test func `the same seed gives the same bytes, another seed others`() throws {
    let fixture = ExtractFixture()
    for (name, seed) in [("a", 1), ("b", 1), ("c", 2)] as [(String, UInt64)] {
      _ = try RegionWriter.write(patients: 100, seed: seed, to: "\(fixture.folder)/\(name)")
    }
    let first = try bytes(of: fixture.folder + "/a")
    #expect(first.keys.contains("gp/A81001/events.csv"))
    #expect(first.keys.contains("hospital/RXB/episodes.csv"))
    #expect(try bytes(of: fixture.folder + "/b") == first)
    let other = try bytes(of: fixture.folder + "/c")
    #expect(first.allSatisfy { $0.value.isEmpty || $0.value != other[$0.key] })
  }

  @Test func `every extract can be read, and holds what region json says`() throws {
    let region = try SharedRegion.description.get()
    #expect(try RegionWriter.read(SharedRegion.fixture.folder) == region)
    #expect(region.organisations.map(\.code) == ["A81001", "A81002", "RXA", "RXB", "RY1"])
    for organisation in region.organisations {
      let summary = try SharedRegion.extract(organisation).summary
      #expect(summary.patients == organisation.patients)
      #expect(summary.rows == organisation.rows + (organisation.source == .gp ? organisation.patients : 0))
      #expect(summary.rejected["record_too_large", default: 0] == organisation.tooLarge)
    }
    #expect(region.organisations.map(\.tooLarge).reduce(0, +) == 1)
  }

  @Test func `identifiers are of the test range and distinct, and some of every source are faulty`() throws {
    let region = try SharedRegion.description.get()
    var people: Set<String> = []
    for index in 0..<SharedRegion.patients {
      people.insert(SyntheticPopulation(count: SharedRegion.patients, seed: 42).person(index).nhsNumber)
    }
    #expect(people.count == SharedRegion.patients)
    for number in people { #expect(try NHSNumber(validating: number).isTestNumber) }
    for source in ExtractSource.allCases {
      let extracts = region.organisations.filter { $0.source == source }
      let patients = extracts.map(\.patients).reduce(0, +)
      let faulty = extracts.map(\.faultyIdentities).reduce(0, +)
      #expect((patients / 50...patients / 10).contains(faulty), "\(source): \(faulty) of \(patients)")
    }
    var missing = 0
    var wrong = 0
    for (_, record) in try SharedRegion.records.get() {
      if record.nhsNumber.isEmpty {
        missing += 1
      } else if people.contains(record.nhsNumber) {
        #expect(throws: Never.self) { try NHSNumber(validating: record.nhsNumber) }
      } else {
        wrong += 1
        #expect(throws: NHSNumber.Fault.self) { try NHSNumber(validating: record.nhsNumber) }
      }
      if !record.postcode.isEmpty { #expect(throws: Never.self) { try Postcode(validating: record.postcode) } }
    }
    #expect(missing > 20 && wrong > 10)
  }

  @Test func `only canaries were born before 1925, and no event of any kind lies there`() throws {
    let region = try SharedRegion.description.get()
    let start = try #require(CalendarDate(iso: "1925-01-01"))
    let births = Set(region.canaries.map(\.dateOfBirth))
    #expect(births.count == 12 && births.allSatisfy { $0 < "1925" && $0 >= "1895" })
    #expect(Set(region.canaries.map(\.postcode)).count == 12)
    var seen: [ExtractSource: Set<String>] = [:]
    for (source, record) in try SharedRegion.records.get() {
      if !record.dateOfBirth.isEmpty, record.dateOfBirth < "1925-01-01" {
        #expect(births.contains(record.dateOfBirth))
        seen[source, default: []].insert(record.dateOfBirth)
      }
      #expect(record.registeredFrom.isEmpty || record.registeredFrom > "1990")
      for entry in record.entries {
        #expect(!entry.hasDay || entry.day >= start.day)
        #expect(!entry.hasDay || entry.day <= SyntheticPopulation.period.last.day)
      }
    }
    for source in ExtractSource.allCases { #expect(seen[source] == births, "\(source)") }
  }

  @Test func `conditions are about as common as in England, and make emergencies likely`() {
    let population = SyntheticPopulation(count: 40_000, seed: 9)
    var patients: [SyntheticCondition: Int] = [:]
    var admitted: [SyntheticCondition: Int] = [:]
    var emergencies = 0
    var objectors = 0
    for index in population.canaries..<population.count {
      let person = population.person(index)
      let isAdmitted = population.episodes(of: person)
        .contains { SyntheticPopulation.emergencyMethods.contains($0.method) }
      emergencies += isAdmitted ? 1 : 0
      objectors += person.objection?.isInForce == true ? 1 : 0
      for condition in person.conditions {
        patients[condition, default: 0] += 1
        admitted[condition, default: 0] += isAdmitted ? 1 : 0
      }
    }
    func share(_ condition: SyntheticCondition) -> Double {
      Double(patients[condition] ?? 0) / Double(population.count)
    }
    #expect((0.06...0.08).contains(share(.diabetes)))
    #expect((0.055...0.075).contains(share(.asthma)))
    #expect((0.015...0.025).contains(share(.copd)))
    #expect((0.12...0.16).contains(share(.hypertension)))
    #expect((1200...2000).contains(objectors))
    let usual = Double(emergencies) / Double(population.count)
    for condition in [SyntheticCondition.copd, .diabetes] {
      let ratio = Double(admitted[condition] ?? 0) / Double(patients[condition] ?? 1) / usual
      #expect((1.6...3.2).contains(ratio), "\(condition): \(ratio)")
    }
  }

  @Test func `episodes of a stay share its dates, and months are spread over the half year`() throws {
    let population = SyntheticPopulation(count: 4000, seed: 3)
    var months: Set<Int> = []
    var longest = 0
    for index in 0..<population.count {
      for episode in population.episodes(of: population.person(index)) {
        months.insert(episode.admitted.month)
        longest = max(longest, episode.order)
        #expect(episode.started >= episode.admitted)
        if let discharged = episode.discharged { #expect(try #require(episode.ended) <= discharged) }
      }
    }
    #expect(months == [5, 6, 7, 8, 9, 10])
    #expect(longest == 3)
  }

  @Test
  func `whoever was born in the half year of admissions has a birth episode on that day, in the smallest region too`()
    throws
  {
    for (count, seed) in [(20, UInt64(1)), (400, 20_261_001), (4000, 3)] {
      let population = SyntheticPopulation(count: count, seed: seed)
      var births = 0
      for index in 0..<count {
        let person = population.person(index)
        let episodes = population.episodes(of: person).filter { ["82", "83"].contains($0.method) }
        #expect(episodes.isEmpty == (person.born < SyntheticPopulation.firstAdmission))
        guard !episodes.isEmpty else { continue }
        births += 1
        #expect(episodes.allSatisfy { $0.admitted == person.born && $0.diagnoses[0] == "Z380" })
        #expect(episodes.filter { $0.order == 1 }.count == 1)
      }
      #expect(births > 0 && births < max(2, count / 50))
    }
  }

  @Test func `objections stand in GP events and in the national list as region json counts them`() throws {
    let region = try SharedRegion.description.get()
    let coded: Set<String> = Set(
      GPCodeSystem.allCases.map { SyntheticObjectionCode.type1Dissent.code($0) })
    var dissenting: Set<String> = []
    for (source, record) in try SharedRegion.records.get() where source == .gp {
      for entry in record.entries where coded.contains(String(entry.code.prefix(entry.system == .read2 ? 5 : 18))) {
        dissenting.insert(record.patientRef)
      }
    }
    let kinds: [SyntheticObjection] = [.type1, .type1Withdrawn, .type1Undated, .type1SameDay]
    let expected = kinds.map { region.facts.objections[$0.rawValue] ?? 0 }.reduce(0, +)
    // Who moved is in two practices.
    #expect((expected...expected + 5).contains(dissenting.count))
    let list = try NumbersFile.readLines("\(SharedRegion.fixture.folder)/\(region.nationalList)")
    #expect(list.distinct == list && list.count == region.facts.nationalListRows)
    #expect(list.count == (region.facts.objections["type_2_listed"] ?? 0) + SharedRegion.patients / 200)
    // Who has withdrawn is simply not there.
    let population = SyntheticPopulation(count: SharedRegion.patients, seed: 42)
    let withdrawn = (0..<SharedRegion.patients).map(population.person).filter { $0.objection == .type2ListedWithdrawn }
    #expect(!withdrawn.isEmpty)
    for person in withdrawn { #expect(!list.holds(try #require(ListedNumber(person.nhsNumber)))) }
  }

  @Test func `every code is one of its system`() throws {
    let systems: [GPCodeSystem: ClinicalCode.System] = [.read2: .read2, .ctv3: .ctv3, .snomed: .snomed]
    for (own, system) in systems {
      let codes =
        SyntheticCondition.allCases.flatMap { $0.codes(own) } + SyntheticProcess.all.map { $0.code(own) }
        + SyntheticObjectionCode.allCases.map { $0.code(own) }
      for code in codes { #expect(try ClinicalCode(system: system, normalising: code).code == code) }
    }
    for code in SyntheticCondition.allCases.flatMap(\.admissionCodes) {
      #expect(try ClinicalCode(system: .icd10, normalising: code).code == code)
    }
  }

  @Test func `the objection codes are those that the objection filter knows`() throws {
    for (own, system) in [GPCodeSystem.read2: ClinicalCode.System.read2, .ctv3: .ctv3, .snomed: .snomed] {
      for code in SyntheticObjectionCode.allCases {
        let decision = ObjectionCode.decision(try ClinicalCode(system: system, normalising: code.code(own)))
        #expect(decision?.decision == (code == .type1Withdrawn ? .withdrawn : .dissent))
      }
    }
  }

  @Test func `a folder with anything else in it is left alone, a region is replaced`() throws {
    let fixture = ExtractFixture()
    fixture.write("thesis.txt", "")
    #expect(
      errorLine(fixture) { _ = try RegionWriter.write(patients: 20, seed: 1, to: fixture.folder + "/.") }
        == ".: the folder is not empty and holds no region")
    #expect(fixture.contents() == ["thesis.txt"])
    #expect(
      errorLine(fixture) { _ = try RegionWriter.write(patients: 20, seed: 1, to: fixture.folder + "/thesis.txt/r") }
        == "thesis.txt/r: the folder cannot be created")
    let folder = fixture.folder + "/region"
    _ = try RegionWriter.write(patients: 20, seed: 1, to: folder)
    let before = try bytes(of: folder)
    try FileManager.default.createDirectory(atPath: folder + "/gp/A81009", withIntermediateDirectories: true)
    _ = try RegionWriter.write(patients: 20, seed: 1, to: folder)
    #expect(try bytes(of: folder) == before)
  }

  @Test func `rows of a patient lie apart`() throws {
    _ = try SharedRegion.description.get()
    let text = try String(
      contentsOfFile: "\(SharedRegion.fixture.folder)/gp/A81002/events.csv", encoding: .utf8)
    let references = text.split(separator: "\n").dropFirst().map { $0.prefix(8) }
    let neighbours = zip(references, references.dropFirst()).count { $0 == $1 }
    #expect(neighbours < references.count / 100)
  }

  @Test func `the generator follows SplitMix64`() {
    // The published sequence of seed 1234567.
    var random = SplitMix64(seed: 1_234_567)
    #expect(
      [random.next(), random.next(), random.next()] == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ])
  }

  @Test func `the command refuses a number of patients that no region can have`() throws {
    for count in ["0", "19", "900001", "many"] {
      #expect(throws: (any Error).self) { try GenerateCommand.parse(["--patients", count, "region"]) }
    }
    let command = try GenerateCommand.parse(["--patients", "5000", "--seed", "7", "region"])
    #expect(command.patients == 5000 && command.seed == 7 && command.directory == "region")
  }

  @Test func `the table names what was written`() throws {
    let lines = try SharedRegion.description.get().table(folder: "region").split(separator: "\n")
    #expect(lines[0] == "Region of seed 42 in region, period 2026-10")
    #expect(lines.contains { $0.hasPrefix("hospital ") })
    #expect(lines.contains { $0.hasPrefix("hypertension ") })
  }
}
