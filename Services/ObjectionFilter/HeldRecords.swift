import Kafka
import Postgres

/// Records that may not pass while the national list is too old: kept as they came, per partition and in order, and
/// decided anew once it is fresh again.
///
/// Whatever comes to a partition that has held records is held behind them: an extract's records are counted by the
/// highest number seen, so none may be decided before an earlier one.
final class HeldRecords: BatchState {
  private struct Record {
    let partition: Int32
    let offset: Int64
    let key: [UInt8]
    let value: [UInt8]
  }

  /// Bounds of one piece; a record larger than the bytes comes alone.
  static let pieceRows = 20_000
  static let pieceBytes = 16 << 20

  static let reason = "records held back at the objection filter are still to be decided"

  private let incarnation: String
  private var batch: [Record] = []
  private(set) var partitions: Set<Int32> = []

  /// - Parameter incarnation: of the broker; offsets tell records apart only within one.
  init(incarnation: String) { self.incarnation = incarnation }

  func load(_ assigned: [Int32], _ database: Connection) throws {
    let rows = try database.query(
      """
      select p from unnest($1::bigint[]) as a(p) where exists (select from held_record h where h.partition = p)
      """, [.intArray(assigned.map(Int64.init))])
    for row in 0..<rows.count { partitions.insert(Int32(rows.int(row, 0))) }
  }

  func revoke(_ revoked: [Int32]) { partitions.subtract(revoked) }

  func forget() { batch.removeAll() }

  @inline(__always)
  func isHolding(_ partition: Int32) -> Bool { !partitions.isEmpty && partitions.contains(partition) }

  func hold(_ message: Message) {
    batch.append(
      Record(
        partition: message.partition, offset: message.offset, key: [UInt8](message.key),
        value: [UInt8](message.value)))
    partitions.insert(message.partition)
  }

  /// Writes what the batch held, within its transaction. What is held already stays as it is.
  func store(_ database: Connection) throws {
    guard !batch.isEmpty else { return }
    try database.query(
      """
      insert into held_record (partition, incarnation, record_offset, key, value)
      select p, $5, o, k, v
      from unnest($1::bigint[]::int[], $2::bigint[], $3::bytea[], $4::bytea[]) with ordinality as h(p, o, k, v, place)
      order by place
      on conflict (partition, incarnation, record_offset) do nothing
      """,
      [
        .intArray(batch.map { Int64($0.partition) }), .intArray(batch.map(\.offset)), .bytesArray(batch.map(\.key)),
        .bytesArray(batch.map(\.value)), .text(incarnation),
      ])
  }

  func stored() { batch.removeAll(keepingCapacity: false) }

  /// What is left of a partition's held records.
  enum Rest {
    case none
    case some
    /// The first of them cannot be decided yet.
    case waiting
  }

  /// Hands over the first records of a partition, in order, until `decide` returns false for one that cannot be decided
  /// yet, and deletes those before it, within the caller's transaction: what `decide` sends must be acknowledged
  /// when it returns.
  ///
  /// The rows are locked, so that an instance that has lost the partition without knowing does not decide them, too.
  func decide(
    _ partition: Int32, rows limit: Int = pieceRows, bytes: Int = pieceBytes, _ database: Connection,
    _ decide: (_ offset: Int64, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Bool,
    acknowledge: () throws -> Void
  ) throws -> Rest {
    let place = Parameter.int(Int64(partition))
    let sizes = try database.query(
      "select id, octet_length(value) from held_record where partition = $1 order by id limit $2 for update",
      [place, .int(Int64(limit))])
    guard sizes.count > 0 else { return .none }
    var (taken, size) = (0, 0)
    while taken < sizes.count, taken == 0 || size + Int(sizes.int(taken, 1)) <= bytes {
      size += Int(sizes.int(taken, 1))
      taken += 1
    }
    let rows = try database.query(
      "select record_offset, key, value from held_record where partition = $1 and id <= $2 order by id",
      [place, .int(sizes.int(taken - 1, 0))])
    var decided = 0
    while decided < rows.count {
      let isDecided = try rows.withBytes(decided, 1) { key in
        try rows.withBytes(decided, 2) { value in try decide(rows.int(decided, 0), key, value) }
      }
      guard isDecided else { break }
      decided += 1
    }
    try acknowledge()
    guard decided > 0 else { return .waiting }
    try database.query(
      "delete from held_record where partition = $1 and id <= $2", [place, .int(sizes.int(decided - 1, 0))])
    if decided < taken { return .waiting }
    return taken == sizes.count && sizes.count < limit ? .none : .some
  }

  /// The partition's last piece is committed.
  func emptied(_ partition: Int32) { partitions.remove(partition) }
}
