import Contracts
import Cryptography
import Foundation
import KeyRing
import Postgres
import StageKit

/// Puts all routing tokens under the newest routing key, in the one transaction in which the objection ledger is stated
/// anew: so no record can go out under the new key before the objections have.
///
/// It changes which partition a person's stream lies in, and records are counted per partition until publication has
/// balanced their extract. So nothing is admitted from when a new key is seen until then; objections flow on.
struct RoutingReplacement {
  let layout: TopicLayout
  let statements: ObjectionStatements
  let sealing: SectionSealing
  /// Called between pieces: a nation's tokens take minutes.
  let progress: () -> Void

  private var version: RoutingVersion { statements.version }

  /// What it waits for; nil where nothing is to be replaced or all is.
  enum Outcome: Equatable {
    case nothing
    case waiting(extracts: Int)
    case replaced(tokens: Int)
  }

  /// - Parameter keys: that can open; the newest is to be used.
  func next(_ keys: [HeldKey], _ database: Connection) throws -> Outcome {
    guard let newest = keys.first, newest.version >= version.current else {
      throw StageError(
        .key, "stored tokens are under version \(version.current) of the routing key, which this service does not hold")
    }
    guard newest.version > version.current else {
      // Another instance has the new key already.
      return version.target == nil ? .nothing : .waiting(extracts: try Self.unsettled(database))
    }
    if version.target ?? 0 < newest.version {
      // Alone, so that no admission that began before it is still under way.
      try database.transaction {
        try version.enterAlone(database)
        if version.current < newest.version {
          try RoutingVersion.write(version.current, target: newest.version, database)
        }
      }
      _ = try version.refresh(database)
    }
    if case let rest = try Self.unsettled(database), rest > 0 { return .waiting(extracts: rest) }
    defer { _ = try? version.refresh(database) }
    return try database.transaction {
      try version.enterAlone(database)
      guard version.current < newest.version else { return .nothing }
      if case let rest = try Self.unsettled(database), rest > 0 { return .waiting(extracts: rest) }
      guard let former = keys.first(where: { $0.version == version.current }) else {
        throw StageError(
          .key,
          "stored tokens are under version \(version.current) of the routing key, which this service does not hold")
      }
      let layer = try StageKeys.orStop { try OuterLayer(from: former.secret, to: newest.secret) }
      let count = try replace(layer, database)
      try RoutingVersion.write(newest.version, target: nil, database)
      _ = try version.refresh(database)
      try statements.restate(database)
      return .replaced(tokens: count)
    }
  }

  /// Extracts that were admitted and not balanced yet. What waits in the outbox goes before all that is stated anew.
  private static func unsettled(_ database: Connection) throws -> Int {
    Int(try database.query("select count(*) from extract where state in ('admitted', 'emitted')").int(0, 0))
  }

  // MARK: Tables

  private func replace(_ layer: OuterLayer, _ database: Connection) throws -> Int {
    var count = 0
    count += try pieces("select routing_token, record_id from record_state", layer, database) { rows, tokens in
      try database.query(
        """
        update record_state r set routing_token = n.token
        from unnest($1::bytea[], $2::bytea[]) as n (id, token) where r.record_id = n.id
        """, [.bytesArray((0..<rows.count).map { rows.bytes($0, 1) }), .bytesArray(tokens.map(\.bytes))])
    }
    for table in ["statement", "ended_objection", "explanation_log"] {
      count += try distinctTokens(of: table, layer, database)
    }
    count += try superseded(layer, database)
    let staged = try database.query(
      "select no::bigint from extract where to_regclass('staged_' || no) is not null order by no")
    for row in 0..<staged.count { count += try self.staged(staged.int(row, 0), layer, database) }
    return count
  }

  /// Hands over, piece by piece, what was there at the beginning, with the new token for that in the first column.
  private func pieces(
    _ select: String, _ layer: OuterLayer, _ database: Connection, _ store: (Rows, [Token16]) throws -> Void
  ) throws -> Int {
    try database.query("declare replaced no scroll cursor for \(select)")
    var count = 0
    var rows: Rows
    repeat {
      rows = try database.query("fetch \(Self.piece) from replaced")
      let tokens = try (0..<rows.count).map { row in
        guard let token = Token16(bytes: rows.bytes(row, 0)) else {
          throw StageError(.database, "a stored routing token is no token")
        }
        return layer.replace(token)
      }
      if rows.count > 0 { try store(rows, tokens) }
      count += rows.count
      progress()
    } while rows.count == Self.piece
    try database.query("close replaced")
    return count
  }

  /// Of a table in which a token stands more than once, and in its keys.
  private func distinctTokens(of table: String, _ layer: OuterLayer, _ database: Connection) throws -> Int {
    // An end that concerns nobody by name has an empty one.
    try pieces("select distinct token from \(table) where token <> ''", layer, database) { rows, tokens in
      try database.query(
        """
        update \(table) t set token = n.token from unnest($1::bytea[], $2::bytea[]) as n (former, token)
        where t.token = n.former
        """, [.bytesArray((0..<rows.count).map { rows.bytes($0, 0) }), .bytesArray(tokens.map(\.bytes))])
    }
  }

  /// The number that replaced another is sealed with the other's token.
  private func superseded(_ layer: OuterLayer, _ database: Connection) throws -> Int {
    let rows = try database.query("select token, current_token, sealed from superseded")
    guard rows.count > 0 else { return 0 }
    var new: (tokens: [[UInt8]], current: [[UInt8]], sealed: [[UInt8]]) = ([], [], [])
    for row in 0..<rows.count {
      guard let token = Token16(bytes: rows.bytes(row, 0)), let current = Token16(bytes: rows.bytes(row, 1)) else {
        throw StageError(.database, "the table superseded holds an unreadable row")
      }
      let next = layer.replace(token)
      new.tokens.append(next.bytes)
      new.current.append(layer.replace(current).bytes)
      new.sealed.append(
        try sealing.sealNumber(try sealing.openNumber(rows.bytes(row, 2), token: token), token: next))
    }
    try database.execute("delete from superseded")
    try database.query(
      "insert into superseded select * from unnest($1::bytea[], $2::bytea[], $3::bytea[])",
      [.bytesArray(new.tokens), .bytesArray(new.current), .bytesArray(new.sealed)])
    try database.execute("update superseded_version set version = version + 1")
    return rows.count
  }

  /// What is staged goes out one day, then into another partition.
  private func staged(_ no: Int64, _ layer: OuterLayer, _ database: Connection) throws -> Int {
    try pieces("select routing_token, sequence::bigint from staged_\(no)", layer, database) { rows, tokens in
      try database.query(
        """
        update staged_\(no) s set routing_token = n.token, partition = n.partition
        from unnest($1::bigint[]::int[], $2::bytea[], $3::bigint[]) as n (sequence, token, partition)
        where s.sequence = n.sequence
        """,
        [
          .intArray((0..<rows.count).map { rows.int($0, 1) }), .bytesArray(tokens.map(\.bytes)),
          .intArray(tokens.map { Int64(layout.partition(of: $0.bytes)) }),
        ])
    }
  }

  private static let piece = 10_000
}
