import Contracts
import Cryptography
import Postgres
import StageKit

/// Which NHS number a record has: for governed re-identification, only where that is switched on, and only here.
///
/// A number is sealed under a key of its own, so that the table alone tells nothing. What takes a record away (a
/// correction, a retraction, an objection) takes its row, in the transaction of the batch.
final class ReverseMap {
  static let migration = Migration(
    version: 4, name: "reverse map",
    sql: """
      create table reverse (
        record_id bytea primary key,
        version_time bigint not null,
        version_digest bigint not null,
        stamp bigint not null,
        source smallint not null,
        withdrawal_token bytea not null,
        sealed bytea not null
      );
      create index reverse_withdrawal on reverse (withdrawal_token);
      comment on table reverse is 'Record to NHS number, sealed; empty unless CAREDATA_REIDENTIFICATION is on';
      """)

  private let keys: StageKeys
  private var cipher: RingCipher
  private var changes = ReverseChanges()

  init(keys: StageKeys) throws {
    self.keys = keys
    cipher = try RingCipher(keys.ring, .reverse)
  }

  /// Forgets what a batch that did not succeed has said, and takes the key that is in use now.
  func begin() throws {
    changes = ReverseChanges()
    cipher = try RingCipher(keys.ring, .reverse)
  }

  /// - Parameter number: ten digits; empty: the record has none, and so no row.
  func record(_ header: HeaderView, number: String, withdrawal: Token16) throws {
    guard !number.isEmpty else { return changes.take(header, withdrawal: withdrawal, sealed: nil) }
    keys.uses.count(.reverse)
    let sealed = try Array(number.utf8).withUnsafeBytes { try cipher.seal($0, associated: header.recordID) }
    changes.take(header, withdrawal: withdrawal, sealed: sealed)
  }

  func retraction(_ header: HeaderView, withdrawal: Token16) {
    changes.take(header, withdrawal: withdrawal, sealed: nil)
  }

  /// - Parameters:
  ///   - withdrawal: as received.
  ///   - token: its withdrawal token.
  func objection(_ withdrawal: Withdrawal, isInForce: Bool, token: Token16) {
    changes.take(
      .init(
        token: token, allSources: withdrawal.allSources, through: isInForce ? .max : withdrawal.erasedStamp))
  }

  /// Call inside the batch's transaction. One statement for each kind of change that there is.
  func store(_ database: Connection) throws {
    let erasures = changes.erasures
    if !erasures.isEmpty {
      try database.query(
        """
        delete from reverse r using unnest($1::bytea[], $2::bigint[], $3::bigint[]) as e (token, all_sources, through)
        where r.withdrawal_token = e.token and (e.all_sources = 1 or r.source = \(Source.gp.rawValue))
          and r.stamp <= e.through
        """,
        [
          .bytesArray(erasures.map(\.token.bytes)), .intArray(erasures.map { $0.allSources ? 1 : 0 }),
          .intArray(erasures.map(\.through)),
        ])
    }
    let gone = changes.rows.filter { $0.sealed == nil }
    if !gone.isEmpty {
      try database.query(
        """
        delete from reverse r using unnest($1::bytea[], $2::bigint[], $3::bigint[]) as g (record_id, time, digest)
        where r.record_id = g.record_id and (r.version_time, r.version_digest) <= (g.time, g.digest)
        """, versions(gone))
    }
    let held = changes.rows.filter { $0.sealed != nil }
    if !held.isEmpty {
      try database.query(
        """
        insert into reverse as r
          (record_id, version_time, version_digest, stamp, source, withdrawal_token, sealed)
        select record_id, time, digest, stamp, source::smallint, token, sealed
        from unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[])
          as n (record_id, time, digest, stamp, source, token, sealed)
        order by record_id
        on conflict (record_id) do update set version_time = excluded.version_time,
          version_digest = excluded.version_digest, stamp = excluded.stamp, source = excluded.source,
          withdrawal_token = excluded.withdrawal_token, sealed = excluded.sealed
        where (r.version_time, r.version_digest) <= (excluded.version_time, excluded.version_digest)
        """,
        versions(held) + [
          .intArray(held.map(\.stamp)), .intArray(held.map { Int64($0.source.rawValue) }),
          .bytesArray(held.map(\.withdrawal.bytes)), .bytesArray(held.compactMap(\.sealed)),
        ])
    }
  }

  private func versions(_ rows: [ReverseChanges.Row]) -> [Parameter] {
    [.bytesArray(rows.map(\.recordID.bytes)), .intArray(rows.map(\.time)), .intArray(rows.map(\.digest))]
  }

  /// Where re-identification is switched off nothing is kept from when it was on. Returns the number of rows that were.
  static func empty(_ database: Connection) throws -> Int64 {
    let count = try database.query("select count(*) from reverse").int(0, 0)
    // Unlike delete it leaves nothing on disk.
    if count > 0 { try database.execute("truncate table reverse") }
    return count
  }
}
