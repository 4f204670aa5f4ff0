import Contracts
import Cryptography
import Postgres

/// What follows for people once a list or an answer is judged: ``NationalWords`` for many at once.
///
/// `national_answer` holds what answers say that were drawn after the list in force, and the dissents of refused lists.
/// Of everybody else the list in force speaks: whoever is held to object without such an answer, and not merely on
/// behalf of a submission that is not judged yet (`origin_decision.unjudged_stamp`), is on it.
extension NationalLists {
  private static let pieceOrigins = 5_000

  /// How many objections an answer would end of those it was asked about. What only it brought itself does not count.
  func asked(
    _ submission: String, _ answer: NationalListJudgement.List, _ last: InForce?, _ database: Connection
  ) throws -> NationalListJudgement.Asked {
    let counts = try database.query(
      """
      select count(*) filter (where not (e.dissent and d.unjudged_stamp > $3)),
        count(*) filter (where not e.dissent and (a.origin is null or a.drawn_at <= $2))
      from (select origin, bool_or(dissent) as dissent from national_entry where submission_id = $1 group by 1) e
      join origin_decision d using (origin) left join national_answer a using (origin)
      where d.type = 2 and d.decision = 1
      """, [.text(submission), .int(answer.drawnAt), .int(last?.stamp ?? 0)])
    return .init(inForce: counts.int(0, 0), ending: counts.int(0, 1))
  }

  /// Gives up what is older than a list that has come into force: it would be refused once it is complete, and may never
  /// be. Of a submission whose header has not come only what came so early that it cannot have been drawn later.
  func overtake(
    _ list: NationalListJudgement.List, now: Int64, _ database: Connection
  ) throws -> (submissions: [String], receipts: [Receipt]) {
    let reason = NationalListJudgement.Refusal.olderThanTheListInForce.rawValue
    let named = try database.query(
      """
      update national_list set state = 'refused', reason = $2, judged_at = $3
      where state = 'open' and drawn_at < $1 returning submission_id, drawn_at, whole
      """, [.int(list.drawnAt), .text(reason), .int(now)])
    let nameless = try database.query(
      """
      insert into national_list (submission_id, expected, drawn_at, whole, confirmed, state, reason, judged_at)
      select submission_id, 0, 0, false, false, 'overtaken', $2, $3 from national_submission n
      where first_at < $1 and not exists (select from national_list l where l.submission_id = n.submission_id)
      returning submission_id
      """, [.int(list.drawnAt - NationalListRule.clockSkew), .text(reason), .int(now)])
    let receipts = (0..<named.count).map { row in
      Self.receipt(
        named.text(row, 0), state: "refused", reason: reason,
        .init(drawnAt: named.int(row, 1), entries: 0, isWhole: named.bool(row, 2)))
    }
    return (receipts.map(\.id) + (0..<nameless.count).map { nameless.text($0, 0) }, receipts)
  }

  /// - Parameter last: the whole list that was in force before.
  func settle(
    _ submission: String, _ list: NationalListJudgement.List, _ verdict: NationalListJudgement.Verdict,
    last: InForce?, now: Int64, _ database: Connection
  ) throws {
    let latest = now + NationalListRule.clockSkew
    let before = NationalListJudgement.believed(last?.list, now: now)
    let isInForce = list.isWhole && verdict == .used
    // What a wrong clock dates into the future is known now.
    let drawnAt = list.drawnAt > latest ? now : list.drawnAt
    if isInForce {
      try database.query(
        "delete from national_answer where drawn_at <= $1 or drawn_at > $2", [.int(drawnAt), .int(latest)])
    } else if drawnAt >= before?.drawnAt ?? .min {
      // Of what is refused only the dissents count.
      try database.query(
        """
        insert into national_answer as a
        select origin, bool_or(dissent), $2 from national_entry where submission_id = $1 \(verdict == .used ? "" : "and dissent")
        group by origin
        on conflict (origin) do update set objects = excluded.objects, drawn_at = excluded.drawn_at
        where a.drawn_at <= excluded.drawn_at or a.drawn_at > $3
        """, [.text(submission), .int(drawnAt), .int(latest)])
      try database.query(
        """
        update origin_decision d set unjudged_stamp = 0 from national_entry e join national_answer a using (origin)
        where e.submission_id = $1 and e.dissent and d.origin = e.origin and d.type = 2 and d.unjudged_stamp > 0
          and a.objects
        """, [.text(submission)])
    }
    let doubtful =
      isInForce ? try whoMayBeReinstated(by: submission, database) : try contradicted(submission, last, database)
    let listedAt = isInForce ? drawnAt : before?.drawnAt
    var rest = (0..<doubtful.count)[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Self.pieceOrigins)
      rest = rest.dropFirst(piece.count)
      let words = piece.map { row in
        (
          origin: Token16(bytes: doubtful.bytes(row, 0))!,
          drawnAt: doubtful.isNull(row, 1) ? listedAt : doubtful.int(row, 1)
        )
      }
      try reinstate(words, besides: submission, database)
    }
  }

  /// Everybody who is held to object, is not on this list, and of whom no later answer says that they do.
  private func whoMayBeReinstated(by submission: String, _ database: Connection) throws -> Rows {
    try database.query(
      """
      select d.origin, a.drawn_at from origin_decision d
      left join (select origin from national_entry where submission_id = $1 and dissent) e using (origin)
      left join national_answer a using (origin)
      where d.organisation = '\(Self.organisation)' and d.type = 2 and d.decision = 1
        and (not a.objects or (a.origin is null and e.origin is null))
      order by d.origin
      """, [.text(submission)])
  }

  /// Of those that this submission speaks of, who is held to object although what was drawn last says otherwise.
  private func contradicted(_ submission: String, _ last: InForce?, _ database: Connection) throws -> Rows {
    try database.query(
      """
      select d.origin, a.drawn_at from (select distinct origin from national_entry where submission_id = $1) e
      join origin_decision d using (origin) left join national_answer a using (origin)
      where d.type = 2 and d.decision = 1 and (not a.objects or (a.origin is null and d.unjudged_stamp > $2))
      order by d.origin
      """, [.text(submission), .int(last?.stamp ?? 0)])
  }

  /// - Parameter words: when it was drawn what says that they do not object; nil: nothing says that they do.
  private func reinstate(
    _ words: [(origin: Token16, drawnAt: Int64?)], besides submission: String, _ database: Connection
  ) throws {
    let waiting = try database.query(
      """
      select e.origin, coalesce(l.drawn_at, n.first_at + $3) from national_submission n
      join national_entry e using (submission_id) left join national_list l using (submission_id)
      where n.submission_id <> $1 and coalesce(l.state, 'open') = 'open' and e.dissent and e.origin = any($2)
      """,
      [.text(submission), .bytesArray(words.map(\.origin.bytes)), .int(NationalListRule.clockSkew)])
    var awaited: [Token16: [Int64]] = [:]
    for row in 0..<waiting.count {
      if let origin = Token16(bytes: waiting.bytes(row, 0)) { awaited[origin, default: []].append(waiting.int(row, 1)) }
    }
    var (ended, unjudged): ([Token16], [Token16]) = ([], [])
    for (origin, drawnAt) in words {
      let words = NationalWords(
        judged: drawnAt.map { [.init(objects: false, drawnAt: $0)] } ?? [], awaited: awaited[origin] ?? [])
      switch words.outcome {
      case .objects: break
      case .objectsUntilJudged: unjudged.append(origin)
      case .doesNotObject: ended.append(origin)
      }
    }
    try ledger.end(ended, .objectionType2, database)
    guard !unjudged.isEmpty else { return }
    try database.query(
      "update origin_decision set unjudged_stamp = nextval('stamp') where origin = any($1) and type = 2",
      [.bytesArray(unjudged.map(\.bytes))])
  }
}
