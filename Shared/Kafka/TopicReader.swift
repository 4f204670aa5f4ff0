import CRdKafka

/// Reads all partitions of one topic without a group: nothing is committed, other readers are not affected.
///
/// Used from one thread.
public final class TopicReader {
  public enum Start: Sendable { case beginning, end }

  private let handle: ClientHandle
  private let topicHandle: TopicHandle
  private let topic: String
  private let partitions: [Int32]

  /// Positions are fixed when this returns: with `.end`, everything written from then on is read.
  public convenience init(_ configuration: KafkaConfiguration, topic: String, from start: Start) throws {
    let admin = try Admin(configuration)
    guard let count = try admin.partitionCount(topic: topic), count > 0 else {
      throw KafkaError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, detail: "there is no topic \(topic)")
    }
    var offsets: [TopicPartition: Int64] = [:]
    for partition in 0..<Int32(count) {
      let (low, high) = try admin.watermarks(topic: topic, partition: partition)
      offsets[TopicPartition(topic: topic, partition: partition)] = start == .beginning ? low : high
    }
    try self.init(configuration, topic: topic, offsets: offsets)
  }

  /// - Parameter offsets: where to start each partition that is to be read.
  public init(_ configuration: KafkaConfiguration, topic: String, offsets: [TopicPartition: Int64]) throws {
    self.topic = topic
    partitions = offsets.keys.map(\.partition).sorted()
    var configuration = configuration
    // librdkafka wants a name although no group is joined.
    configuration["group.id"] = "caredata-reader"
    handle = try ClientHandle(
      ClientProfile(
        type: RD_KAFKA_CONSUMER,
        fixed: ["enable.auto.commit": "false", "enable.auto.offset.store": "false"],
        defaults: ["auto.offset.reset": "error"]),
      configuration)
    rd_kafka_poll_set_consumer(handle.pointer)
    topicHandle = try TopicHandle(topic, handle)
    let list = PartitionList(offsets.keys, offsets: offsets)
    try KafkaError.check(rd_kafka_assign(handle.pointer, list.pointer), doing: "reading \(topic)")
  }

  deinit { rd_kafka_consumer_close(handle.pointer) }

  /// What has come, waiting for the first message up to the timeout.
  public func poll(maxMessages: Int = 10_000, timeoutMilliseconds: Int) throws -> MessageBatch {
    var messages: [UnsafeMutablePointer<rd_kafka_message_t>] = []
    while messages.count < maxMessages {
      guard let raw = rd_kafka_consumer_poll(handle.pointer, messages.isEmpty ? Int32(timeoutMilliseconds) : 0) else {
        break
      }
      guard raw.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
        let error = raw.pointee.err
        rd_kafka_message_destroy(raw)
        let failure = KafkaError(error, doing: "reading \(topic)")
        if failure.isRetriable { continue }
        throw failure
      }
      messages.append(raw)
    }
    return MessageBatch(messages, topics: [topicHandle], handle)
  }
}
