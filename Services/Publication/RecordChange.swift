import Contracts
import Cryptography

/// What `record.state` says; the raw values are stored.
enum RecordState: Int16, Sendable {
  /// Only a reassignment has come so far.
  case stub = 0
  case live = 1
  /// Corrected away by a later extract.
  case retracted = 2
  /// Held back by an objection before it was linked.
  case excluded = 3
  /// Taken back by an objection, or arrived after it.
  case withdrawn = 4
  /// No stage could process it.
  case rejected = 5
}

/// The extract that a message belongs to.
struct ExtractReference: Hashable, Sendable {
  var id: String
  var organisation: String
  /// Number of `Source` in the contracts.
  var source: Int16
  /// YYYY-MM.
  var period: String
}

/// What is published from one record. Deleted as a whole when the record is no longer live.
struct Facts: Equatable, Sendable {
  var attributes: Attributes
  var clinical: ClinicalFacts
}

/// What one message, or several merged ones, say about one record.
struct RecordChange: Equatable, Sendable {
  typealias ID = Token16

  var recordID: ID
  var order: VersionOrder
  /// Whether ingestion numbered the message within its extract: retractions that a corrected extract caused are not
  /// among its admitted records.
  var isCounted: Bool
  var stamp: Int64
  var extract: ExtractReference
  var state: RecordState
  var withdrawalToken: Token16?
  var personID: Token16?
  /// 0: says nothing about the person.
  var assignment: Int64
  /// How sure it is that the record is this person's: 1 is the surest, 0: nothing says so.
  var rank: Int16
  /// Present exactly in state live.
  var facts: Facts?
}

/// What one batch of messages says, each record and each token once.
struct FactBatch: Sendable {
  struct Scope: Hashable, Sendable {
    var token: Token16
    var allSources: Bool
  }

  struct MarkerTag: Hashable, Sendable {
    var cutID: String
    var validatedPartition: Int64
    var pseudonymisedPartition: Int64
    var partitions: Int64
  }

  /// What the markers with one tag say about a release.
  struct MarkerContent: Equatable, Sendable {
    /// Reasons why nothing may be released.
    var heldBy: Set<String> = []
    var regimes: Set<String> = []
  }

  struct Admission: Equatable, Sendable {
    var extract: ExtractReference
    /// Microseconds since 1970-01-01T00:00:00Z.
    var submittedAt: Int64
    var digest: Int64
    var records: Int64
  }

  var records = RecordReduction()
  var withdrawals: [Scope: ObjectionMark] = [:]
  var markers: [MarkerTag: MarkerContent] = [:]
  var admissions: [String: Admission] = [:]

  mutating func add(_ scope: Scope, _ mark: ObjectionMark) {
    withdrawals[scope] = withdrawals[scope]?.merged(with: mark) ?? mark
  }

  /// A marker made anew may say something else; nothing that one of them says is lost.
  mutating func add(_ tag: MarkerTag, heldBy: some Sequence<String> = [], regime: String = "") {
    markers[tag, default: MarkerContent()].heldBy.formUnion(heldBy)
    if !regime.isEmpty { markers[tag]!.regimes.insert(regime) }
  }
}
