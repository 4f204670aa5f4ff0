import Clinical
import Contracts
import Cryptography

/// What one origin (a registration, the national list, the patient) says about one type of objection.
struct Statement: Equatable {
  let origin: Token16
  let type: ObjectionType
  let decision: ObjectionDecision
  /// Clinical date as days since 1970-01-01; `nil` when undated.
  let day: Int32?
  let stamp: Int64
  let isRetracted: Bool

  var dated: DatedObjectionDecision {
    DatedObjectionDecision(decision == .dissent ? .dissent : .withdrawn, on: day.map(CalendarDate.init(day:)))
  }
}

/// Whether a record may pass.
enum Verdict: Equatable {
  case passes
  case excluded(RetractionReason)
}

/// All that the fate of a person's records depends on: per scope the stamp up to which none passes.
///
/// Kept in memory for every objector, so it is no larger than that.
struct Barrier: Equatable {
  /// While an objection is in force: nothing passes, whatever its stamp.
  static let closed = Int64.max

  /// Of GP-sourced records.
  var gp: Int64 = 0
  /// Of records from every source.
  var all: Int64 = 0

  var isOpen: Bool { gp == 0 && all == 0 }

  @inline(__always)
  func verdict(source: Source, stamp: Int64) -> Verdict {
    if stamp <= all { return .excluded(.type2) }
    if source == .gp, stamp <= gp { return .excluded(.type1) }
    return .passes
  }
}

/// What the statements of one type amount to under one routing token.
struct ObjectionScope: Equatable {
  var isInForce = false
  /// Records stamped up to here never pass again; 0 when there was never a dissent.
  var erased: Int64 = 0
  /// Of the latest statement taken.
  var stamp: Int64 = 0

  var barrier: Int64 { isInForce ? Barrier.closed : erased }

  /// Nothing ever passed differently for it, so nobody downstream has to be told.
  var hadDissent: Bool { erased > 0 || isInForce }
}

/// The objections under one routing token, and the rule that decides on its records.
///
/// - The latest dated decision over all origins wins; on the same day dissent wins; an undated dissent is in force
///   whatever else is said, an undated withdrawal says nothing (fail closed).
/// - Type 1 covers GP-sourced records, Type 2 and the national opt-out every source.
/// - A record stamped before or during an objection never passes again, whatever the present decision says: the
///   erasure rises at each dissent and once more when the objection ends.
struct Subject: Equatable {
  private(set) var statements: [Statement] = []
  private(set) var gp = ObjectionScope()
  private(set) var all = ObjectionScope()

  init() {}

  init(statements: [Statement], gp: ObjectionScope, all: ObjectionScope) {
    self.statements = statements
    self.gp = gp
    self.all = all
  }

  /// For loading; no statement is judged.
  mutating func add(loaded statement: Statement) { statements.append(statement) }

  var barrier: Barrier { Barrier(gp: gp.barrier, all: all.barrier) }

  func verdict(source: Source, stamp: Int64) -> Verdict { barrier.verdict(source: source, stamp: stamp) }

  /// Takes a statement in. Returns whether it was news; an older or equal stamp of the same origin and type is not.
  ///
  /// - Parameter highestStamp: the highest stamp seen in the partition: a record may have been stamped after the
  ///   objection and still have come first, and it must be erased as well.
  ///   Nil: it is stated anew under another token, and what it erases is known by its end only: of the statements that
  ///   led there some have been replaced since, so on the way something can be in force that never was.
  mutating func take(_ statement: Statement, highestStamp: Int64?) -> Bool {
    if let index = statements.firstIndex(where: { $0.origin == statement.origin && $0.type == statement.type }) {
      guard statements[index].stamp < statement.stamp else { return false }
      statements[index] = statement
    } else {
      statements.append(statement)
    }
    let isDissent = isDissentInForce(statement.type)
    if statement.type == .objectionType1 {
      Self.advance(&gp, isDissent: isDissent, by: statement, highestStamp)
    } else {
      Self.advance(&all, isDissent: isDissent, by: statement, highestStamp)
    }
    return true
  }

  private static func advance(
    _ scope: inout ObjectionScope, isDissent: Bool, by statement: Statement, _ highestStamp: Int64?
  ) {
    if highestStamp == nil {
      // Nothing is erased by it yet.
    } else if isDissent {
      scope.erased = max(scope.erased, statement.stamp, highestStamp ?? 0)
    } else if scope.isInForce {
      scope.erased = max(scope.erased, statement.stamp)
    }
    // Whether it is in force, downstream the later stamp says: a change must not look as old as what it changes.
    let isChange = scope.isInForce != isDissent
    scope.stamp = max(scope.stamp + (isChange ? 1 : 0), statement.stamp)
    scope.isInForce = isDissent
  }

  private func isDissentInForce(_ type: ObjectionType) -> Bool {
    statements.lazy.filter { $0.type == type && !$0.isRetracted }.map(\.dated).inForce == .dissent
  }
}
