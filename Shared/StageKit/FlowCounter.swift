import Contracts
import Kafka
import Postgres

/// Counts each record of an extract once per stage, whatever is delivered again.
///
/// Ingestion numbers the records of an extract consecutively per `validated` partition. A record counts when its number
/// exceeds the highest stored for (extract, partition); the sums are stored in the batch's own transaction.
public final class FlowCounter {
  public enum Outcome: Int { case passed, excluded, rejected }

  public static let migrationSQL = """
    create table flow (
      extract_id text not null, partition int not null, highest bigint not null,
      passed bigint not null, excluded bigint not null, rejected bigint not null,
      primary key (extract_id, partition));
    """

  private struct Slot {
    let extract: [UInt8]
    let partition: Int32
    var highest: Int64
    var counts = (0, 0, 0)
    var isDirty = false
  }

  private var slots: [Slot] = []
  private var indices: [Int32: [[UInt8]: Int]] = [:]
  private var latest: [Int32: Int] = [:]

  public init() {}

  /// - Parameter extract: UTF-8 bytes of the extract id.
  /// - Returns: whether the record is counted now, for the first time.
  @discardableResult
  public func count(
    extract: UnsafeRawBufferPointer, partition: Int32, number: UInt32, as outcome: Outcome, database: Connection
  ) throws -> Bool {
    let index = try slot(extract, partition, database)
    guard Int64(number) > slots[index].highest else { return false }
    slots[index].highest = Int64(number)
    slots[index].isDirty = true
    switch outcome {
    case .passed: slots[index].counts.0 += 1
    case .excluded: slots[index].counts.1 += 1
    case .rejected: slots[index].counts.2 += 1
    }
    return true
  }

  private func slot(_ extract: UnsafeRawBufferPointer, _ partition: Int32, _ database: Connection) throws -> Int {
    if let index = latest[partition], slots[index].extract.elementsEqual(extract) { return index }
    let key = [UInt8](extract)
    if let index = indices[partition]?[key] {
      latest[partition] = index
      return index
    }
    let rows = try database.query(
      "select highest from flow where extract_id = $1 and partition = $2",
      [.text(String(decoding: key, as: UTF8.self)), .int(Int64(partition))])
    slots.append(Slot(extract: key, partition: partition, highest: rows.count == 0 ? 0 : rows.int(0, 0)))
    indices[partition, default: [:]][key] = slots.count - 1
    latest[partition] = slots.count - 1
    return slots.count - 1
  }

  /// Writes what the batch counted; call inside its transaction, then ``stored()`` once that is committed.
  public func store(_ database: Connection) throws {
    let dirty = slots.filter(\.isDirty)
    guard !dirty.isEmpty else { return }
    try database.query(
      """
      insert into flow as f
      select * from unnest($1::text[], $2::bigint[]::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
      on conflict (extract_id, partition) do update set highest = excluded.highest, passed = f.passed + excluded.passed,
        excluded = f.excluded + excluded.excluded, rejected = f.rejected + excluded.rejected
      where f.highest < excluded.highest
      """,
      [
        .textArray(dirty.map { String(decoding: $0.extract, as: UTF8.self) }),
        .intArray(dirty.map { Int64($0.partition) }), .intArray(dirty.map(\.highest)),
        .intArray(dirty.map { Int64($0.counts.0) }), .intArray(dirty.map { Int64($0.counts.1) }),
        .intArray(dirty.map { Int64($0.counts.2) }),
      ])
  }

  /// The batch is committed: what it counted is history.
  public func stored() {
    if slots.count > 50_000 { return forget() }
    for index in slots.indices where slots[index].isDirty {
      slots[index].counts = (0, 0, 0)
      slots[index].isDirty = false
    }
  }

  /// Drops everything in memory; the next record reads its count from the table again.
  public func forget() {
    slots.removeAll()
    indices.removeAll()
    latest.removeAll()
  }
}
