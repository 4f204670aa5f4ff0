import Contracts
import Cryptography
import Linking

/// Orders what is said of one record: the later submission, at the same time the greater content digest.
struct RecordVersion: Hashable, Comparable, Sendable {
  /// Microseconds since 1970-01-01T00:00:00Z.
  let time: Int64
  let digest: Int64

  static func < (left: Self, right: Self) -> Bool { (left.time, left.digest) < (right.time, right.digest) }
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
    /// Erased by an objection, without tokens. Only what was stored before these were kept is so.
    case withdrawn = 2
    /// Held back or erased by an objection: never sent. Its tokens are compared as those of a live one are, so that no
    /// record of the same person goes out, and none is taken for somebody else's.
    case excluded = 3
    /// Not under the objector's number, and taken for a record of a person who objects: see ``Suppression``. Comes back
    /// only with a higher version, since what it held is gone.
    case suppressed = 4
    /// Retracted, and still there to recognise others by: the newest that was said of it had a number and demographics.
    case witness = 5
  }

  /// What is left of a record that was taken back.
  struct Traces: Hashable, Sendable {
    let demographics: Token16
    let withdrawal: Token16

    /// Nil where there is no number or no demographics.
    init?(_ combination: Combination?) {
      guard let combination, combination.number != nil, let demographics = combination.demographics else { return nil }
      self.init(demographics: demographics, withdrawal: combination.withdrawal)
    }

    init(demographics: Token16, withdrawal: Token16) {
      self.demographics = demographics
      self.withdrawal = withdrawal
    }
  }

  let recordID: Token16
  var version: RecordVersion
  /// Ingestion's number of the admission, compared with the stamp of an erasure.
  var stamp: Int64
  var source: Source
  var state: State
  /// Digest of its ``Combination``; nil when it was taken back.
  var combination: Token16?
  /// Of a witness.
  var traces: Traces?
  /// Of a retracted one the newest version of which is known whose it was: whose traces it keeps, or that had none.
  /// An older one that comes late must not take their place. `nil`: none has come.
  var said: RecordVersion?

  var isRetracted: Bool { state == .retracted || state == .witness }

  /// - Parameters:
  ///   - said: newest version that is known whose it was.
  ///   - traces: of that version.
  mutating func retract(said: RecordVersion?, traces: Traces?) {
    self.said = said
    self.traces = traces
    state = traces == nil ? .retracted : .witness
    combination = nil
  }
}

/// How a combination stands: what changes of it, apart from its tokens.
struct Standing: Hashable, Sendable {
  /// 0: not stored yet.
  var id: Int64
  let digest: Token16
  /// What all combinations of the person have in common: the id of one of them, of the first that was stored. 0: none is yet.
  var cluster: Int64
  /// Smallest id of the records that have it: live, excluded and suppressed ones.
  var smallest: Token16
  /// Smallest record id of the person, after which it is named.
  var person: Token16
  /// See ``Linker/rank(_:)``.
  var rank: UInt8
  /// See ``Linker/isTrusted``. It is found by other keys when it changes.
  var isTrusted: Bool
  /// The step at which several persons answered; 0: none.
  var ambiguous: UInt8
  /// It has no number, and an objection reaches some of the records that keys lead to from it; see ``Suppression``.
  var isReached: Bool
}

/// A combination as it is stored, with the person that its records are of.
struct StoredCombination: Hashable, Sendable {
  var standing: Standing
  let combination: Combination

  var id: Int64 { standing.id }
  var digest: Token16 { standing.digest }
}
