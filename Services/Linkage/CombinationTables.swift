import Cryptography
import Linking
import Postgres

/// Stores what a batch changes of combinations and of the keys that they are found by.
struct CombinationTables {
  let database: Connection

  /// - Returns: the new ids, by digest.
  func create(_ created: [StoredCombination]) throws -> [Token16: Int64] {
    guard !created.isEmpty else { return [:] }
    if try database.query("select to_regclass('pg_temp.created') is null").bool(0, 0) {
      try database.execute(
        """
        create temporary table created (
          digest bytea, source smallint, birth smallint, number bigint, number_token bytea, pass_keys bytea,
          withdrawal_token bytea
        ) on commit delete rows
        """)
    }
    try database.copyIn("COPY pg_temp.created FROM STDIN (FORMAT binary)") { writer in
      for stored in created { Self.write(stored, to: &writer) }
    }
    let rows = try database.query(
      """
      insert into combination (digest, source, birth, number, number_token, pass_keys, withdrawal_token)
      select digest, source, birth, number, number_token, pass_keys, withdrawal_token from pg_temp.created
      returning id, digest
      """)
    let ids = Dictionary(uniqueKeysWithValues: (0..<rows.count).map { (rows.token($0, 1)!, rows.int($0, 0)) })
    let numbered = created.map { (stored: $0, id: ids[$0.digest]!) }
    try stand(numbered.sorted { $0.id < $1.id })
    try insertKeys(numbered)
    return ids
  }

  private func stand(_ created: [(stored: StoredCombination, id: Int64)]) throws {
    try database.copyIn(
      "COPY standing (combination, smallest, person, rank, trusted, ambiguous) FROM STDIN (FORMAT binary)"
    ) { writer in
      for (stored, id) in created {
        writer.row(6)
        writer.int8(id)
        writer.token(stored.smallest)
        writer.token(stored.person)
        writer.int2(Int16(stored.rank))
        writer.bool(stored.isTrusted)
        writer.int2(Int16(stored.ambiguous))
      }
    }
  }

  private static func write(_ stored: StoredCombination, to writer: inout CopyWriter) {
    let combination = stored.combination
    writer.row(7)
    writer.token(stored.digest)
    writer.int2(Int16(combination.source.rawValue))
    writer.int2(Int16(combination.birth.rawValue))
    if let number = combination.number { writer.int8(Int64(bitPattern: number.high)) } else { writer.null() }
    writer.token(combination.number)
    writer.bytes(combination.passKeys)
    writer.token(combination.withdrawal)
  }

  func update(_ updated: [(before: StoredCombination, after: StoredCombination)]) throws {
    guard !updated.isEmpty else { return }
    let after = updated.map(\.after)
    try database.query(
      """
      update standing s set smallest = n.smallest, person = n.person, rank = n.rank, trusted = n.trusted = 1,
        ambiguous = n.ambiguous, reassigned = s.reassigned or n.person <> s.person or n.rank <> s.rank
      from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[])
        as n (id, smallest, person, rank, trusted, ambiguous)
      where s.combination = n.id
      """,
      [
        .intArray(after.map(\.id)), .tokens(after.map(\.smallest)), .tokens(after.map(\.person)),
        .intArray(after.map { Int64($0.rank) }), .intArray(after.map { $0.isTrusted ? 1 : 0 }),
        .intArray(after.map { Int64($0.ambiguous) }),
      ])
    let turned = updated.filter { $0.before.isTrusted != $0.after.isTrusted }
    try deleteKeys(turned.map(\.before))
    try insertKeys(turned.map { ($0.after, $0.after.id) })
  }

  func delete(_ deleted: [StoredCombination]) throws {
    guard !deleted.isEmpty else { return }
    try deleteKeys(deleted)
    let ids = Parameter.intArray(deleted.map(\.id))
    try database.query("delete from standing where combination = any($1)", [ids])
    try database.query("delete from combination where id = any($1)", [ids])
  }

  // MARK: Keys

  private static let tables = [(name: "trusted_key", isTrusted: true), (name: "other_key", isTrusted: false)]

  private func insertKeys(_ combinations: [(stored: StoredCombination, id: Int64)]) throws {
    for table in Self.tables {
      let (keys, ids) = Self.keys(combinations.filter { $0.stored.isTrusted == table.isTrusted })
      guard !keys.isEmpty else { continue }
      try database.query(
        "insert into \(table.name) (key, combination) select * from unnest($1::bigint[], $2::bigint[])",
        [.intArray(keys), .intArray(ids)])
    }
  }

  private func deleteKeys(_ combinations: [StoredCombination]) throws {
    for table in Self.tables {
      let (keys, ids) = Self.keys(combinations.filter { $0.isTrusted == table.isTrusted }.map { ($0, $0.id) })
      guard !keys.isEmpty else { continue }
      try database.query(
        """
        delete from \(table.name) k using unnest($1::bigint[], $2::bigint[]) as gone (key, combination)
        where k.key = gone.key and k.combination = gone.combination
        """, [.intArray(keys), .intArray(ids)])
    }
  }

  /// In the order of the index, each once.
  private static func keys(_ combinations: [(stored: StoredCombination, id: Int64)]) -> (keys: [Int64], ids: [Int64]) {
    var pairs: [(key: Int64, id: Int64)] = []
    for (stored, id) in combinations {
      for key in Set(stored.combination.keys(isTrusted: stored.isTrusted)) {
        pairs.append((Int64(bitPattern: key), id))
      }
    }
    pairs.sort { $0 < $1 }
    return (pairs.map(\.key), pairs.map(\.id))
  }
}
