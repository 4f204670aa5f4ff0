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
///
/// Of a record that was taken back, for whatever reason, two keyed tokens stay where it had a number and demographics:
/// that of the demographics and the withdrawal token. They are of no person and leave the index never; all they do is to
/// tell, if an objection under the number is known, that a record without one is the same person's. They stay of people
/// who do not object (yet) as well, and after an organisation has left and had everything erased. Without that it would
/// depend on whether the objection or the retraction came first, and so on batches and instances, which of an objector's
/// records are published: nothing in linkage may depend on that, and an objection is to win whenever it comes. What the
/// organisation sent is gone all the same: no number, attribute or entry is kept, and no key is here to make a token.
struct Observation: Hashable, Sendable {
  enum State: Int16, Sendable {
    case live = 0
    case retracted = 1
    /// Erased by an objection under its own token, and of no use to recognise other records by.
    case withdrawn = 2
    /// Held back or erased by an objection. Had a number and still has its demographics: never sent and of no person,
    /// it is there so that records of the same person without a number are recognised.
    case suppressing = 3
    /// Without a number, and taken for a record of a person who objects: see ``DemographicCover``. Comes back only with
    /// a higher version, since what it held is gone.
    case suppressed = 4
    /// Retracted, and still there as a suppressing one is: the newest that was said of it had a number and demographics.
    case witness = 5
  }

  /// Without person unless live, without demographics unless it witnesses or is live, without a number's token unless
  /// live: of a person who objects nothing stays that links by number.
  var member: ClusterMember
  var version: RecordVersion
  /// Ingestion's number of the admission, compared with the stamp of an erasure.
  var stamp: Int64
  var source: Source
  var state: State
  var withdrawal: Token16?
  /// Of a retracted one the newest version of which is known whose it was: whose demographics it keeps, or that had none.
  /// An older one that comes late must not take their place. `nil`: none has come.
  var said: RecordVersion?

  var recordID: Token16 { member.recordID }

  mutating func end(as state: State) {
    self.state = state
    member.nhsNumber = nil
    if state != .suppressing && state != .witness { member.demographics = nil }
    member.person = nil
  }

  var isRetracted: Bool { state == .retracted || state == .witness }

  /// Makes a retraction remember whom the record was about.
  /// - Parameter before: what was known of the record until now; its version is not higher.
  mutating func retract(_ before: Observation) {
    said = before.isRetracted ? before.said : before.version
    state = before.witnessed == nil ? .retracted : .witness
    member.demographics = before.witnessed
    withdrawal = before.witnessed == nil ? nil : before.withdrawal
  }

  /// What an erasure under its own token makes of it.
  mutating func erase() {
    end(as: member.nhsNumber != nil && member.demographics != nil ? .suppressing : .withdrawn)
  }

  /// Demographics by which records without a number are recognised as of the same person.
  var witnessed: Token16? {
    switch state {
    case .live: member.nhsNumber == nil ? nil : member.demographics
    case .suppressing, .witness: member.demographics
    case .retracted, .withdrawn, .suppressed: nil
    }
  }

  /// Demographics that decide whether it is somebody's who objects.
  var unnumberedDemographics: Token16? {
    state == .live && member.nhsNumber == nil ? member.demographics : nil
  }
}

/// An objection under the number of an observation, live, suppressing or retracted, that has these demographics.
struct Witness: Hashable, Sendable {
  let recordID: Token16
  let demographics: Token16
  let erasure: Erasure
}
