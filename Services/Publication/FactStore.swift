import Contracts
import Cryptography
import Postgres
import StageKit

/// An extract of which every admitted record is accounted for.
typealias BalancedExtract = ExtractReference

/// The facts in PostgreSQL. One batch is one transaction with one statement per table.
///
/// Idempotent and independent of arrival order: a row's content is decided by ``VersionOrder``, its person by the highest
/// assignment number, and whether it may be live by the highest stamp erased for its token.
final class FactStore {
  private let database: Connection

  /// Keeps a temporary table on the connection; make a new store for a new connection.
  init(_ database: Connection) throws {
    self.database = database
    try database.execute("create temporary table if not exists incoming (like record) on commit delete rows")
  }

  /// - Parameter announce: the message that tells ingestion of a balance; sent through the outbox.
  func apply(_ batch: FactBatch, announce: (BalancedExtract) throws -> Outbox.Entry) throws {
    try database.transaction {
      try erase(batch.withdrawals)
      try write(batch.records.changes)
      try withdraw(Set(batch.withdrawals.keys.map(\.token)))
      try admit(batch.admissions.values.sorted { $0.extract.id < $1.extract.id })
      if !batch.records.changes.isEmpty || !batch.admissions.isEmpty {
        try Outbox.append(try settle().map(announce), to: database)
      }
      try mark(batch.markers)
    }
  }

  // MARK: - Records

  private func write(_ changes: [RecordChange]) throws {
    guard !changes.isEmpty else { return }
    // In order of the key: neighbouring index pages, and no deadlock between two instances.
    let sorted = changes.sorted { $0.recordID < $1.recordID }
    try database.copyIn(Self.copy) { writer in
      for change in sorted { writer.append(change) }
    }
    try database.query(Self.withholdErased)
    try database.query(Self.upsert)
  }

  private static let identifying = ["record_id"]
  /// Replaced when the incoming version wins.
  private static let versioned = [
    "version_time", "version_digest", "version_rank", "stamp", "organisation", "source", "period", "state",
    "withdrawal_token",
  ]
  /// Facts: replaced likewise, null unless live.
  static let factual = [
    "year_of_birth", "sex", "practice", "area", "ethnic_category", "registered_from", "registered_to", "systems",
    "codes", "days", "end_days", "encounters", "positions", "commissioner", "month_only",
  ]
  /// In the order that ``CopyWriter/append(_:)`` writes.
  private static let columns =
    identifying + versioned + ["extract_id", "counted_in", "person_id", "assignment", "link_rank"] + factual

  private static let copy = "COPY incoming (\(columns.joined(separator: ", "))) FROM STDIN (FORMAT binary)"

  private static let withdrawing =
    "state = \(RecordState.withdrawn.rawValue), " + factual.map { "\($0) = null" }.joined(separator: ", ")

  /// Records that arrive after the objection that covers them.
  private static let withholdErased = """
    update incoming i set \(withdrawing) from erased e
    where i.state = \(RecordState.live.rawValue) and e.withdrawal_token = i.withdrawal_token and i.stamp <= e.stamp
      and (e.all_sources or i.source = 1)
    """

  /// Writes what wins and accounts each version to its extract once, in one statement: after waiting for another
  /// instance's row the conflict clause sees that row, a look-up beforehand would not.
  private static let upsert: String = {
    let wins = """
      (excluded.version_time, excluded.version_digest, excluded.version_rank)
        > (r.version_time, r.version_digest, r.version_rank)
      """
    let isNewer = "(excluded.version_time, excluded.version_digest) > (r.version_time, r.version_digest)"
    let countsFirst = """
      (excluded.version_time, excluded.version_digest) = (r.version_time, r.version_digest)
        and r.counted_in = 0 and excluded.counted_in <> 0
      """
    let isAssigned = "excluded.assignment > r.assignment"
    func take(_ columns: [String], when condition: String) -> String {
      columns.map { "\($0) = case when \(condition) then excluded.\($0) else r.\($0) end" }.joined(separator: ",\n  ")
    }
    let selected = columns.map { $0 == "counted_in" ? "i.counted_in * b.serial" : "i.\($0)" }
    return """
      with b as materialized (select nextval('batch_serial') as serial),
      written as (
        insert into record as r (\(columns.joined(separator: ", ")))
        select \(selected.joined(separator: ", ")) from incoming i, b order by i.record_id
        on conflict (record_id) do update set
        \(take(versioned + factual, when: wins)),
        \(take(["extract_id", "counted_in"], when: "\(isNewer) or \(countsFirst)")),
        \(take(["person_id", "assignment", "link_rank"], when: isAssigned))
        where \(wins) or \(countsFirst) or \(isAssigned)
        returning r.extract_id, r.organisation, r.source, r.period, r.version_time, r.counted_in)
      insert into extract_balance as e
      select extract_id, min(organisation), min(source), min(period), max(version_time), 0, null, count(*), false
      from written, b where counted_in = serial group by extract_id order by extract_id
      on conflict (extract_id) do update set accounted = e.accounted + excluded.accounted
      """
  }()

  // MARK: - Withdrawals

  private func erase(_ withdrawals: [FactBatch.Scope: ObjectionMark]) throws {
    guard !withdrawals.isEmpty else { return }
    let sorted = withdrawals.sorted {
      ($0.key.token, $0.key.allSources ? 1 : 0) < ($1.key.token, $1.key.allSources ? 1 : 0)
    }
    try database.query(
      """
      insert into erased as e (withdrawal_token, all_sources, stamp, statement_stamp, in_force)
      select token, all_sources = 1, stamp, statement, in_force = 1
      from unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
        as w (token, all_sources, stamp, statement, in_force)
      on conflict (withdrawal_token, all_sources) do update set
        stamp = greatest(e.stamp, excluded.stamp),
        statement_stamp = greatest(e.statement_stamp, excluded.statement_stamp),
        in_force = case when e.statement_stamp > excluded.statement_stamp then e.in_force
          when e.statement_stamp < excluded.statement_stamp then excluded.in_force
          else e.in_force or excluded.in_force end
      where e.stamp < excluded.stamp or e.statement_stamp < excluded.statement_stamp
        or (e.statement_stamp = excluded.statement_stamp and excluded.in_force and not e.in_force)
      """,
      [
        .bytesArray(sorted.map(\.key.token.bytes)), .intArray(sorted.map { $0.key.allSources ? 1 : 0 }),
        .intArray(sorted.map(\.value.erasedStamp)), .intArray(sorted.map(\.value.statementStamp)),
        .intArray(sorted.map { $0.value.isInForce ? 1 : 0 }),
      ])
  }

  private func withdraw(_ tokens: Set<Token16>) throws {
    guard !tokens.isEmpty else { return }
    try database.query(
      """
      update record r set \(Self.withdrawing) from erased e
      where e.withdrawal_token = any($1::bytea[]) and r.withdrawal_token = e.withdrawal_token
        and r.state = \(RecordState.live.rawValue) and r.stamp <= e.stamp and (e.all_sources or r.source = 1)
      """,
      [.bytesArray(tokens.sorted().map(\.bytes))])
  }

  // MARK: - Balance and cut

  private func admit(_ admissions: [FactBatch.Admission]) throws {
    guard !admissions.isEmpty else { return }
    try database.query(
      """
      insert into extract_balance as e
      select id, organisation, source, period, time, digest, records, 0, false
      from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
        as a (id, organisation, source, period, time, digest, records)
      on conflict (extract_id) do update set organisation = excluded.organisation, source = excluded.source,
        period = excluded.period, version_time = excluded.version_time, version_digest = excluded.version_digest,
        admitted = excluded.admitted
      """,
      [
        .textArray(admissions.map(\.extract.id)), .textArray(admissions.map(\.extract.organisation)),
        .intArray(admissions.map { Int64($0.extract.source) }), .textArray(admissions.map(\.extract.period)),
        .intArray(admissions.map(\.submittedAt)), .intArray(admissions.map(\.digest)),
        .intArray(admissions.map(\.records)),
      ])
  }

  /// Extracts that have become balanced, each returned once for ever.
  private func settle() throws -> [BalancedExtract] {
    let rows = try database.query(
      """
      update extract_balance set balanced = true where not balanced and accounted = admitted
      returning extract_id, organisation, source, period
      """)
    return (0..<rows.count).map { row in
      BalancedExtract(
        id: rows.text(row, 0), organisation: rows.text(row, 1), source: Int16(rows.int(row, 2)),
        period: rows.text(row, 3))
    }
  }

  private func mark(_ markers: [FactBatch.MarkerTag: FactBatch.MarkerContent]) throws {
    guard !markers.isEmpty else { return }
    let markers = Array(markers)
    func lines(_ texts: Set<String>) -> String { texts.sorted().joined(separator: "\n") }
    try database.query(
      """
      insert into cut as c
        (cut_id, validated_partition, pseudonymised_partition, partitions, held_by, regimes)
      select id, validated, pseudonymised, partitions, string_to_array(held_by, E'\\n'), string_to_array(regimes, E'\\n')
      from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
        as m (id, validated, pseudonymised, partitions, held_by, regimes)
      on conflict (cut_id, validated_partition, pseudonymised_partition, partitions) do update set
        held_by = array(select distinct unnest(c.held_by || excluded.held_by) order by 1),
        regimes = array(select distinct unnest(c.regimes || excluded.regimes) order by 1)
      where not (c.held_by @> excluded.held_by and c.regimes @> excluded.regimes)
      """,
      [
        .textArray(markers.map(\.key.cutID)), .intArray(markers.map(\.key.validatedPartition)),
        .intArray(markers.map(\.key.pseudonymisedPartition)), .intArray(markers.map(\.key.partitions)),
        .textArray(markers.map { lines($0.value.heldBy) }), .textArray(markers.map { lines($0.value.regimes) }),
      ])
  }
}

extension CopyWriter {
  /// One row in the order of `FactStore.columns`.
  fileprivate mutating func append(_ change: RecordChange) {
    row(30)
    change.recordID.withUnsafeBytes { bytes($0) }
    int8(change.order.time)
    int8(change.order.digest)
    int2(change.order.rank.rawValue)
    int8(change.stamp)
    text(change.extract.organisation)
    int2(change.extract.source)
    text(change.extract.period)
    int2(change.state.rawValue)
    token(change.withdrawalToken)
    text(change.extract.id)
    int8(change.isCounted ? 1 : 0)
    token(change.personID)
    int8(change.assignment)
    int2(change.rank)
    guard let facts = change.facts else {
      for _ in FactStore.factual { null() }
      return
    }
    int2(facts.attributes.yearOfBirth)
    int2(facts.attributes.sex)
    text(facts.attributes.practice)
    text(facts.attributes.area)
    text(facts.attributes.ethnicCategory)
    date(facts.clinical.registeredFrom)
    date(facts.clinical.registeredTo)
    int2Array(facts.clinical.systems)
    textArray(facts.clinical.codes)
    int4Array(facts.clinical.days)
    int4Array(facts.clinical.endDays)
    int4Array(facts.clinical.encounters)
    int4Array(facts.clinical.positions)
    text(facts.attributes.commissioner)
    int4Array(facts.clinical.monthOnly)
  }

  private mutating func token(_ token: Token16?) {
    if let token { token.withUnsafeBytes { bytes($0) } } else { null() }
  }

  private mutating func date(_ day: Int32?) {
    if let day { date(day1970: day) } else { null() }
  }
}
