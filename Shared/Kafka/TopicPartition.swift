import CRdKafka

/// One partition of a topic.
public struct TopicPartition: Hashable, Sendable, CustomStringConvertible {
  public let topic: String
  public let partition: Int32

  public init(topic: String, partition: Int32) {
    self.topic = topic
    self.partition = partition
  }

  public var description: String { "\(topic) [\(partition)]" }
}

/// Owns one of librdkafka's partition lists.
struct PartitionList: ~Copyable {
  let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

  /// - Parameter offsets: Per partition, librdkafka's "none" where it is absent.
  init(_ partitions: some Collection<TopicPartition>, offsets: [TopicPartition: Int64] = [:]) {
    pointer = rd_kafka_topic_partition_list_new(Int32(partitions.count))
    for partition in partitions {
      let element = rd_kafka_topic_partition_list_add(pointer, partition.topic, partition.partition)!
      element.pointee.offset = offsets[partition] ?? noOffset
    }
  }

  init(subscribing topics: [String]) {
    pointer = rd_kafka_topic_partition_list_new(Int32(topics.count))
    for topic in topics {
      rd_kafka_topic_partition_list_add(pointer, topic, -1)
    }
  }

  deinit {
    rd_kafka_topic_partition_list_destroy(pointer)
  }

  /// Every partition's offset and error.
  var results: [(partition: TopicPartition, offset: Int64, code: rd_kafka_resp_err_t)] {
    elements(of: pointer).map { (TopicPartition($0), $0.offset, $0.err) }
  }
}

/// `RD_KAFKA_OFFSET_INVALID`: no offset is known or committed.
let noOffset = Int64(RD_KAFKA_OFFSET_INVALID)

extension TopicPartition {
  init(_ element: rd_kafka_topic_partition_t) {
    self.init(topic: String(cString: element.topic), partition: element.partition)
  }
}

func elements(
  of list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>
) -> UnsafeMutableBufferPointer<rd_kafka_topic_partition_t> {
  UnsafeMutableBufferPointer(start: list.pointee.elems, count: Int(list.pointee.cnt))
}
