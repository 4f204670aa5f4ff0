import CRdKafka

/// The backlog accounts of a producer, brought up to date with the readers' committed offsets.
final class BacklogGauge {
  /// How long one question to the coordinator may hold up the producer's delivery reports.
  private static let timeoutMilliseconds: Int32 = 1000

  let limit: Int
  private let groups: [String: [String]]
  private let offsets: CommittedOffsets
  private var accounts: [String: [Int32: BacklogAccount]] = [:]

  init(_ limit: BacklogLimit, _ configuration: KafkaConfiguration) {
    self.limit = limit.bytesPerPartition
    groups = limit.groups.filter { !$0.value.isEmpty }
    offsets = CommittedOffsets(configuration)
  }

  /// `nil` when the topic is not limited.
  func account(_ topic: String, _ partition: Int32) -> BacklogAccount? {
    guard groups[topic] != nil else { return nil }
    if let account = accounts[topic]?[partition] { return account }
    let account = BacklogAccount(limit: limit)
    accounts[topic, default: [:]][partition] = account
    return account
  }

  /// Asks every group of the topic for its offsets in the partitions sent to. A coordinator that cannot answer now
  /// leaves the accounts as they are: the producer goes on waiting.
  func refresh(_ topic: String) throws {
    let accounts = accounts[topic] ?? [:]
    let partitions = accounts.keys.sorted().map { TopicPartition(topic: topic, partition: $0) }
    var slowest: [TopicPartition: Int64] = [:]
    do {
      for group in groups[topic] ?? [] {
        let committed = try offsets.ask(group: group, partitions, timeoutMilliseconds: Self.timeoutMilliseconds)
        for partition in partitions {
          let offset = committed[partition] ?? 0
          slowest[partition] = min(slowest[partition] ?? offset, offset)
        }
      }
    } catch let error as KafkaError where error.isRetriable {
      return
    }
    for (partition, offset) in slowest {
      accounts[partition.partition]?.backlog.committed(offset)
    }
  }
}
