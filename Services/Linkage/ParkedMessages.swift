import Contracts
import Cryptography
import Postgres
import StageKit

/// A message whose tokens are under a former version of the linkage key.
struct ParkedMessage {
  let recordID: Token16
  let partition: Int32
  let key: [UInt8]
  let value: [UInt8]
  let keyVersion: Int64
}

/// Messages that came under a former linkage key after the stored tokens had been put under a new one: they were on their
/// way, or come again. What they say cannot be compared before the job has put their tokens under the new key as well; that
/// it is taken in later than it came changes nothing, see ``LinkageDecision``.
enum ParkedMessages {
  /// Read and decided at once.
  private static let piece: Int64 = 2_000

  /// What comes again stays as it is.
  static func store(_ messages: [ParkedMessage], _ database: Connection) throws {
    guard !messages.isEmpty else { return }
    try database.query(
      """
      insert into parked (record_id, digest, partition, key, value, key_version)
      select r, sha256(v), p, k, v, n
      from unnest($1::bytea[], $2::bigint[]::int[], $3::bytea[], $4::bytea[], $5::bigint[]) as m (r, p, k, v, n)
      where not exists (select from handled h where h.record_id = r and h.digest = sha256(v))
      on conflict (record_id, digest) do nothing
      """,
      [
        .tokens(messages.map(\.recordID)), .intArray(messages.map { Int64($0.partition) }),
        .bytesArray(messages.map(\.key)), .bytesArray(messages.map(\.value)), .intArray(messages.map(\.keyVersion)),
      ])
  }

  static func count(_ database: Connection) throws -> Int64 {
    try database.query("select count(*) from parked").int(0, 0)
  }

  static func areAny(_ database: Connection) throws -> Bool {
    try database.query("select exists (select from parked)").bool(0, 0)
  }

  /// Hands over, piece by piece, what has been put under the version in use, and deletes it when `take` returns.
  static func drain(
    _ version: Int64, _ database: Connection, _ take: ([ReceivedMessage]) throws -> Void
  ) throws {
    while true {
      let rows = try database.query(
        "select id, partition::bigint, key, value from parked where key_version = $1 order by id limit $2",
        [.int(version), .int(piece)])
      guard rows.count > 0 else { return }
      var bytes: [UInt8] = []
      var ranges: [(key: Range<Int>, value: Range<Int>)] = []
      for row in 0..<rows.count {
        let start = bytes.count
        rows.withBytes(row, 2) { bytes.append(contentsOf: $0) }
        let middle = bytes.count
        rows.withBytes(row, 3) { bytes.append(contentsOf: $0) }
        ranges.append((start..<middle, middle..<bytes.count))
      }
      try bytes.withUnsafeBytes { bytes in
        try take(
          ranges.enumerated().map { row, range in
            ReceivedMessage(
              partition: Int32(rows.int(row, 1)), key: UnsafeRawBufferPointer(rebasing: bytes[range.key]),
              value: UnsafeRawBufferPointer(rebasing: bytes[range.value]))
          })
      }
      try database.query(
        """
        with gone as (delete from parked where id = any($1) returning record_id, digest)
        insert into handled select record_id, digest from gone on conflict do nothing
        """, [.intArray((0..<rows.count).map { rows.int($0, 0) })])
    }
  }
}
