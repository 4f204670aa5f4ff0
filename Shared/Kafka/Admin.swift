import CRdKafka

/// A topic to be made.
public struct NewTopic: Sendable {
  public var name: String
  public var partitions: Int
  public var replicationFactor: Int
  /// The broker's topic settings, for example `retention.ms` and `cleanup.policy`.
  public var configuration: [String: String]

  public init(name: String, partitions: Int, replicationFactor: Int, configuration: [String: String] = [:]) {
    self.name = name
    self.partitions = partitions
    self.replicationFactor = replicationFactor
    self.configuration = configuration
  }
}

/// Questions and changes to the cluster, each one a blocking call of a few seconds at most. Used from one thread.
public final class Admin {
  private static let timeoutMilliseconds: Int32 = 10_000

  private let handle: ClientHandle
  private let offsets: CommittedOffsets

  public init(_ configuration: KafkaConfiguration) throws {
    let profile = ClientProfile(type: RD_KAFKA_PRODUCER, defaults: ["allow.auto.create.topics": "false"])
    handle = try ClientHandle(profile, configuration)
    offsets = CommittedOffsets(configuration)
  }

  /// The first offset held and the next one to be written.
  public func watermarks(topic: String, partition: Int32) throws -> (low: Int64, high: Int64) {
    var low: Int64 = 0
    var high: Int64 = 0
    try KafkaError.check(
      rd_kafka_query_watermark_offsets(handle.pointer, topic, partition, &low, &high, Self.timeoutMilliseconds),
      doing: "asking for the watermarks of \(topic) [\(partition)]")
    return (low, high)
  }

  /// The partition count of every topic of the cluster.
  ///
  /// All topics are asked for, since asking for one by name makes it where the broker creates topics by itself.
  public func partitionCounts() throws -> [String: Int] {
    var metadata: UnsafePointer<rd_kafka_metadata>?
    try KafkaError.check(
      rd_kafka_metadata(handle.pointer, 1, nil, &metadata, Self.timeoutMilliseconds), doing: "asking for the topics")
    guard let metadata else { return [:] }
    defer { rd_kafka_metadata_destroy(metadata) }
    let topics = UnsafeBufferPointer(start: metadata.pointee.topics, count: Int(metadata.pointee.topic_cnt))
    var counts: [String: Int] = [:]
    for topic in topics {
      let name = String(cString: topic.topic)
      try KafkaError.check(topic.err, doing: "asking for topic '\(name)'")
      counts[name] = Int(topic.partition_cnt)
    }
    return counts
  }

  /// `nil` when there is no such topic.
  public func partitionCount(topic: String) throws -> Int? {
    try partitionCounts()[topic]
  }

  /// The group's next offsets in all partitions of the topics; what the group has not committed is absent.
  public func committedOffsets(group: String, topics: [String]) throws -> [TopicPartition: Int64] {
    let counts = try partitionCounts()
    let partitions = topics.flatMap { topic in
      (0..<(counts[topic] ?? 0)).map { TopicPartition(topic: topic, partition: Int32($0)) }
    }
    guard !partitions.isEmpty else { return [:] }
    return try offsets.ask(group: group, partitions, timeoutMilliseconds: Self.timeoutMilliseconds)
  }

  /// Messages the group has yet to commit, by partition; all that are held where it has committed nothing.
  public func lag(group: String, topic: String) throws -> [Int32: Int64] {
    let committed = try committedOffsets(group: group, topics: [topic])
    var lag: [Int32: Int64] = [:]
    for partition in 0..<Int32(try partitionCount(topic: topic) ?? 0) {
      let (low, high) = try watermarks(topic: topic, partition: partition)
      let next = committed[TopicPartition(topic: topic, partition: partition)] ?? low
      lag[partition] = max(high - max(next, low), 0)
    }
    return lag
  }

  /// Makes the topics that are missing; those that exist are left as they are.
  ///
  /// - Returns: The names of the topics made.
  /// - Throws: ``KafkaError`` of the first topic refused; the others are made nonetheless.
  @discardableResult
  public func createTopics(_ topics: [NewTopic]) throws -> Set<String> {
    guard !topics.isEmpty else { return [] }
    var requests: [OpaquePointer?] = []
    defer { for request in requests { rd_kafka_NewTopic_destroy(request) } }
    for topic in topics { requests.append(try request(topic)) }
    let queue = rd_kafka_queue_new(handle.pointer)
    defer { rd_kafka_queue_destroy(queue) }
    let options = rd_kafka_AdminOptions_new(handle.pointer, RD_KAFKA_ADMIN_OP_CREATETOPICS)
    defer { rd_kafka_AdminOptions_destroy(options) }
    rd_kafka_AdminOptions_set_request_timeout(options, Self.timeoutMilliseconds, nil, 0)
    rd_kafka_AdminOptions_set_operation_timeout(options, Self.timeoutMilliseconds, nil, 0)
    rd_kafka_CreateTopics(handle.pointer, &requests, requests.count, options, queue)
    guard let event = rd_kafka_queue_poll(queue, 2 * Self.timeoutMilliseconds) else {
      throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, doing: "making topics")
    }
    defer { rd_kafka_event_destroy(event) }
    try KafkaError.check(rd_kafka_event_error(event), doing: "making topics")
    return try outcome(event)
  }

  private func request(_ topic: NewTopic) throws -> OpaquePointer {
    var reason = [CChar](repeating: 0, count: 512)
    guard
      let request = rd_kafka_NewTopic_new(
        topic.name, Int32(clamping: topic.partitions), Int32(clamping: topic.replicationFactor), &reason, reason.count)
    else {
      throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, detail: "topic '\(topic.name)': \(text(of: reason))")
    }
    for (name, value) in topic.configuration {
      rd_kafka_NewTopic_set_config(request, name, value)
    }
    return request
  }

  private func outcome(_ event: OpaquePointer) throws -> Set<String> {
    var count = 0
    guard let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count) else {
      return []
    }
    var made: Set<String> = []
    var failure: KafkaError?
    for index in 0..<count {
      guard let result = results[index], let name = rd_kafka_topic_result_name(result) else { continue }
      switch rd_kafka_topic_result_error(result) {
      case RD_KAFKA_RESP_ERR_NO_ERROR: made.insert(String(cString: name))
      case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: break
      case let code:
        let reason = rd_kafka_topic_result_error_string(result).map { String(cString: $0) } ?? ""
        failure = failure ?? KafkaError(code, detail: "making topic '\(String(cString: name))': \(reason)")
      }
    }
    if let failure { throw failure }
    return made
  }
}
