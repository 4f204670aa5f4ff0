import Clinical
import Contracts
import Cryptography
import Foundation
import Postgres
import StageKit

/// The national list of objections as it comes in: its dissents hold at once, and when all of it has come it is judged
/// and whoever no longer objects is reinstated.
struct NationalLists {
  struct Entry {
    let submission: String
    let origin: Token16
    let token: Token16
    let isDissent: Bool

    /// Undated: to be on the list outweighs whatever else is known, until a later list says otherwise.
    var dissent: ObjectionLedger.Spoken {
      .init(
        origin: origin, token: token, decision: Decision(type: .objectionType2, decision: .dissent, day: nil),
        organisation: NationalLists.organisation)
    }
  }

  /// In the place of an organisation's code.
  static let organisation = "national"

  let ledger: ObjectionLedger

  /// When the whole list in force was drawn, in microseconds since 1970-01-01T00:00:00Z; nil: there is none.
  static func drawnAt(_ database: Connection) throws -> Int64? {
    let rows = try database.query(
      "select drawn_at from national_list where state = 'in_force' order by judged_at desc, no desc limit 1")
    return rows.count == 0 ? nil : rows.int(0, 0)
  }

  /// Stores what a batch brings. Returns the dissents to be recorded: of a list that is judged already, delivered
  /// again, there are none, since a later list may have reinstated people.
  func store(_ entries: [Entry], _ lists: [NationalList], _ database: Connection) throws -> [ObjectionLedger.Spoken] {
    guard !entries.isEmpty || !lists.isEmpty else { return [] }
    // Until the end of the transaction: two instances that bring a part each would not see that together it is all.
    try ledger.takeLock(database)
    for list in lists {
      try database.query(
        """
        insert into national_list (submission_id, expected, drawn_at, whole, confirmed)
        values ($1, $2, $3, $4, $5) on conflict do nothing
        """,
        [
          .text(list.submissionID), .int(Int64(list.expected)), .int(list.drawnAt), .bool(list.whole),
          .bool(list.confirmed),
        ])
    }
    guard !entries.isEmpty else { return [] }
    let judged = try database.query(
      "select submission_id from national_list where submission_id = any($1) and state <> 'open'",
      [.textArray(Set(entries.map(\.submission)).sorted())])
    let done = Set((0..<judged.count).map { judged.text($0, 0) })
    let news = entries.filter { !done.contains($0.submission) }
    guard !news.isEmpty else { return [] }
    try database.query(
      """
      insert into national_entry
      select s, o, d = 1 from unnest($1::text[], $2::bytea[], $3::bigint[]) as e(s, o, d) on conflict do nothing
      """,
      [
        .textArray(news.map(\.submission)), .bytesArray(news.map(\.origin.bytes)),
        .intArray(news.map { $0.isDissent ? 1 : 0 }),
      ])
    return news.filter(\.isDissent).map(\.dissent)
  }

  /// Judges those of these submissions that are lists of which everything has come, in the transaction that has stored
  /// what the batch brings of them. Returns their receipts.
  func judge(_ submissions: Set<String>, now: Int64, _ database: Connection) throws -> [Receipt] {
    guard !submissions.isEmpty else { return [] }
    let rows = try database.query(
      """
      select l.no::bigint, l.submission_id, l.drawn_at, l.whole, l.confirmed,
        (select count(*) from national_entry e where e.submission_id = l.submission_id and e.dissent)
      from national_list l left join submission s using (submission_id)
      where l.submission_id = any($1) and l.state = 'open' and coalesce(s.received, 0) >= l.expected
      order by l.drawn_at
      """, [.textArray(submissions.sorted())])
    return try (0..<rows.count).map { row in
      let list = NationalListJudgement.List(
        drawnAt: rows.int(row, 2), entries: rows.int(row, 5), isWhole: rows.bool(row, 3), isConfirmed: rows.bool(row, 4)
      )
      return try judge(list, no: rows.int(row, 0), submission: rows.text(row, 1), now: now, database)
    }
  }

  private func judge(
    _ list: NationalListJudgement.List, no: Int64, submission: String, now: Int64, _ database: Connection
  ) throws -> Receipt {
    let held = try database.query(
      "select drawn_at, entries from national_list where state = 'in_force' order by judged_at desc, no desc limit 1")
    let last =
      held.count == 0 ? nil : NationalListJudgement.List(drawnAt: held.int(0, 0), entries: held.int(0, 1))
    let (state, reason): (String, String)
    switch NationalListJudgement.judge(list, last: last, now: now) {
    case .refused(let refusal): (state, reason) = ("refused", refusal.rawValue)
    case .used:
      (state, reason) = (list.isWhole ? "in_force" : "answered", "")
      try reinstate(submission, list, database)
    }
    try database.query(
      "update national_list set state = $2, reason = $3, entries = $4, judged_at = $5 where no = $1::bigint",
      [.int(no), .text(state), .text(reason), .int(list.entries), .int(now)])
    // Of earlier lists nothing is needed any more but that they were.
    try database.query("delete from national_entry where submission_id = $1", [.text(submission)])
    try database.query(
      """
      delete from objection_received where submission_id in (
        select submission_id from national_list where state <> 'open' and no <> $1::bigint)
      """, [.int(no)])
    return Self.receipt(submission, state: state, reason: reason, list)
  }

  static func receipt(
    _ submission: String, state: String, reason: String, _ list: NationalListJudgement.List
  ) -> Receipt {
    Receipt.with {
      $0.id = submission
      $0.status = state == "refused" ? .nationalListRefused : .nationalListInForce
      $0.reason = reason
      $0.recordsAdmitted = UInt32(clamping: list.entries)
      // The answer for some numbers says nothing of how old the knowledge of the others is.
      if list.isWhole { $0.drawnAt = list.drawnAt }
    }
  }

  /// The receipt of the list in force again, for a broker that has forgotten: the objection filter learns its age by it.
  static func restatement(_ database: Connection) throws -> Receipt? {
    let rows = try database.query(
      """
      select submission_id, drawn_at, entries from national_list where state = 'in_force'
      order by judged_at desc, no desc limit 1
      """)
    guard rows.count > 0 else { return nil }
    return receipt(
      rows.text(0, 0), state: "in_force", reason: "", .init(drawnAt: rows.int(0, 1), entries: rows.int(0, 2)))
  }

  private func reinstate(
    _ submission: String, _ list: NationalListJudgement.List, _ database: Connection
  ) throws {
    // On any list that is not judged yet: a later one may be on its way, and its dissents were recorded as they came.
    let isListed = "exists (select from national_entry e where e.origin = d.origin and e.dissent)"
    let wasAsked = "exists (select from national_entry e where e.submission_id = $1 and e.origin = d.origin)"
    let rows = try database.query(
      """
      select d.origin from origin_decision d
      where d.organisation = '\(Self.organisation)' and d.type = 2 and d.decision = 1
        and not \(isListed) \(list.isWhole ? "" : "and " + wasAsked)
      order by d.origin
      """, list.isWhole ? [] : [.text(submission)])
    try ledger.end(
      (0..<rows.count).compactMap { Token16(bytes: rows.bytes($0, 0)) }, .objectionType2, database)
  }
}
