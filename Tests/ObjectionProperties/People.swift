import Clinical
import Contracts
import Cryptography

@testable import Ingestion
@testable import caredata

/// A person of a run: who they are, where they are registered now, and what they and others have said.
struct Person {
  enum Presence: Equatable { case absent, numbered, unnumbered }

  let no: Int
  let nhsNumber: String
  let birth: String
  let sex: String
  let postcode: String
  /// By organisation.
  var presence: [Presence]
  /// Objection codes that stand in the record at each practice.
  var codes: [[Entry]]
  var isListed = false

  var reference: String { "ref-\(no)" }
}

/// Where people have records. Two practices and a hospital are enough for every way in which an objection recorded in
/// one place concerns records of another.
enum Place: Int, CaseIterable {
  case practice, otherPractice, hospital

  var organisation: String { ["A81001", "A81002", "RXX01"][rawValue] }
  var source: Source { self == .hospital ? .hospital : .gp }
  static let period = "2026-10"

  func recordID(_ person: Person, _ tokens: RecordTokens) -> Token16 {
    tokens.recordID(
      PatientRecord.with {
        $0.organisation = organisation
        $0.source = source
        $0.period = Self.period
        $0.patientRef = person.reference
      })
  }
}

extension Person {
  static func make(_ no: Int, _ random: inout SplitMix64) -> Person {
    Person(
      no: no, nhsNumber: number(no), birth: CalendarDate(day: Int32(-9_000 + no)).description,
      sex: no % 2 == 0 ? "1" : "2", postcode: "LS\(1 + no % 20) \(1 + no % 9)AB",
      presence: Place.allCases.map { _ in [.absent, .numbered, .numbered, .unnumbered][random.below(4)] },
      codes: Place.allCases.map { _ in [] })
  }

  /// Of the range for test patients, with its check digit.
  private static func number(_ no: Int) -> String {
    var serial = 0
    for candidate in 999_000_000... {
      let digits = "\(candidate)".utf8.map { Int($0) - 48 }
      let sum = zip(digits, stride(from: 10, through: 2, by: -1)).reduce(0) { $0 + $1.0 * $1.1 }
      let check = (11 - sum % 11) % 11
      guard check < 10 else { continue }
      if serial == no { return "\(candidate)\(check)" }
      serial += 1
    }
    preconditionFailure("there are enough numbers")
  }

  /// - Parameter content: a day that stands in the record, so that no two submissions are the same.
  func record(
    at place: Place, in extract: String, _ sequence: Int, submittedAt: Int64, content: Int32
  ) -> PatientRecord {
    PatientRecord.with {
      $0.extractID = extract
      $0.sequence = UInt32(sequence)
      $0.organisation = place.organisation
      $0.source = place.source
      $0.period = Place.period
      $0.submittedAt = submittedAt
      $0.specification = "1"
      $0.patientRef = reference
      $0.nhsNumber = presence[place.rawValue] == .numbered ? nhsNumber : ""
      $0.dateOfBirth = birth
      $0.sex = sex
      $0.postcode = postcode
      $0.registeredFrom = place.source == .gp ? "2001-04-01" : ""
      $0.entries = [
        Entry.with {
          $0.system = place.source == .gp ? .snomed : .icd10
          $0.code = place.source == .gp ? "44054006" : "I10"
          $0.day = content
          $0.encounter = place.source == .gp ? 0 : 1
        }
      ]
      $0.entries += codes[place.rawValue]
    }
  }
}
