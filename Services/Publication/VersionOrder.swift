/// Which of several messages about one record decides its content, whatever order they arrive in.
///
/// The version is (submission time, content digest), compared in that order; at the same version a retraction wins,
/// since it is about exactly what that version said.
struct VersionOrder: Hashable, Comparable, Sendable {
  /// Of messages about the same version the highest wins; the raw values are stored.
  enum Rank: Int16, Sendable {
    case record = 0
    case corrected = 1
    case excluded = 2
    case rejected = 3
  }

  /// Microseconds since 1970-01-01T00:00:00Z.
  var time: Int64
  /// At least 0: the contract clears the top bit, so that a bigint column compares alike.
  var digest: Int64
  var rank: Rank

  /// Lower than every message: a record known only by its reassignment.
  static let none = VersionOrder(time: .min, digest: 0, rank: .record)

  func isSameVersion(as other: VersionOrder) -> Bool { time == other.time && digest == other.digest }

  static func < (left: VersionOrder, right: VersionOrder) -> Bool {
    (left.time, left.digest, left.rank.rawValue) < (right.time, right.digest, right.rank.rawValue)
  }
}

extension RecordChange {
  /// Takes in another message about the same record. What comes out does not depend on their order.
  mutating func merge(_ other: RecordChange) {
    var winner = order < other.order ? other : self
    if order.isSameVersion(as: other.order) {
      // The extract that the version is accounted to is the one of the message that counts.
      winner.extract = !isCounted && other.isCounted ? other.extract : extract
      winner.isCounted = isCounted || other.isCounted
    }
    let assigned = other.assignment > assignment ? other : self
    winner.assignment = assigned.assignment
    winner.personID = assigned.personID
    winner.rank = assigned.rank
    self = winner
  }
}

/// Reduces the messages of a batch to one change per record, because one statement cannot write a row twice.
struct RecordReduction {
  private(set) var changes: [RecordChange] = []
  private var indices: [RecordChange.ID: Int] = [:]

  mutating func add(_ change: RecordChange) {
    if let index = indices[change.recordID] {
      changes[index].merge(change)
    } else {
      indices[change.recordID] = changes.count
      changes.append(change)
    }
  }
}
