import Contracts
import Cryptography

/// Which observations without an NHS number are taken for those of a person who objects.
///
/// An objection is known under a person's number, and a record without one comes under a token of its own. It is
/// withdrawn where an observation with a number, live, suppressing or taken back, shares its date of birth, sex and
/// postcode, and an objection under that number covers its source and stamp. Where several numbers share them, one that
/// objects is enough: better a twin's record too few than an objector's too many. Once the objection has ended, only
/// what was stamped before its end is covered.
struct DemographicCover {
  private struct Reach {
    var isInForce = false
    var erasedStamp = Int64.min

    mutating func widen(_ mark: ObjectionMark) {
      isInForce = isInForce || mark.isInForce
      erasedStamp = max(erasedStamp, mark.erasedStamp)
    }

    func covers(_ stamp: Int64) -> Bool { isInForce || stamp <= erasedStamp }
  }

  private var gp: [Token16: Reach] = [:]
  private var all: [Token16: Reach] = [:]

  /// Adds what is known under the withdrawal token of an observation that has a number and these demographics.
  /// Returns whether that is anything.
  @discardableResult
  mutating func add(_ token: Token16, at demographics: Token16, _ marks: ErasureMarks) -> Bool {
    let (fromGP, fromAll) = (marks.mark(token, allSources: false), marks.mark(token, allSources: true))
    if let fromGP { gp[demographics, default: Reach()].widen(fromGP) }
    if let fromAll { all[demographics, default: Reach()].widen(fromAll) }
    return fromGP != nil || fromAll != nil
  }

  /// False for everything but a live observation without a number.
  func covers(_ observation: Observation) -> Bool {
    guard let demographics = observation.unnumberedDemographics else { return false }
    if let reach = all[demographics], reach.covers(observation.stamp) { return true }
    guard observation.source == .gp, let reach = gp[demographics] else { return false }
    return reach.covers(observation.stamp)
  }
}
