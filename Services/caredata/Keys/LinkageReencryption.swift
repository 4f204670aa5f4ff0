import Contracts
import Cryptography
import Foundation
import KeyRing
import Postgres
import StageKit
import SwiftProtobuf

/// Puts the tokens that linkage has stored under the newest linkage key: their outer layer is replaced, nobody's identity
/// is needed, and persons stay as they are. Runs with pseudonymisation's keys on linkage's tables.
///
/// Everything is replaced in one transaction, so that no two versions are ever compared; a job that is killed has changed
/// nothing. Linkage waits meanwhile, and until somebody runs it again.
struct LinkageReencryption {
  /// What is left after a run.
  struct Outcome: Equatable {
    var version: Int64
    var combinations = 0
    var parked = 0

    var isNothing: Bool { combinations == 0 && parked == 0 }
  }

  /// Rows that are in memory at once.
  static let piece = 10_000

  /// - Parameters:
  ///   - ring: of pseudonymisation.
  ///   - database: with linkage's schema as its search path.
  ///   - progress: combinations done so far.
  static func run(
    _ ring: KeyRing, _ database: Connection, progress: (Int) -> Void = { _ in }
  ) throws -> Outcome {
    let newest = try ring.active(.linkage)
    let target = Int64(newest.version)
    // Seen by linkage before the long transaction begins, so that it says what it waits for.
    try database.transaction {
      try LinkageLock.take(database)
      let version = try StoredTokens.state(database).version
      guard version <= target else { throw newer(version, ring) }
      if version < target { try StoredTokens.set(version, target: target, database) }
    }
    return try database.transaction {
      try LinkageLock.take(database)
      let version = try StoredTokens.state(database).version
      var outcome = Outcome(version: target)
      if version < target {
        try database.query("delete from handled")
        let layer = try layer(from: version, to: newest, ring)
        outcome.combinations = try StoredCombinationTokens(database: database, layer: layer).replace(progress)
        try witnesses(layer, database)
      }
      outcome.parked = try parked(newest, ring, database)
      try StoredTokens.set(target, target: nil, database)
      return outcome
    }
  }

  /// Why the key must not be replaced now; nil where nothing is against it.
  static func unfinished(_ ring: KeyRing, _ database: Connection) throws -> String? {
    let state = try StoredTokens.state(database)
    let newest = Int64(try ring.active(.linkage).version)
    let isDone =
      try state.target == nil && state.version == newest
      && !database.query(
        "select exists (select from parked)"
      ).bool(0, 0)
    // Before linkage has stored anything it takes over whatever comes.
    let isEmpty = try !database.query("select exists (select from observation)").bool(0, 0)
    return isDone || isEmpty ? nil : "stored tokens are not all under version \(newest) yet: caredata keys reencrypt"
  }

  /// Nil where no token that is stored, or waits to be, is under it.
  static func need(of entry: KeyEntry, _ database: Connection) throws -> String? {
    let state = try StoredTokens.state(database)
    if state.version <= Int64(entry.version) { return "the tokens that linkage has stored" }
    let isParked = try database.query(
      "select exists (select from parked where key_version = $1)", [.int(Int64(entry.version))])
    return isParked.bool(0, 0) ? "records that linkage has put aside until caredata keys reencrypt" : nil
  }

  private static func newer(_ version: Int64, _ ring: KeyRing) -> ClientError {
    ClientError("stored tokens are under version \(version) of the linkage key, which \(ring.path) does not know")
  }

  private static func layer(from version: Int64, to newest: HeldKey, _ ring: KeyRing) throws -> OuterLayer {
    guard let former = ring.usable(.linkage).first(where: { Int64($0.version) == version }) else {
      throw ClientError(
        "tokens are under version \(version) of the linkage key, which \(ring.path) does not hold any more")
    }
    return try OuterLayer(from: former.secret, to: newest.secret)
  }

  /// Records that were taken back.
  private static func witnesses(_ layer: OuterLayer, _ database: Connection) throws {
    try database.query(
      """
      declare witness no scroll cursor for
      select record_id, demographics_token from observation where demographics_token is not null
      """)
    var rows: Rows
    repeat {
      rows = try database.query("fetch \(piece) from witness")
      let places = 0..<rows.count
      try database.query(
        """
        update observation o set demographics_token = n.demographics
        from unnest($1::bytea[], $2::bytea[]) as n (id, demographics) where o.record_id = n.id
        """,
        [
          .bytesArray(places.map { rows.bytes($0, 0) }),
          .bytesArray(places.map { layer.replace(Token16(bytes: rows.bytes($0, 1))!).bytes }),
        ])
    } while rows.count == piece
    try database.query("close witness")
  }

  /// Messages that came under a former key.
  private static func parked(_ newest: HeldKey, _ ring: KeyRing, _ database: Connection) throws -> Int {
    let target = Int64(newest.version)
    var layers: [Int64: OuterLayer] = [:]
    var count = 0
    while true {
      let rows = try database.query(
        "select id, value, key_version from parked where key_version < $1 order by id limit 1000", [.int(target)])
      guard rows.count > 0 else { return count }
      var values: [[UInt8]] = []
      for row in 0..<rows.count {
        let version = rows.int(row, 2)
        let layer = try layers[version] ?? self.layer(from: version, to: newest, ring)
        layers[version] = layer
        values.append(try message(rows.bytes(row, 1), layer, version: newest.version))
      }
      try database.query(
        """
        update parked p set value = n.value, key_version = $3
        from unnest($1::bigint[], $2::bytea[]) as n (id, value) where p.id = n.id
        """, [.intArray((0..<rows.count).map { rows.int($0, 0) }), .bytesArray(values), .int(target)])
      count += rows.count
    }
  }

  private static func message(_ value: [UInt8], _ layer: OuterLayer, version: Int) throws -> [UInt8] {
    var envelope = try Envelope(serializedBytes: value)
    for token in [\LinkTokens.nhsNumber, \LinkTokens.demographics] {
      guard let former = Token16(bytes: [UInt8](envelope.links[keyPath: token])) else { continue }
      envelope.links[keyPath: token] = Data(layer.replace(former).bytes)
    }
    envelope.links.passKeys = Data(layer.replace(passKeys: [UInt8](envelope.links.passKeys)))
    envelope.links.keyVersion = UInt32(version)
    return try envelope.serializedBytes()
  }
}
