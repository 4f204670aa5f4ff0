/// One decision of one type, as a practice, the national list or the patient recorded it.
public struct DatedObjectionDecision: Hashable, Sendable {
  public let decision: ObjectionCode.Decision
  /// Nil when it was recorded without a date.
  public let date: CalendarDate?

  public init(_ decision: ObjectionCode.Decision, on date: CalendarDate?) {
    self.decision = decision
    self.date = date
  }
}

extension DatedObjectionDecision: Comparable {
  /// Ordered by what counts for less: the later date counts, on the same date the dissent. In doubt the patient
  /// objects: a dissent without a date outweighs everything, a withdrawal without a date nothing.
  public static func < (left: Self, right: Self) -> Bool { left.weight < right.weight }

  private var weight: (Int64, Int) {
    let rank = decision == .dissent ? 1 : 0
    guard let date else { return (decision == .dissent ? .max : .min, rank) }
    return (Int64(date.day), rank)
  }
}

extension Sequence<DatedObjectionDecision> {
  /// The decision in force among all that are known of one person and type, in any order; nil when there is none.
  public var inForce: ObjectionCode.Decision? {
    guard let strongest = self.max(), strongest.date != nil || strongest.decision == .dissent else { return nil }
    return strongest.decision
  }
}
