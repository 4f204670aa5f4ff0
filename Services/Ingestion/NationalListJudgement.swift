import Contracts

/// Whether a national list of objections may be used. Whoever is no longer on it is reinstated, so a list that was cut
/// short on its way would undo objections without anybody having withdrawn them.
enum NationalListJudgement {
  struct List: Equatable {
    /// Microseconds since 1970-01-01T00:00:00Z.
    var drawnAt: Int64
    /// Different people who object.
    var entries: Int64
    var isWhole = true
    var isConfirmed = false
  }

  enum Verdict: Equatable {
    case used
    case refused(Refusal)
  }

  /// Part of receipts: a closed list.
  enum Refusal: String, CaseIterable {
    case drawnInTheFuture = "drawn_in_the_future"
    case olderThanTheListInForce = "older_than_the_list_in_force"
    case empty = "list_empty"
    case shrunk = "list_more_than_1_percent_smaller"
  }

  /// - Parameter last: the whole list in force; nil: there is none.
  static func judge(_ list: List, last: List?, now: Int64) -> Verdict {
    let latest = now + NationalListRule.clockSkew
    if list.drawnAt > latest { return .refused(.drawnInTheFuture) }
    // What a wrong clock has put in force must not keep every right list out.
    let last = last.flatMap { $0.drawnAt > latest ? nil : $0 }
    if let last, list.drawnAt < last.drawnAt { return .refused(.olderThanTheListInForce) }
    guard list.isWhole, !list.isConfirmed else { return .used }
    if list.entries == 0 { return .refused(.empty) }
    if let last, list.entries * 100 < last.entries * 99 { return .refused(.shrunk) }
    return .used
  }
}
