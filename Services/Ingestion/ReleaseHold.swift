import Contracts
import Foundation
import Postgres
import StageKit

/// Why nothing may be released at a cut. Goes with every marker, so that publication refuses whoever asks.
struct ReleaseHold {
  let rule: NationalListRule

  /// Texts for an operator.
  func reasons(_ database: Connection) throws -> [String] {
    let fault = try rule.fault(drawnAt: NationalLists.drawnAt(database), now: Date.now.microseconds)
    return try [fault].compactMap(\.self) + UnresolvedObjections.reasons(at: .ingestion, database)
  }
}
