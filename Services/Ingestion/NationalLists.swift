import Clinical
import Contracts
import Cryptography
import Foundation
import Postgres
import StageKit

/// The national list of objections, and answers of the check service for some numbers, as they come in: their dissents
/// hold at once, and when all of a submission has come it is judged and whoever no longer objects is reinstated.
struct NationalLists {
  struct Entry {
    let submission: String
    let origin: Token16
    let token: Token16
    let isDissent: Bool

    /// Undated: to be on the list outweighs whatever else is known, until a later list says otherwise.
    ///
    /// - Parameter isUnjudged: it is part of a submission that will be judged as a whole.
    func dissent(isUnjudged: Bool) -> ObjectionLedger.Spoken {
      .init(
        origin: origin, token: token, decision: Decision(type: .objectionType2, decision: .dissent, day: nil),
        organisation: NationalLists.organisation, isUnjudged: isUnjudged)
    }
  }

  /// The whole list in force.
  struct InForce {
    var list: NationalListJudgement.List
    /// Of its judging: objections on behalf of submissions not judged by then have higher ones.
    var stamp: Int64
  }

  /// In the place of an organisation's code.
  static let organisation = "national"

  let ledger: ObjectionLedger

  /// When the whole list in force was drawn, in microseconds since 1970-01-01T00:00:00Z; nil: there is none.
  static func drawnAt(_ database: Connection) throws -> Int64? { try inForce(database)?.list.drawnAt }

  static func inForce(_ database: Connection) throws -> InForce? {
    let rows = try database.query(
      """
      select drawn_at, entries, stamp from national_list where state = 'in_force'
      order by judged_at desc, no desc limit 1
      """)
    return rows.count == 0
      ? nil : InForce(list: .init(drawnAt: rows.int(0, 0), entries: rows.int(0, 1)), stamp: rows.int(0, 2))
  }

  /// Stores what a batch brings. Returns the dissents to be recorded: of a list that is judged already, delivered
  /// again, there are none, since a later list may have reinstated people.
  func store(
    _ entries: [Entry], _ lists: [NationalList], now: Int64, _ database: Connection
  ) throws -> [ObjectionLedger.Spoken] {
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
      "insert into national_submission select s, $2 from unnest($1) as n(s) on conflict do nothing",
      [.textArray(Set(news.map(\.submission)).sorted()), .int(now)])
    try database.query(
      """
      insert into national_entry
      select s, o, d = 1 from unnest($1::text[], $2::bytea[], $3::bigint[]) as e(s, o, d) on conflict do nothing
      """,
      [
        .textArray(news.map(\.submission)), .bytesArray(news.map(\.origin.bytes)),
        .intArray(news.map { $0.isDissent ? 1 : 0 }),
      ])
    return news.filter(\.isDissent).map { $0.dissent(isUnjudged: true) }
  }

  /// Judges those of these submissions that are lists of which everything has come, in the transaction that has stored
  /// what the batch brings of them. Returns their receipts, and those of lists that they have overtaken.
  func judge(_ submissions: Set<String>, now: Int64, _ database: Connection) throws -> [Receipt] {
    guard !submissions.isEmpty else { return [] }
    let rows = try database.query(
      """
      select l.submission_id, l.drawn_at, l.whole, l.confirmed,
        (select count(*) from national_entry e where e.submission_id = l.submission_id and e.dissent)
      from national_list l left join submission s using (submission_id)
      where l.submission_id = any($1) and l.state = 'open' and coalesce(s.received, 0) >= l.expected
      order by l.drawn_at
      """, [.textArray(submissions.sorted())])
    return try (0..<rows.count).flatMap { row in
      let list = NationalListJudgement.List(
        drawnAt: rows.int(row, 1), entries: rows.int(row, 4), isWhole: rows.bool(row, 2), isConfirmed: rows.bool(row, 3)
      )
      return try judge(list, rows.text(row, 0), now: now, database)
    }
  }

  private func judge(
    _ complete: NationalListJudgement.List, _ submission: String, now: Int64, _ database: Connection
  ) throws -> [Receipt] {
    let last = try Self.inForce(database)
    var list = complete
    if !list.isWhole, !list.isConfirmed { list.asked = try asked(submission, list, last, database) }
    let verdict = NationalListJudgement.judge(list, last: last?.list, now: now)
    let (state, reason) =
      switch verdict {
      case .refused(let refusal): ("refused", refusal.rawValue)
      case .used: (list.isWhole ? "in_force" : "answered", "")
      }
    // The one judged last is in force, also of two in one batch.
    try database.query(
      """
      update national_list set state = $2, reason = $3, entries = $4, stamp = nextval('stamp'), judged_at = greatest(
        $5, (select max(judged_at) + 1 from national_list where state = 'in_force'))
      where submission_id = $1
      """, [.text(submission), .text(state), .text(reason), .int(list.entries), .int(now)])
    var receipts = [Self.receipt(submission, state: state, reason: reason, list)]
    var done = [submission]
    if list.isWhole, verdict == .used {
      let overtaken = try overtake(list, now: now, database)
      receipts += overtaken.receipts
      done += overtaken.submissions
    }
    try settle(submission, list, verdict, last: last, now: now, database)
    // Of earlier lists nothing is needed any more but that they were.
    for table in ["national_entry", "national_submission"] {
      try database.query("delete from \(table) where submission_id = any($1)", [.textArray(done)])
    }
    try database.query(
      """
      delete from objection_received where submission_id in (
        select submission_id from national_list where state <> 'open' and submission_id <> $1)
      """, [.text(submission)])
    return receipts
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
}
