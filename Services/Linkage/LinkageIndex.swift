import Contracts
import Cryptography
import Postgres
import StageKit

/// The shared index of records, what is compared of them, and their persons, in PostgreSQL.
struct LinkageIndex {
  let database: Connection
  let layout: TopicLayout

  /// Applies a batch in one transaction. Applying it again changes nothing and gives the same dispositions, unless
  /// another batch has changed the persons meanwhile.
  ///
  /// - Parameters:
  ///   - parked: kept for later, in the same transaction.
  ///   - version: of the linkage key that the batch's tokens are made under.
  /// - Throws: `StageWait` where those stored are, or are about to be, under another.
  func apply(
    _ batch: LinkageBatch, parking parked: [ParkedMessage] = [], under version: Int64 = StoredTokens.firstVersion
  ) throws -> Outcome {
    guard !batch.records.isEmpty || !batch.erasures.isEmpty || !parked.isEmpty else { return Outcome() }
    return try database.transaction {
      try begin(version)
      try ParkedMessages.store(parked, database)
      let number = try AssignmentNumber.next(database)
      let decision = try LinkageDecision(batch, reading: PostgresLinkageSource(database: database))
      let combinations = CombinationTables(database: database)
      try raise(decision.raised)
      try combinations.create(decision.created)
      try combinations.update(decision.updated.map(\.after))
      try combinations.change(decision.lookup)
      try observe(decision, batch.records)
      try end(decision.ended)
      try recognise(decision.recognised)
      try reassign(decision, batch, number: number)
      try combinations.delete(decision.deleted)
      return Outcome(dispositions: decision.dispositions, assignment: number)
    }
  }

  struct Outcome: Equatable {
    /// By event.
    var dispositions: [Disposition] = []
    /// Number of the assignments that go out for the batch.
    var assignment: Int64 = 0
  }

  /// Where no token is stored there is none to be put under another key.
  ///
  /// - Throws: `StageWait` where there are.
  func adopt(_ version: Int64) throws {
    try database.transaction {
      try LinkageLock.take(database)
      let state = try StoredTokens.state(database)
      guard state.target == nil, state.version < version else { return }
      let isEmpty = try database.query(
        """
        select not exists (select from combination where number_token is not null or length(pass_keys) > 0)
          and not exists (select from observation where demographics_token is not null)
          and not exists (select from parked)
        """
      ).bool(0, 0)
      guard isEmpty else { throw StoredTokens.wait }
      try StoredTokens.set(version, target: nil, database)
    }
  }

  /// Begins the linkage part of a transaction.
  private func begin(_ version: Int64) throws {
    try LinkageLock.take(database)
    guard try StoredTokens.current(database) == version else { throw StoredTokens.wait }
    // Plans are kept per connection and may have been made while the table was empty: without statistics a scan of
    // the whole table looks cheap until the next ANALYZE, and it would then be paid with every batch.
    try database.execute(
      "set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off")
  }

  private func raise(_ erasures: [Erasure]) throws {
    guard !erasures.isEmpty else { return }
    // What a message says has been merged with the stored mark by the decision, under the lock.
    try database.query(
      """
      insert into erased (withdrawal_token, all_sources, stamp, statement_stamp, in_force)
      select token, scope = 1, stamp, statement, in_force = 1
      from unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
        as e (token, scope, stamp, statement, in_force)
      on conflict (withdrawal_token, all_sources) do update set
        stamp = excluded.stamp, statement_stamp = excluded.statement_stamp, in_force = excluded.in_force
      """,
      [
        .tokens(erasures.map(\.token)), .intArray(erasures.map { $0.allSources ? 1 : 0 }),
        .intArray(erasures.map(\.mark.erasedStamp)), .intArray(erasures.map(\.mark.statementStamp)),
        .intArray(erasures.map { $0.mark.isInForce ? 1 : 0 }),
      ])
  }

  private func observe(_ decision: LinkageDecision, _ events: [RecordEvent]) throws {
    let new = decision.replaced.filter { !decision.isStored($0.observation.recordID) }
    try copy(new, to: "observation", decision, events)
    let former = decision.replaced.filter { decision.isStored($0.observation.recordID) }
    guard !former.isEmpty else { return }
    if try database.query("select to_regclass('pg_temp.incoming') is null").bool(0, 0) {
      try database.execute(
        "create temporary table incoming (like observation including defaults) on commit delete rows")
    }
    try copy(former, to: "pg_temp.incoming", decision, events)
    try database.query(
      """
      update observation o set
        version_time = i.version_time, version_digest = i.version_digest, stamp = i.stamp, state = i.state,
        combination = i.combination, demographics_token = i.demographics_token,
        withdrawal_token = i.withdrawal_token, source = i.source, extract_id = i.extract_id, header = i.header,
        said_time = i.said_time, said_digest = i.said_digest
      from pg_temp.incoming i where o.record_id = i.record_id
      """)
  }

  private func copy(
    _ observed: [(observation: Observation, event: Int)], to table: String, _ decision: LinkageDecision,
    _ events: [RecordEvent]
  ) throws {
    guard !observed.isEmpty else { return }
    try database.copyIn("COPY \(table) (\(Self.columns)) FROM STDIN (FORMAT binary)") { writer in
      for (observation, event) in observed {
        let combination = observation.combination.map(decision.combinationID)
        Self.write(observation, events[event], combination: combination, to: &writer)
      }
    }
  }

  private static let columns = """
    record_id, version_time, version_digest, stamp, state, demographics_token, withdrawal_token, source, \
    extract_id, header, said_time, said_digest, combination
    """

  private static func write(
    _ observation: Observation, _ event: RecordEvent, combination: Int64?, to writer: inout CopyWriter
  ) {
    writer.row(13)
    writer.token(observation.recordID)
    writer.int8(observation.version.time)
    writer.int8(observation.version.digest)
    writer.int8(observation.stamp)
    writer.int2(observation.state.rawValue)
    writer.token(observation.traces?.demographics)
    writer.token(observation.traces?.withdrawal)
    writer.int2(Int16(observation.source.rawValue))
    writer.text(event.extractID)
    writer.bytes(event.header)
    if let said = observation.said {
      writer.int8(said.time)
      writer.int8(said.digest)
    } else {
      writer.null()
      writer.null()
    }
    if let combination { writer.int8(combination) } else { writer.null() }
  }

  /// Stores the ends of observations. Publication learns of an erasure by its withdrawal; of a suppression it cannot
  /// know, so a retraction of the version it has goes through the outbox.
  private func end(_ ended: [LinkageDecision.End]) throws {
    guard !ended.isEmpty else { return }
    let rows = try database.query(
      """
      with ended as (
        update observation as o set state = e.state
        from unnest($1::bytea[], $2::bigint[]) as e (record_id, state) where o.record_id = e.record_id
        returning o.record_id, o.header, o.state)
      select record_id, header from ended where state = 4 order by record_id
      """,
      [.tokens(ended.map(\.recordID)), .intArray(ended.map { Int64($0.state.rawValue) })])
    try Outbox.append(LinkedEnvelope.suppressions(rows, layout), to: database)
  }

  /// Stores whom retracted observations were about. Their messages have gone out long ago.
  private func recognise(_ recognised: [Observation]) throws {
    guard !recognised.isEmpty else { return }
    try database.query(
      """
      update observation as o set state = r.state, demographics_token = nullif(r.demographics, ''),
        withdrawal_token = nullif(r.withdrawal, ''), said_time = r.time, said_digest = r.digest
      from unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[], $6::bigint[])
        as r (record_id, state, demographics, withdrawal, time, digest)
      where o.record_id = r.record_id
      """,
      [
        .tokens(recognised.map(\.recordID)), .intArray(recognised.map { Int64($0.state.rawValue) }),
        .bytesArray(recognised.map { $0.traces?.demographics.bytes ?? [] }),
        .bytesArray(recognised.map { $0.traces?.withdrawal.bytes ?? [] }), .intArray(recognised.map { $0.said!.time }),
        .intArray(recognised.map { $0.said!.digest }),
      ])
  }

  /// Leaves a message for each record that is another person's now, or more or less surely so, and does not go out itself,
  /// to the partition of its record.
  private func reassign(_ decision: LinkageDecision, _ batch: LinkageBatch, number: Int64) throws {
    let moved = Dictionary(uniqueKeysWithValues: decision.moved.map { ($0.id, $0) })
    guard !moved.isEmpty else { return }
    let rows = try database.query(
      """
      select record_id, header, combination from observation where combination = any($1) and state = 0
      order by record_id
      """, [.intArray(moved.keys.sorted())])
    var inline: Set<Token16> = []
    for (event, disposition) in zip(batch.records, decision.dispositions) {
      if case .record = disposition { inline.insert(event.recordID) }
    }
    let entries = LinkedEnvelope.reassignments(rows, layout) { row in
      if inline.contains(rows.token(row, 0)!) { return nil }
      let standing = moved[rows.int(row, 2)]!
      return LinkedEnvelope.Assignment(person: standing.person, rank: standing.rank, number: number)
    }
    try Outbox.append(entries, to: database)
  }
}

/// Numbers of assignments rise with the transactions that decide on persons, under the lock: of two that name a person of
/// one record the later is right.
enum AssignmentNumber {
  static func next(_ database: Connection) throws -> Int64 {
    try database.query("select nextval('assignment_number')").int(0, 0)
  }
}
