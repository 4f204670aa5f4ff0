import Contracts
import FaultyRecords
import Fuzzing

/// Extracts of made-up people of whom each place has written down something wrong, with objections of some of them.
struct FaultyExtracts {
  struct Extract: Hashable {
    let organisation: String
    let source: Source
    let period: String

    var id: String { "\(organisation)-\(period)" }
  }

  private(set) var extracts: [(extract: Extract, records: [PatientRecord])] = []
  /// NHS numbers of people who object, and to what.
  private(set) var objections: [(number: String, type: ObjectionType)] = []

  init(seed: UInt64, people: Int) {
    var records: [Extract: [PatientRecord]] = [:]
    var seen: [String: Int] = [:]
    var numbers: [Int: String] = [:]
    for record in FaultyRecords(seed: seed, people: people) {
      let source: Source = [.gp, .hospital, .community][record.source.rawValue]
      let organisation = Self.organisation(record)
      let reference = "p\(record.local)"
      // What one place has written down of somebody twice it sends in different months.
      let before = seen["\(organisation) \(reference)", default: 0]
      seen["\(organisation) \(reference)"] = before + 1
      let month = 9 - before % 9
      let extract = Extract(organisation: organisation, source: source, period: "2026-0\(month)")
      if source == .gp, numbers[record.person] == nil, let number = record.number {
        numbers[record.person] = "\(number)"
      }
      records[extract, default: []].append(Self.record(record, reference, extract, records[extract]?.count ?? 0))
    }
    extracts = records.map { ($0.key, $0.value) }.sorted { $0.extract.id < $1.extract.id }
    var random = FuzzRandom(seed: seed)
    for (_, number) in numbers.sorted(by: { $0.key < $1.key }) {
      switch random.below(100) {
      case ..<5: objections.append((number, .objectionType2))
      case ..<8: objections.append((number, .objectionType1))
      default: break
      }
    }
  }

  private static func organisation(_ record: FaultyRecord) -> String {
    switch record.source {
    case .gp: "A81\(100 + record.organisation)"
    case .hospital: "RX\(record.organisation % 10)"
    case .community: "RY\(record.organisation % 10)"
    }
  }

  private static func record(
    _ record: FaultyRecord, _ reference: String, _ extract: Extract, _ before: Int
  ) -> PatientRecord {
    PatientRecord.with {
      $0.extractID = extract.id
      $0.sequence = UInt32(before + 1)
      $0.organisation = extract.organisation
      $0.source = extract.source
      $0.period = extract.period
      $0.submittedAt = 1_000_000
      $0.specification = "1"
      $0.patientRef = reference
      $0.nhsNumber = record.number.map { String(repeating: "0", count: 10 - "\($0)".count) + "\($0)" } ?? ""
      $0.dateOfBirth = record.born?.iso ?? ""
      $0.sex = "\(record.sex)"
      $0.postcode = String(decoding: record.postcode, as: UTF8.self)
      $0.registeredFrom = extract.source == .gp ? record.born?.iso ?? "2001-04-01" : ""
      $0.entries = entries(record, before)
    }
  }

  /// So that releases count something: every other registered person has diabetes, and each hospital record is an emergency.
  private static func entries(_ record: FaultyRecord, _ before: Int) -> [Entry] {
    func entry(_ system: CodeSystem, _ code: String, encounter: UInt32 = 0) -> Entry {
      Entry.with {
        $0.system = system
        $0.code = code
        $0.day = 20_600 + Int32(before % 60)
        $0.endDay = 20_601 + Int32(before % 60)
        $0.encounter = encounter
      }
    }
    switch record.source {
    case .gp: return record.person.isMultiple(of: 2) ? [entry(.snomed, "44054006")] : []
    case .hospital: return [entry(.admissionMethod, "21", encounter: 1), entry(.icd10, "I10", encounter: 1)]
    case .community: return [entry(.communityTeam, "01", encounter: 1)]
    }
  }
}
