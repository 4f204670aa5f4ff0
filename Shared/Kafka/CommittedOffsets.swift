import CRdKafka

/// Asks for the committed offsets of consumer groups without being a member: one unsubscribed client per group.
final class CommittedOffsets {
  private let configuration: KafkaConfiguration
  private var handles: [String: ClientHandle] = [:]

  init(_ configuration: KafkaConfiguration) {
    self.configuration = configuration
  }

  /// Next offsets by partition; a partition the group has not committed is absent.
  func ask(group: String, _ partitions: [TopicPartition], timeoutMilliseconds: Int32) throws -> [TopicPartition: Int64]
  {
    let handle = try handle(group)
    let list = PartitionList(partitions)
    try KafkaError.check(
      rd_kafka_committed(handle.pointer, list.pointer, timeoutMilliseconds),
      doing: "asking for the committed offsets of group '\(group)'")
    var offsets: [TopicPartition: Int64] = [:]
    for (partition, offset, code) in list.results {
      try KafkaError.check(code, doing: "asking for the committed offset of group '\(group)' in \(partition)")
      if offset >= 0 { offsets[partition] = offset }
    }
    return offsets
  }

  private func handle(_ group: String) throws -> ClientHandle {
    if let handle = handles[group] { return handle }
    let profile = ClientProfile(type: RD_KAFKA_CONSUMER, fixed: ["enable.auto.commit": "false"])
    var configuration = configuration
    configuration["group.id"] = group
    // As a static member it would fence the real one of that name.
    configuration["group.instance.id"] = nil
    let handle = try ClientHandle(profile, configuration)
    rd_kafka_poll_set_consumer(handle.pointer)
    handles[group] = handle
    return handle
  }
}
