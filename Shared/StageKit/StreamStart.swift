import Kafka
import Postgres

/// Makes sure that nothing is ever skipped silently when a partition is assigned.
///
/// A partition that the group has never committed in this life of the broker starts at the beginning. Once it has
/// committed there, a missing offset is a loss: an error, never a jump.
struct StreamStart {
  static let migrationSQL = """
    create table stream_start (
      incarnation text not null, topic text not null, partition int not null,
      primary key (incarnation, topic, partition));
    """

  let incarnation: String

  /// - Parameters:
  ///   - committed: offset the group has committed, if any.
  ///   - hasCommitted: whether it is known to have committed one in this incarnation.
  static func isLost(committed: Int64?, hasCommitted: Bool) -> Bool {
    committed == nil && hasCommitted
  }

  /// Returns the partitions that the group has committed before in this incarnation.
  func check(
    _ partitions: [TopicPartition], committed: [TopicPartition: Int64], database: Connection
  ) throws -> Set<TopicPartition> {
    let rows = try database.query(
      "select topic, partition::bigint from stream_start where incarnation = $1", [.text(incarnation)])
    let known = Set((0..<rows.count).map { TopicPartition(topic: rows.text($0, 0), partition: Int32(rows.int($0, 1))) })
    for partition in partitions
    where Self.isLost(committed: committed[partition], hasCommitted: known.contains(partition)) {
      throw StageError(
        .offsetLost,
        """
        the offset of \(partition.topic)/\(partition.partition) is gone from the broker although this group has \
        committed it before: messages may be missing; restore the offset or reset it deliberately
        """)
    }
    return known
  }

  func remember(_ partitions: some Collection<TopicPartition>, database: Connection) throws {
    guard !partitions.isEmpty else { return }
    try database.query(
      """
      insert into stream_start select $1, * from unnest($2::text[], $3::bigint[]::int[]) on conflict do nothing
      """,
      [
        .text(incarnation), .textArray(partitions.map(\.topic)), .intArray(partitions.map { Int64($0.partition) }),
      ])
  }
}
