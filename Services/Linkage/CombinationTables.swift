import Linking
import Postgres

/// Stores what a batch changes of combinations and of what they are found by.
struct CombinationTables {
  let database: Connection

  func create(_ created: [StoredCombination]) throws {
    guard !created.isEmpty else { return }
    try database.copyIn(
      """
      COPY combination (id, source, birth, number_token, pass_keys, withdrawal_token) FROM STDIN (FORMAT binary)
      """
    ) { writer in
      for stored in created {
        writer.row(6)
        writer.int8(stored.id)
        writer.int2(Int16(stored.combination.source.rawValue))
        writer.int2(Int16(stored.combination.birth.rawValue))
        writer.token(stored.combination.number)
        writer.bytes(stored.combination.passKeys)
        writer.token(stored.combination.withdrawal)
      }
    }
    try database.copyIn(
      """
      COPY standing (combination, place, digest, cluster, smallest, person, rank, trusted, ambiguous, reached)
      FROM STDIN (FORMAT binary)
      """
    ) { writer in
      for standing in created.map(\.standing) {
        writer.row(10)
        writer.int8(standing.id)
        writer.int8(Int64(standing.digest.high))
        writer.int8(Int64(bitPattern: standing.digest.low))
        writer.int8(standing.cluster)
        writer.token(standing.smallest)
        writer.token(standing.person)
        writer.int2(Int16(standing.rank))
        writer.bool(standing.isTrusted)
        writer.int2(Int16(standing.ambiguous))
        writer.bool(standing.isReached)
      }
    }
  }

  func update(_ updated: [Standing]) throws {
    guard !updated.isEmpty else { return }
    // In the order of the table, so that each of its pages is met once.
    let updated = updated.sorted { $0.id < $1.id }
    try database.query(
      """
      update standing s set cluster = n.cluster, smallest = n.smallest, person = n.person, rank = n.rank,
        trusted = n.trusted = 1, ambiguous = n.ambiguous, reached = n.reached = 1,
        reassigned = s.reassigned or n.person <> s.person or n.rank <> s.rank
      from unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[], $6::bigint[], $7::bigint[],
          $8::bigint[])
        as n (id, cluster, smallest, person, rank, trusted, ambiguous, reached)
      where s.combination = n.id
      """,
      [
        .intArray(updated.map(\.id)), .intArray(updated.map(\.cluster)), .tokens(updated.map(\.smallest)),
        .tokens(updated.map(\.person)), .intArray(updated.map { Int64($0.rank) }),
        .intArray(updated.map { $0.isTrusted ? 1 : 0 }), .intArray(updated.map { Int64($0.ambiguous) }),
        .intArray(updated.map { $0.isReached ? 1 : 0 }),
      ])
  }

  func delete(_ deleted: [StoredCombination]) throws {
    guard !deleted.isEmpty else { return }
    let ids = Parameter.intArray(deleted.map(\.id))
    try database.query("delete from standing where combination = any($1)", [ids])
    try database.query("delete from combination where id = any($1)", [ids])
  }

  func change(_ lookup: LookupChanges) throws {
    if !lookup.removed.isEmpty {
      try database.query(
        """
        delete from lookup l using unnest($1::bigint[], $2::bigint[]) as gone (token, holder)
        where l.token = gone.token and l.holder = gone.holder
        """, [.keys(lookup.removed.map(\.token)), .intArray(lookup.removed.map(\.holder.stored))])
    }
    guard !lookup.added.isEmpty else { return }
    try database.copyIn("COPY lookup (token, holder) FROM STDIN (FORMAT binary)") { writer in
      for entry in lookup.added {
        writer.row(2)
        writer.int8(Int64(bitPattern: entry.token))
        writer.int8(entry.holder.stored)
      }
    }
  }
}
