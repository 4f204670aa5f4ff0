import Contracts
import Cryptography

/// The highest erasure stamps known per withdrawal token and scope.
struct ErasureMarks {
  private struct Stamps {
    var gp: Int64?
    var all: Int64?
  }

  private var marks: [Token16: Stamps] = [:]

  /// Takes an erasure in; tells whether it goes beyond what was known.
  @discardableResult
  mutating func raise(_ erasure: Erasure) -> Bool {
    let scope: WritableKeyPath<Stamps, Int64?> = erasure.allSources ? \.all : \.gp
    if let known = marks[erasure.token]?[keyPath: scope], known >= erasure.stamp { return false }
    marks[erasure.token, default: Stamps()][keyPath: scope] = erasure.stamp
    return true
  }

  func stamp(_ token: Token16, allSources: Bool) -> Int64? {
    allSources ? marks[token]?.all : marks[token]?.gp
  }

  /// Why a record never passes again; `nil` if it may. Only the stamp counts, not the arrival: a record admitted
  /// before the dissent stays erased however late it comes, one admitted after the dissent ended does not.
  func reason(token: Token16, stamp: Int64, source: Source) -> RetractionReason? {
    guard let marks = marks[token] else { return nil }
    if let all = marks.all, stamp <= all { return .type2 }
    if source == .gp, let gp = marks.gp, stamp <= gp { return .type1 }
    return nil
  }
}
