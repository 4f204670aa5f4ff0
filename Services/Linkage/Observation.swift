import Contracts
import Cryptography

/// Orders what is said of one record: the later submission, at the same time the greater content digest.
struct RecordVersion: Hashable, Comparable, Sendable {
  /// Microseconds since 1970-01-01T00:00:00Z.
  let time: Int64
  let digest: Int64

  static func < (left: Self, right: Self) -> Bool { (left.time, left.digest) < (right.time, right.digest) }
}

/// A live observation as far as the choice of its person needs it.
struct ClusterMember: Hashable, Sendable {
  let recordID: Token16
  /// Token of the NHS number; `nil`: none that is valid.
  var nhsNumber: Token16?
  /// Token of date of birth, sex and postcode; `nil`: at least one of them is missing.
  var demographics: Token16?
  /// The person decided last; `nil`: none yet.
  var person: Token16?
  /// Rises with every change of `person`, also across versions of the record.
  var assignment: Int64 = 0

  func hasTokens(of other: ClusterMember) -> Bool {
    nhsNumber == other.nhsNumber && demographics == other.demographics
  }
}

/// What the index holds of one record id: the highest version seen.
struct Observation: Hashable, Sendable {
  enum State: Int16, Sendable {
    case live = 0
    case retracted = 1
    /// Erased by an objection.
    case withdrawn = 2
  }

  /// Without tokens and person unless live: of a person who objects nothing stays that links.
  var member: ClusterMember
  var version: RecordVersion
  /// Ingestion's number of the admission, compared with the stamp of an erasure.
  var stamp: Int64
  var source: Source
  var state: State
  var withdrawal: Token16?

  var recordID: Token16 { member.recordID }

  mutating func end(as state: State) {
    self.state = state
    member.nhsNumber = nil
    member.demographics = nil
    member.person = nil
  }
}
