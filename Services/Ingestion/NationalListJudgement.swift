import Contracts

/// Whether a national list of objections, or an answer of the check service, may be used. Whoever is no longer on the
/// list is reinstated, so a list that was cut short on its way would undo objections without anybody having withdrawn
/// them; and so would an answer that merely repeats what was asked.
enum NationalListJudgement {
  struct List: Equatable {
    /// Microseconds since 1970-01-01T00:00:00Z.
    var drawnAt: Int64
    /// Different people who object.
    var entries: Int64
    var isWhole = true
    var isConfirmed = false
    /// Of an answer: the national objections in force of those asked, and how many of these it would end.
    var asked = Asked()
  }

  struct Asked: Equatable {
    var inForce: Int64 = 0
    var ending: Int64 = 0
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
    case endsTooMany = "answer_ends_more_than_1_percent"
  }

  /// - Parameter last: the whole list in force; nil: there is none.
  static func judge(_ list: List, last: List?, now: Int64) -> Verdict {
    if list.drawnAt > now + NationalListRule.clockSkew { return .refused(.drawnInTheFuture) }
    let last = believed(last, now: now)
    if let last, list.drawnAt < last.drawnAt { return .refused(.olderThanTheListInForce) }
    if list.isConfirmed { return .used }
    guard list.isWhole else {
      // One person may always change their mind.
      let asked = list.asked
      return asked.ending > 1 && asked.ending * 100 > asked.inForce ? .refused(.endsTooMany) : .used
    }
    if list.entries == 0 { return .refused(.empty) }
    if let last, list.entries * 100 < last.entries * 99 { return .refused(.shrunk) }
    return .used
  }

  /// What a wrong clock has put in force must not keep every right list out.
  static func believed(_ last: List?, now: Int64) -> List? {
    last.flatMap { $0.drawnAt > now + NationalListRule.clockSkew ? nil : $0 }
  }
}
