import Contracts
import Cryptography

/// What is known of objections per withdrawal token and scope.
struct ErasureMarks {
  private struct Scopes {
    var gp: ObjectionMark?
    var all: ObjectionMark?
  }

  struct Scope: Hashable {
    let token: Token16
    let allSources: Bool
  }

  enum Change {
    case none
    /// Reaches nothing that was not reached before.
    case noted
    case widened
  }

  private var marks: [Token16: Scopes] = [:]

  var isEmpty: Bool { marks.isEmpty }

  /// Takes in what a message or the table says.
  @discardableResult
  mutating func take(_ erasure: Erasure) -> Change {
    let scope: WritableKeyPath<Scopes, ObjectionMark?> = erasure.allSources ? \.all : \.gp
    guard let known = marks[erasure.token]?[keyPath: scope] else {
      marks[erasure.token, default: Scopes()][keyPath: scope] = erasure.mark
      return .widened
    }
    let merged = known.merged(with: erasure.mark)
    guard merged != known else { return .none }
    marks[erasure.token]![keyPath: scope] = merged
    let isWider = merged.erasedStamp > known.erasedStamp || (merged.isInForce && !known.isInForce)
    return isWider ? .widened : .noted
  }

  func mark(_ token: Token16, allSources: Bool) -> ObjectionMark? {
    allSources ? marks[token]?.all : marks[token]?.gp
  }

  /// Why a record under its own token never passes again; `nil` if it may. Only the stamp counts, not the arrival: a
  /// record admitted before the dissent stays erased however late it comes, one admitted after the dissent ended does
  /// not. Whether it is in force is the objection filter's question, which sees objections and records in one order.
  func reason(token: Token16, stamp: Int64, source: Source) -> RetractionReason? {
    guard let marks = marks[token] else { return nil }
    if let all = marks.all, stamp <= all.erasedStamp { return .type2 }
    if source == .gp, let gp = marks.gp, stamp <= gp.erasedStamp { return .type1 }
    return nil
  }
}
