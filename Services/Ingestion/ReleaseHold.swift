import Contracts
import Foundation
import Postgres
import StageKit

/// Why nothing may be released at a cut. Goes with every marker, so that publication refuses whoever asks.
struct ReleaseHold {
  let rule: NationalListRule

  /// Texts for an operator.
  func reasons(_ database: Connection) throws -> [String] {
    try Self.reasons(
      listFault: rule.fault(drawnAt: NationalLists.drawnAt(database), now: Date.now.microseconds),
      rejectedObjections: UnresolvedObjections.count(database))
  }

  static func reasons(listFault: String?, rejectedObjections: Int64) -> [String] {
    var reasons: [String] = []
    if let listFault { reasons.append(listFault) }
    if rejectedObjections > 0 {
      reasons.append(
        "\(rejectedObjections) rejected objections wait at ingestion; see `caredata objections rejected`")
    }
    return reasons
  }
}
