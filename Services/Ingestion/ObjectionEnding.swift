import Clinical
import Contracts
import Cryptography

/// Under which tokens an objection ends by what is about to be stated.
enum ObjectionEnding {
  struct Scope: Hashable {
    let token: Token16
    let type: ObjectionType
  }

  /// Only these can end one.
  static func candidates(_ changes: [LedgerEntry]) -> Set<Token16> {
    Set(changes.lazy.filter { $0.isRetracted || $0.decision.decision == .withdrawn }.map(\.token))
  }

  /// - Parameter ledger: everything stated so far under the tokens of the changes.
  static func scopes(_ changes: [LedgerEntry], ledger: [LedgerEntry]) -> Set<Scope> {
    var before: [Scope: [Token16: Decision]] = [:]
    for entry in ledger where !entry.isRetracted { before[entry.scope, default: [:]][entry.origin] = entry.decision }
    var after = before
    for entry in changes { after[entry.scope, default: [:]][entry.origin] = entry.isRetracted ? nil : entry.decision }
    return Set(
      after.keys.filter { scope in
        before[scope].map(isInForce) == true && !isInForce(after[scope] ?? [:])
      })
  }

  private static func isInForce(_ decisions: [Token16: Decision]) -> Bool {
    decisions.values.map(\.dated).inForce == .dissent
  }
}

extension LedgerEntry {
  var scope: ObjectionEnding.Scope { .init(token: token, type: decision.type) }
}
