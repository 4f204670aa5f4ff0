import Clinical
import Fuzzing

/// Records of people of whom sources have written down something wrong, at the rates of ``ErrorRates``.
///
/// Everybody is registered with a practice, 15 in 100 have a second record there or at another one; how often hospitals
/// and community services see somebody depends on age. At an organisation a person has one local id, and another for 10 in
/// 100 of its records, 50 in 100 where the number is missing or fails its check digit, for then the person is less often
/// recognised.
public struct FaultyRecords: Sequence {
  private let households: Households
  private let records: [FaultyRecord]

  public var people: Int { households.people.count }
  public var count: Int { records.count }

  public init(seed: UInt64, people count: Int) {
    households = Households(seed: seed, people: count)
    var making = Making(households: households, seed: seed)
    for person in households.people.indices { making.addRecords(of: person) }
    records = making.records
  }

  /// One postal district after the other, by where people live.
  public var byDistrict: [FaultyRecord] {
    let districts = records.map { households.households[households.people[$0.person].household].district }
    return records.indices.sorted { (districts[$0], $0) < (districts[$1], $1) }.map { records[$0] }
  }

  public func makeIterator() -> IndexingIterator<[FaultyRecord]> { records.makeIterator() }
}

private struct Making {
  private(set) var records: [FaultyRecord] = []
  private let households: Households
  private var mistakes: Mistakes
  private var random: FuzzRandom
  private var locals: [Int: Int] = [:]
  private var nextLocal = 0

  private static let organisations = (hospital: 60, community: 62, most: 64)

  init(households: Households, seed: UInt64) {
    self.households = households
    random = FuzzRandom(seed: seed ^ 0x7265_636F_7264)
    mistakes = Mistakes(households: households, random: FuzzRandom(seed: seed ^ 0x6D69_7374_616B_65))
  }

  mutating func addRecords(of person: Int) {
    let age = households.people[person].age
    let household = households.households[households.people[person].household]
    let practice = (household.district * 2 + person % 2) % Self.organisations.hospital
    add(person, .gp, practice)
    if random.chance(15) {
      let isElsewhere = household.oldPostcode != nil && random.chance(70)
      add(person, .gp, isElsewhere ? (practice + 1) % Self.organisations.hospital : practice)
    }
    let (hospital, community) =
      switch age {
      case ..<1: (2.0, 2.5)
      case ..<18: (1.0, 0.8)
      case ..<65: (1.2, 0.6)
      default: (4.0, 3.0)
      }
    for _ in 0..<random.poisson(hospital) { add(person, .hospital, Self.organisations.hospital + other()) }
    for _ in 0..<random.poisson(community) { add(person, .community, Self.organisations.community + other()) }
  }

  private mutating func other() -> Int { random.chance(85) ? 0 : 1 }

  private mutating func add(_ person: Int, _ source: FaultyRecord.Source, _ organisation: Int) {
    let (born, sex) = (households.people[person].born, households.people[person].sex)
    var record = FaultyRecord(
      person: person, source: source, organisation: organisation, number: nil, born: born, sex: sex,
      postcode: households.households[households.people[person].household].postcode, local: 0)
    mistakes.make(in: &record)
    let key = person * Self.organisations.most + organisation
    let isRecognised = record.number.map { NHSNumber.checkDigit(ofFirstNine: Int($0 / 10)) == Int($0 % 10) } ?? false
    if let known = locals[key], !random.chance(isRecognised ? 10 : 50) {
      record.local = known
    } else {
      nextLocal += 1
      record.local = nextLocal
      if locals[key] == nil { locals[key] = nextLocal }
    }
    records.append(record)
  }
}
