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

/// The objections under one routing token, and the rule that decides on its records.
///
/// - The latest dated decision over all origins wins; on the same day dissent wins; an undated dissent is in force
///   whatever else is said, an undated withdrawal says nothing (fail closed).
/// - Type 1 covers GP-sourced records, Type 2 and the national opt-out every source.
/// - A record stamped up to an erasure never passes again, whatever the present decision says.
struct Subject: Equatable {
  private(set) var statements: [Statement] = []
  private(set) var erasedFromGP: Int64 = 0
  private(set) var erasedFromAll: Int64 = 0

  init() {}

  init(statements: [Statement], erasedFromGP: Int64, erasedFromAll: Int64) {
    self.statements = statements
    self.erasedFromGP = erasedFromGP
    self.erasedFromAll = erasedFromAll
  }

  func isDissentInForce(_ type: ObjectionType) -> Bool {
    statements.lazy.filter { $0.type == type && !$0.isRetracted }.map(\.dated).inForce == .dissent
  }

  func verdict(source: Source, stamp: Int64) -> Verdict {
    if stamp <= erasedFromAll || isDissentInForce(.objectionType2) { return .excluded(.type2) }
    if source == .gp, stamp <= erasedFromGP || isDissentInForce(.objectionType1) { return .excluded(.type1) }
    return .passes
  }

  /// Takes a statement in. Returns whether it was news; an older or equal stamp of the same origin and type is not.
  ///
  /// - Parameter highestStamp: the highest stamp seen in the partition: a record may have been stamped after the
  ///   objection and still have come first, and it must be erased as well.
  mutating func take(_ statement: Statement, highestStamp: Int64) -> Bool {
    if let index = statements.firstIndex(where: { $0.origin == statement.origin && $0.type == statement.type }) {
      guard statements[index].stamp < statement.stamp else { return false }
      statements[index] = statement
    } else {
      statements.append(statement)
    }
    if isDissentInForce(statement.type) {
      let erased = max(statement.stamp, highestStamp)
      switch statement.type {
      case .objectionType1: erasedFromGP = max(erasedFromGP, erased)
      default: erasedFromAll = max(erasedFromAll, erased)
      }
    }
    return true
  }
}
