import Clinical
import Contracts
import Cryptography

/// A decision about one type of objection with its clinical date (days since 1970-01-01), if it has one.
struct Decision: Equatable {
  let type: ObjectionType
  let decision: ObjectionDecision
  let day: Int32?

  init(type: ObjectionType, decision: ObjectionDecision, day: Int32?) {
    self.type = type
    self.decision = decision
    // What is no date of the calendar says nothing: then it is as if none was given.
    self.day = day.flatMap { Self.calendar ~= $0 ? $0 : nil }
  }

  /// 0001-01-01 to 9999-12-31.
  private static let calendar: ClosedRange<Int32> = -719_162...2_932_896

  /// The one of two decisions of the same type that counts.
  static func stronger(_ one: Decision, _ other: Decision) -> Decision { one.dated < other.dated ? other : one }

  var dated: DatedObjectionDecision {
    DatedObjectionDecision(decision == .dissent ? .dissent : .withdrawn, on: day.map(CalendarDate.init(day:)))
  }
}

/// What the ledger holds: what an origin was last said to say under a routing token.
struct LedgerEntry: Equatable {
  let origin: Token16
  let token: Token16
  let decision: Decision
  let isRetracted: Bool
}

/// Which statements must be written so that every routing token under which an origin has records hears its decisions.
///
/// A registration's objections follow its NHS number: when a correction moves its records to another token, the
/// decisions are stated there and retracted where they no longer belong. While an origin has no live record at all,
/// nothing is retracted, nor while its records have no number: a number that is missing is not another (fail closed).
enum ObjectionReconciliation {
  struct Need {
    let origin: Token16
    let decisions: [Decision]
    /// Tokens of the origin's live records.
    var liveTokens: Set<Token16>
    /// Whether one of those is of an NHS number.
    var isRoutedByNumber = true
    /// Tokens it speaks for anyway: of a record not admitted yet, or the NHS number an objection was sent for.
    var extraTokens: Set<Token16>
    let ledger: [LedgerEntry]
    /// Tokens that an extract no longer in force names: perhaps another person's by now, so they count only while
    /// nothing newer is known of the origin (fail closed).
    var outdatedTokens: Set<Token16> = []
    /// Per token those of the other NHS numbers of its chain: whoever objects under one objects under all.
    var aliases: [Token16: Set<Token16>] = [:]

    fileprivate func withAliases(_ tokens: Set<Token16>) -> Set<Token16> {
      aliases.isEmpty ? tokens : tokens.reduce(into: tokens) { $0.formUnion(aliases[$1] ?? []) }
    }
  }

  /// - Parameter retractsUnused: only an admission may retract; before it, nothing is known to have moved.
  static func changes(_ need: Need, retractsUnused: Bool) -> [LedgerEntry] {
    let known = need.liveTokens.union(need.extraTokens)
    let wanted = need.withAliases(known.isEmpty ? need.outdatedTokens : known)
    let retracts = retractsUnused && !need.liveTokens.isEmpty && need.isRoutedByNumber
    var tokens = wanted
    if !retracts { tokens.formUnion(need.withAliases(Set(need.ledger.filter { !$0.isRetracted }.map(\.token)))) }
    var changes: [LedgerEntry] = []
    for decision in need.decisions {
      for token in tokens.sorted() {
        let entry = LedgerEntry(origin: need.origin, token: token, decision: decision, isRetracted: false)
        if !need.ledger.contains(entry) { changes.append(entry) }
      }
    }
    if retracts {
      for entry in need.ledger where !entry.isRetracted && !wanted.contains(entry.token) {
        changes.append(
          LedgerEntry(origin: entry.origin, token: entry.token, decision: entry.decision, isRetracted: true))
      }
    }
    return changes
  }
}
