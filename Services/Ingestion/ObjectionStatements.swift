import Contracts
import Cryptography
import Foundation
import Postgres
import StageKit

/// What `validated` was told about objections under which routing token: the table, and the messages.
struct ObjectionStatements {
  let layout: TopicLayout
  let version: RoutingVersion

  /// Stands for "no date" in arrays, which carry no nulls.
  static let undated = Int32.min

  func rows(where condition: String, _ parameters: [Parameter], _ database: Connection) throws -> [LedgerEntry] {
    let rows = try database.query("select \(Self.columns) from statement where \(condition)", parameters)
    return (0..<rows.count).map { Self.entry(rows, $0) }
  }

  /// - Parameters:
  ///   - organisations: by origin, where it speaks.
  ///   - reserved: stamps for retractions, taken before those of the records that go with them.
  func write(
    _ changes: [LedgerEntry], from organisations: [Token16: String], reserved: [Int64] = [], _ database: Connection
  ) throws {
    guard !changes.isEmpty else { return }
    let candidates = ObjectionEnding.candidates(changes)
    let ended =
      candidates.isEmpty
      ? []
      : ObjectionEnding.scopes(
        changes.filter { candidates.contains($0.token) },
        ledger: try rows(where: "token = any($1)", [.bytesArray(candidates.sorted().map(\.bytes))], database))
    let recordedAt = Date.now.microseconds
    let stamps = try self.stamps(for: changes, reserved: reserved, database)
    let places = changes.map { organisations[$0.origin] ?? "" }
    try database.query(
      """
      insert into statement (origin, token, type, decision, day, stamp, retracted, organisation, recorded_at)
      select o, k, t, d, nullif(day, \(Self.undated)), s, r = 1, g, $9
      from unnest($1::bytea[], $2::bytea[], $3::bigint[]::smallint[], $4::bigint[]::smallint[], $5::bigint[]::int[],
        $6::bigint[], $7::bigint[], $8::text[]) as n(o, k, t, d, day, s, r, g)
      on conflict (origin, token, type) do update set decision = excluded.decision, day = excluded.day,
        stamp = excluded.stamp, retracted = excluded.retracted, organisation = excluded.organisation,
        recorded_at = excluded.recorded_at
      """,
      [
        .bytesArray(changes.map(\.origin.bytes)), .bytesArray(changes.map(\.token.bytes)),
        .intArray(changes.map { Int64($0.decision.type.rawValue) }),
        .intArray(changes.map { Int64($0.decision.decision.rawValue) }),
        .intArray(changes.map { Int64($0.decision.day ?? Self.undated) }),
        .intArray(stamps), .intArray(changes.map { $0.isRetracted ? 1 : 0 }),
        .textArray(places), .int(recordedAt),
      ])
    try count(places, on: recordedAt, database)
    try Outbox.append(
      try changes.indices.map { try notice(changes[$0], stamps[$0], places[$0], at: recordedAt) }, to: database)
    let ends = zip(changes, stamps).lazy.filter { ended.contains($0.0.scope) }.map { ($0.0.scope, $0.1) }
    try Resubmissions.note(Dictionary(ends, uniquingKeysWith: max), database)
  }

  private func stamps(for changes: [LedgerEntry], reserved: [Int64], _ database: Connection) throws -> [Int64] {
    var rest = reserved[...]
    let retracting = Set(changes.lazy.filter(\.isRetracted).map(\.origin)).sorted()
    if let first = rest.first, !retracting.isEmpty {
      // Said since they were reserved, an origin's word would be later than what is to replace it.
      let newest = try database.query(
        "select coalesce(max(stamp), 0) from statement where origin = any($1)", [.bytesArray(retracting.map(\.bytes))])
      if newest.int(0, 0) >= first { rest = [] }
    }
    let early = changes.map { $0.isRetracted ? rest.popFirst() : nil }
    let late = try database.query(
      "select nextval('stamp') from generate_series(1, $1::bigint)",
      [.int(Int64(early.lazy.filter { $0 == nil }.count))])
    var next = 0
    return early.map { stamp in
      if let stamp { return stamp }
      defer { next += 1 }
      return late.int(next, 0)
    }
  }

  /// Per organisation and day, to be compared with what the objection filter has taken in.
  private func count(_ places: [String], on recordedAt: Int64, _ database: Connection) throws {
    let counts = places.reduce(into: [:]) { $0[$1, default: 0] += 1 }.sorted { $0.key < $1.key }
    try database.query(
      """
      insert into objection_day as o (organisation, day, received)
      select g, (to_timestamp($3::bigint / 1000000) at time zone 'UTC')::date, n
      from unnest($1::text[], $2::bigint[]) as c(g, n)
      on conflict (organisation, day) do update set received = o.received + excluded.received
      """, [.textArray(counts.map(\.key)), .intArray(counts.map { Int64($0.value) }), .int(recordedAt)])
  }

  /// Every statement again, for a broker that has forgotten, or under a new routing key; within the caller's transaction.
  func restate(_ database: Connection) throws {
    try database.query(
      """
      declare statements no scroll cursor for
      select \(Self.columns), stamp, organisation, recorded_at from statement order by stamp
      """)
    var rows: Rows
    repeat {
      rows = try database.query("fetch \(Self.piece) from statements")
      try Outbox.append(
        try (0..<rows.count).map {
          try notice(Self.entry(rows, $0), rows.int($0, 6), rows.text($0, 7), at: rows.int($0, 8))
        }, to: database)
    } while rows.count == Self.piece
    try database.query("close statements")
    guard version.current > RoutingVersion.first else { return }
    try Outbox.append(try (0..<Int32(layout.partitions)).map(ledger), to: database)
  }

  /// Says in a partition that every objection has been stated there under the routing key in use.
  private func ledger(_ partition: Int32) throws -> Outbox.Entry {
    let envelope = Envelope.with {
      $0.kind = .ledger
      $0.routingVersion = version.field
    }
    return Outbox.Entry(
      topic: layout.name(.validated), partition: partition, key: Array("ledger".utf8),
      value: try envelope.serializedBytes())
  }

  /// Of a nation's statements so many are in memory at once.
  private static let piece = 20_000

  private func notice(
    _ entry: LedgerEntry, _ stamp: Int64, _ organisation: String, at recordedAt: Int64
  ) throws -> Outbox.Entry {
    let envelope = Envelope.with {
      $0.kind = .objection
      $0.objection.origin = Data(entry.origin.bytes)
      $0.objection.type = entry.decision.type
      $0.objection.decision = entry.decision.decision
      if let day = entry.decision.day { $0.objection.day = day }
      $0.objection.stamp = stamp
      $0.objection.retracted = entry.isRetracted
      $0.objection.organisation = organisation
      $0.objection.recordedAt = recordedAt
      $0.routingVersion = version.field
    }
    return Outbox.Entry(
      topic: layout.name(.validated), partition: layout.partition(of: entry.token.bytes), key: entry.token.bytes,
      value: try envelope.serializedBytes())
  }

  private static let columns = "origin, token, type::bigint, decision::bigint, day::bigint, retracted"

  private static func entry(_ rows: Rows, _ row: Int) -> LedgerEntry {
    LedgerEntry(
      origin: Token16(bytes: rows.bytes(row, 0))!, token: Token16(bytes: rows.bytes(row, 1))!,
      decision: decision(rows, row, firstColumn: 2), isRetracted: rows.bool(row, 5))
  }

  /// Type, decision and day.
  static func decision(_ rows: Rows, _ row: Int, firstColumn: Int) -> Decision {
    Decision(
      type: ObjectionType(rawValue: Int(rows.int(row, firstColumn))) ?? .unspecified,
      decision: ObjectionDecision(rawValue: Int(rows.int(row, firstColumn + 1))) ?? .unspecified,
      day: rows.isNull(row, firstColumn + 2) ? nil : Int32(rows.int(row, firstColumn + 2)))
  }
}
