/// What is known of the objections under one withdrawal token in one scope. Order and repetition of the messages that
/// it is made from do not matter.
public struct ObjectionMark: Hashable, Sendable {
  /// Records stamped up to here never pass again, whatever is said later.
  public var erasedStamp: Int64
  /// Of the statement that `isInForce` follows from.
  public var statementStamp: Int64
  public var isInForce: Bool

  public init(erasedStamp: Int64, statementStamp: Int64, isInForce: Bool) {
    self.erasedStamp = erasedStamp
    self.statementStamp = statementStamp
    self.isInForce = isInForce
  }

  /// The higher stamp erased; in force what the later statement says, of two with the same stamp the objection.
  public func merged(with other: Self) -> Self {
    let erased = max(erasedStamp, other.erasedStamp)
    if statementStamp == other.statementStamp {
      return Self(erasedStamp: erased, statementStamp: statementStamp, isInForce: isInForce || other.isInForce)
    }
    let later = statementStamp > other.statementStamp ? self : other
    return Self(erasedStamp: erased, statementStamp: later.statementStamp, isInForce: later.isInForce)
  }
}
