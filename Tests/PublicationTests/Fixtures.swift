import Contracts
import Cryptography

@testable import Publication

/// SplitMix64: the same seed gives the same facts.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
}

func token(_ number: Int) -> Token16 {
  Token16(high: UInt64(number) &* 0x9E37_79B9_7F4A_7C15, low: UInt64(number))
}

/// Sources by their numbers in the contracts.
enum Sources {
  static let gp: Int16 = 1
  static let hospital: Int16 = 2
  static let community: Int16 = 3
}

func extract(
  _ id: String, organisation: String = "A81001", source: Int16 = Sources.gp, period: String = "2026-10"
) -> ExtractReference {
  ExtractReference(id: id, organisation: organisation, source: source, period: period)
}

/// A live record of version (`time`, 7).
func record(
  _ number: Int, time: Int64 = 100, stamp: Int64 = 1, extract: ExtractReference = extract("x1"), person: Int? = nil,
  assignment: Int64 = 1, rank: Int16 = 1, withdrawal: Int? = nil, facts: Facts = facts()
) -> RecordChange {
  RecordChange(
    recordID: token(number), order: VersionOrder(time: time, digest: 7, rank: .record), isCounted: true, stamp: stamp,
    extract: extract, state: .live, withdrawalToken: token(withdrawal ?? number + 1_000),
    personID: token(person ?? number + 2_000), assignment: assignment, rank: rank, facts: facts)
}

extension RecordChange {
  /// The retraction of this very version.
  func retracted(
    _ state: RecordState = .retracted, rank: VersionOrder.Rank = .corrected, isCounted: Bool = false
  ) -> RecordChange {
    var change = self
    change.order.rank = rank
    change.state = state
    change.isCounted = isCounted
    change.personID = nil
    change.assignment = 0
    change.rank = 0
    change.facts = nil
    return change
  }

  func reassigned(to person: Int, _ assignment: Int64, rank: Int16 = 1) -> RecordChange {
    var change = retracted()
    change.order = .none
    change.state = .stub
    change.stamp = 0
    change.withdrawalToken = nil
    change.personID = token(person)
    change.assignment = assignment
    change.rank = rank
    return change
  }
}

func facts(
  _ entries: [(system: Int16, code: String, day: Int32, position: Int32)] = [(1, "C10..", 20_000, 0)],
  registered from: Int32? = 18_000, to: Int32? = nil, sex: Int16 = 1, yearOfBirth: Int16 = 1950
) -> Facts {
  var attributes = Attributes()
  attributes.sex = sex
  attributes.yearOfBirth = yearOfBirth
  attributes.practice = "A81001"
  attributes.area = "TS1"
  attributes.ethnicCategory = "A"
  var clinical = ClinicalFacts()
  for entry in entries {
    clinical.systems.append(entry.system)
    clinical.codes.append(entry.code)
    clinical.days.append(entry.day)
    clinical.endDays.append(ClinicalFacts.undated)
    clinical.encounters.append(0)
    clinical.positions.append(entry.position)
  }
  clinical.registeredFrom = from
  clinical.registeredTo = to
  return Facts(attributes: attributes, clinical: clinical)
}

func batch(_ changes: RecordChange...) -> FactBatch { batch(changes) }

func batch(_ changes: [RecordChange]) -> FactBatch {
  var batch = FactBatch()
  for change in changes { batch.records.add(change) }
  return batch
}

/// - Parameter statement: stamp of the statement; `stamp` where it is not given.
func withdrawal(
  _ number: Int, allSources: Bool = true, upTo stamp: Int64, statement: Int64? = nil, inForce: Bool = true
) -> FactBatch {
  var batch = FactBatch()
  batch.add(
    .init(token: token(number), allSources: allSources),
    ObjectionMark(erasedStamp: stamp, statementStamp: statement ?? stamp, isInForce: inForce))
  return batch
}

func admission(_ extract: ExtractReference, at time: Int64 = 100, records: Int64) -> FactBatch {
  var batch = FactBatch()
  batch.admissions[extract.id] = .init(extract: extract, submittedAt: time, digest: 7, records: records)
  return batch
}
