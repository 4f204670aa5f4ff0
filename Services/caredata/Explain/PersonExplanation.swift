import Clinical
import Contracts

/// What the identifiable zone knows of one NHS number: what was said, what became of each record, and in which releases
/// it was.
///
/// Times are microseconds since 1970-01-01T00:00:00Z.
struct PersonExplanation: Equatable {
  /// Whether this number was replaced by another one, and how many were replaced by the one in use.
  struct Chain: Equatable {
    var isReplaced = false
    var others = 0
  }

  /// What one origin says about one type of objection.
  struct Statement: Equatable {
    var type: ObjectionType
    var decision: ObjectionDecision
    /// Days since 1970-01-01; nil when undated.
    var day: Int32?
    /// An organisation's code, "national" or "patient".
    var saidBy: String
    /// Of the code in the record that says it.
    var system: CodeSystem
    var recordedAt: Int64
    /// In one order with those of records: a record with a higher one was admitted after it was said.
    var stamp: Int64
    /// The origin speaks no longer for this person.
    var isRetracted: Bool

    var dated: DatedObjectionDecision {
      DatedObjectionDecision(decision == .dissent ? .dissent : .withdrawn, on: day.map(CalendarDate.init(day:)))
    }
  }

  /// What the objection filter holds under the numbers of the chain.
  struct Filter: Equatable {
    var type1 = false
    var type2 = false
    /// Records stamped up to here never pass again: GP-sourced ones, and all.
    var erasedFromGP: Int64 = 0
    var erasedFromAll: Int64 = 0
  }

  struct Record: Equatable {
    var organisation: String
    var source: Source
    var period: String
    /// In force, or the one that took the record back.
    var extractID: String
    /// Others of the same organisation, source and period that were admitted before. Whether they had the person is not
    /// known any more.
    var earlierExtracts: Set<String> = []
    var extractState: String
    /// When the last message of its extract came.
    var receivedAt: Int64
    var stamp: Int64
    /// Not corrected away.
    var isLive: Bool
    var filter: Filter?
  }

  struct Release: Equatable {
    var id: String
    var dataset: String
    var createdAt: Int64
    /// Empty where the register does not say.
    var recipients: String
    var extracts: Set<String>
  }

  var chain = Chain()
  var statements: [Statement] = []
  var records: [Record] = []
  var releases: [Release] = []

  enum Outcome: Equatable {
    case passed
    /// Admitted when the objection was known; since when it is.
    case heldBack(ObjectionType, since: Int64?)
    /// Admitted before, and taken back since.
    case withdrawn(ObjectionType, since: Int64?)
    /// The objection has ended; what it erased comes back only when it is submitted again.
    case erased(ObjectionType)
    case retracted
  }

  /// Whether a dissent is in force, and since when it is recorded.
  func inForce(_ type: ObjectionType) -> (isDissent: Bool, since: Int64?) {
    let said = statements.filter { $0.type == type && !$0.isRetracted }
    guard said.map(\.dated).inForce == .dissent else { return (false, nil) }
    return (true, said.filter { $0.decision == .dissent }.map(\.recordedAt).min())
  }

  /// As the objection filter decides it.
  func outcome(_ record: Record) -> Outcome {
    guard record.isLive else { return .retracted }
    guard let filter = record.filter else { return .passed }
    if filter.type2 { return objected(.objectionType2, record) }
    if record.stamp <= filter.erasedFromAll { return .erased(.objectionType2) }
    guard record.source == .gp else { return .passed }
    if filter.type1 { return objected(.objectionType1, record) }
    return record.stamp <= filter.erasedFromGP ? .erased(.objectionType1) : .passed
  }

  private func objected(_ type: ObjectionType, _ record: Record) -> Outcome {
    let dissents = statements.filter { $0.type == type && !$0.isRetracted && $0.decision == .dissent }
    let since = inForce(type).since
    let wasAdmittedBefore = dissents.map(\.stamp).min().map { record.stamp < $0 } ?? false
    return wasAdmittedBefore ? .withdrawn(type, since: since) : .heldBack(type, since: since)
  }

  /// Those in force that cover the record, each since when it is recorded.
  private func objections(to record: Record) -> [(type: ObjectionType, since: Int64)] {
    [ObjectionType.objectionType2, .objectionType1].compactMap { type in
      guard type == .objectionType2 || record.source == .gp else { return nil }
      return inForce(type).since.map { (type, $0) }
    }
  }

  enum Presence: Equatable {
    case included
    /// The objection in force was recorded after the release was made. The ledger keeps what an origin said last, so
    /// an earlier objection of the same origin that had ended in between is not seen.
    case recordedLater(ObjectionType)
    /// The objection was known when the release was made.
    case objected(ObjectionType)
    /// It was erased by an objection that has ended; when that began is no longer known.
    case beforeOrDuring(ObjectionType)
    case retracted
    /// The release was made from an extract that the one in force has replaced.
    case inEarlierVersion
  }

  /// Releases that had the record's extract, or an earlier one in its place, among their inputs, and whether the record
  /// was in them.
  func presence(of record: Record) -> [(release: Release, presence: Presence)] {
    releases.compactMap { release in
      if release.extracts.contains(record.extractID) { return (release, presence(of: record, in: release)) }
      guard !release.extracts.isDisjoint(with: record.earlierExtracts) else { return nil }
      // An objection that was in force already covered the earlier version as well.
      let known = objections(to: record).filter { $0.since <= release.createdAt }
      return (release, known.first.map { .objected($0.type) } ?? .inEarlierVersion)
    }
  }

  private func presence(of record: Record, in release: Release) -> Presence {
    switch outcome(record) {
    case .passed: return .included
    case .heldBack(let type, _), .withdrawn(let type, _):
      if let known = objections(to: record).min(by: { $0.since < $1.since }), release.createdAt < known.since {
        return .recordedLater(known.type)
      }
      return .objected(type)
    case .erased(let type): return .beforeOrDuring(type)
    case .retracted: return .retracted
    }
  }
}
