import Contracts
import Cryptography
import Postgres
import StageKit

/// The shared index of observations and their persons, in PostgreSQL.
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
  ) throws -> [Disposition] {
    guard !batch.records.isEmpty || !batch.erasures.isEmpty || !parked.isEmpty else { return [] }
    return try database.transaction {
      try begin(version)
      try ParkedMessages.store(parked, database)
      let decision = try LinkageDecision(batch, reading: PostgresObservationSource(database: database))
      try raise(decision.raised)
      try replace(decision.replaced, events: batch.records)
      try end(decision.ended)
      try recognise(decision.recognised)
      try reassign(decision.reassigned)
      return decision.dispositions
    }
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
        select not exists (select from observation where nhs_token is not null or demographics_token is not null)
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
    try database.execute("set local enable_seqscan = off; set local enable_hashjoin = off")
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

  private func replace(_ replaced: [(observation: Observation, event: Int)], events: [RecordEvent]) throws {
    guard !replaced.isEmpty else { return }
    if try database.query("select to_regclass('pg_temp.incoming') is null").bool(0, 0) {
      try database.execute(
        "create temporary table incoming (like observation including defaults) on commit delete rows")
    }
    try database.copyIn("COPY pg_temp.incoming (\(Self.columns)) FROM STDIN (FORMAT binary)") { writer in
      for (observation, event) in replaced { Self.write(observation, events[event], to: &writer) }
    }
    try database.query(
      """
      insert into observation (\(Self.columns)) select \(Self.columns) from pg_temp.incoming
      on conflict (record_id) do update set
        version_time = excluded.version_time, version_digest = excluded.version_digest, stamp = excluded.stamp,
        state = excluded.state, nhs_token = excluded.nhs_token, demographics_token = excluded.demographics_token,
        withdrawal_token = excluded.withdrawal_token, source = excluded.source, extract_id = excluded.extract_id,
        header = excluded.header, person_id = excluded.person_id, assignment = excluded.assignment,
        said_time = excluded.said_time, said_digest = excluded.said_digest
      """)
  }

  private static let columns = """
    record_id, version_time, version_digest, stamp, state, nhs_token, demographics_token, withdrawal_token, source, \
    extract_id, header, person_id, assignment, said_time, said_digest
    """

  private static func write(_ observation: Observation, _ event: RecordEvent, to writer: inout CopyWriter) {
    writer.row(15)
    writer.token(observation.recordID)
    writer.int8(observation.version.time)
    writer.int8(observation.version.digest)
    writer.int8(observation.stamp)
    writer.int2(observation.state.rawValue)
    writer.token(observation.member.nhsNumber)
    writer.token(observation.member.demographics)
    writer.token(observation.withdrawal)
    writer.int2(Int16(observation.source.rawValue))
    writer.text(event.extractID)
    writer.bytes(event.header)
    writer.token(observation.member.person)
    writer.int8(observation.member.assignment)
    guard let said = observation.said else {
      writer.null()
      return writer.null()
    }
    writer.int8(said.time)
    writer.int8(said.digest)
  }

  /// Stores the ends of observations. Publication learns of an erasure by its withdrawal; of a suppression it cannot
  /// know, so a retraction of the version it has goes through the outbox.
  private func end(_ ended: [LinkageDecision.End]) throws {
    guard !ended.isEmpty else { return }
    let rows = try database.query(
      """
      with ended as (
        update observation as o set state = e.state, nhs_token = null, person_id = null,
          demographics_token = case when e.state = 3 then o.demographics_token end
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
        .bytesArray(recognised.map { $0.member.demographics?.bytes ?? [] }),
        .bytesArray(recognised.map { $0.withdrawal?.bytes ?? [] }), .intArray(recognised.map { $0.said!.time }),
        .intArray(recognised.map { $0.said!.digest }),
      ])
  }

  /// Stores the new persons and leaves a message for each in the outbox, to the partition of its record.
  private func reassign(_ reassigned: [LinkageDecision.Reassignment]) throws {
    guard !reassigned.isEmpty else { return }
    let rows = try database.query(
      """
      update observation as o set person_id = r.person_id, assignment = r.assignment
      from unnest($1::bytea[], $2::bytea[], $3::bigint[]) as r (record_id, person_id, assignment)
      where o.record_id = r.record_id
      returning o.record_id, o.header, o.person_id, o.assignment
      """,
      [
        .tokens(reassigned.map(\.recordID)), .tokens(reassigned.map(\.person)),
        .intArray(reassigned.map(\.assignment)),
      ])
    try Outbox.append(LinkedEnvelope.reassignments(rows, layout), to: database)
  }
}
