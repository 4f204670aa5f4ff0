import CRdKafka

/// Told of this member's partitions, inside ``BatchConsumer/poll(maxMessages:maxBytes:timeoutMilliseconds:)`` and
/// ``BatchConsumer/close()`` on their thread.
public protocol RebalanceDelegate: AnyObject {
  /// The partitions are this member's alone from now on.
  ///
  /// - Returns: Where to start; a partition left out starts at its committed offset.
  /// - Throws: Nothing is consumed then; the poll throws the same error and the next poll asks again.
  func assigned(_ partitions: [TopicPartition], consumer: BatchConsumer) throws -> [TopicPartition: Int64]
  /// The partitions are about to become another member's, or are so already.
  func revoked(_ partitions: [TopicPartition])
}

/// A member of a consumer group that reads in batches and commits by hand.
///
/// Group: `range` assignor, eager rebalancing, no automatic commit. Start: the committed offset; a partition the group
/// has never committed starts at the earliest message, unless `auto.offset.reset` is given, which then decides. A
/// committed offset that the broker no longer holds is a fatal error, never a silent skip (`auto.offset.reset=error`).
///
/// Used from one thread, on which all its callbacks run. Poll within `max.poll.interval.ms`, else the group goes on
/// without this member, which joins again at the next poll.
public final class BatchConsumer {
  private static let profile = ClientProfile(
    type: RD_KAFKA_CONSUMER,
    fixed: [
      "enable.auto.commit": "false", "enable.auto.offset.store": "false", "enable.partition.eof": "false",
      "partition.assignment.strategy": "range",
    ],
    defaults: ["auto.offset.reset": "error"])
  private static let requestTimeoutMilliseconds: Int32 = 5000
  private static let commitTimeoutMilliseconds: Int32 = 10_000
  private static let closeTimeout: Duration = .seconds(5)

  public let group: String
  public internal(set) var assignment: Set<TopicPartition> = []

  let startsAtEarliest: Bool
  weak var delegate: RebalanceDelegate?
  var handle: ClientHandle?
  /// Rises with each revoke: what was polled before is not this member's to commit.
  var generation = 0
  /// Per partition the offset after the last message handed out under the present assignment.
  var delivered: [TopicPartition: Int64] = [:]
  /// Thrown by the poll as soon as the messages polled before it are handed out.
  var pendingError: (any Error)?
  /// The group has given these to this member, which could not take them yet.
  var untaken: [TopicPartition] = []

  private let topics: [String]
  /// Held so that the topic pointer of a message tells its topic.
  private var topicHandles: [TopicHandle] = []
  private var expectedCount = 0

  /// Joins `group` for `topics` (names, not patterns). Partitions arrive during later polls.
  ///
  /// - Parameter delegate: Held weakly.
  /// - Throws: ``KafkaError`` for a property that is unknown, invalid or fixed.
  public init(_ configuration: KafkaConfiguration, group: String, topics: [String], delegate: RebalanceDelegate?)
    throws
  {
    self.group = group
    self.topics = topics
    self.delegate = delegate
    startsAtEarliest = configuration["auto.offset.reset"] == nil
    var configuration = configuration
    configuration["group.id"] = group
    let handle = try ClientHandle(Self.profile, configuration) { conf in
      rd_kafka_conf_set_rebalance_cb(conf, rebalance)
    }
    self.handle = handle
    handle.context.consumer = self
    rd_kafka_poll_set_consumer(handle.pointer)
    topicHandles = try topics.map { try TopicHandle($0, handle) }
    try subscribe(handle)
  }

  deinit { close() }

  /// Waits for the first message, then takes what has been fetched already.
  ///
  /// When partitions are revoked meanwhile, the messages taken so far are dropped: they come again where their
  /// partition goes.
  ///
  /// - Parameters:
  ///   - maxBytes: Of keys and values; the message that reaches it is still taken.
  ///   - timeoutMilliseconds: How long to wait for the first message.
  /// - Returns: An empty batch when nothing came.
  /// - Throws: ``KafkaError``, or what the delegate has thrown. `_AUTO_OFFSET_RESET` is fatal: an offset is lost.
  public func poll(maxMessages: Int, maxBytes: Int, timeoutMilliseconds: Int) throws -> MessageBatch {
    let handle = try openHandle()
    try throwPending()
    var messages: [UnsafeMutablePointer<rd_kafka_message_t>] = []
    messages.reserveCapacity(min(maxMessages, expectedCount))
    var bytes = 0
    while messages.count < maxMessages, bytes < maxBytes, pendingError == nil {
      let before = generation
      let wait = messages.isEmpty && untaken.isEmpty ? timeoutMilliseconds : 0
      let next = rd_kafka_consumer_poll(handle.pointer, Int32(clamping: wait))
      if generation != before {
        messages.forEach(rd_kafka_message_destroy)
        messages.removeAll(keepingCapacity: true)
        bytes = 0
      }
      guard let next else { break }
      guard next.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
        pendingError = failure(next, handle)
        rd_kafka_message_destroy(next)
        continue
      }
      bytes += next.pointee.len + next.pointee.key_len
      messages.append(next)
    }
    let batch = MessageBatch(messages, topics: topicHandles, handle)
    if batch.isEmpty {
      try throwPending()
      if !untaken.isEmpty { try take(untaken, handle.pointer) }
    }
    expectedCount = messages.count + messages.count / 4
    delivered.merge(batch.nextOffsets) { _, new in new }
    return batch
  }

  /// Commits next offsets (last done + 1) and waits for the answer.
  ///
  /// Left out: partitions no longer assigned, and offsets not handed out under the present assignment: both belong to
  /// another member by now, or will be read again.
  ///
  /// - Returns: False when the coordinator refused since the group is rebalancing; the messages then come again.
  /// - Throws: ``KafkaError``. Retriable when there was no answer within 10 s: the commit may still happen.
  @discardableResult
  public func commit(_ offsets: [TopicPartition: Int64]) throws -> Bool {
    let handle = try openHandle()
    let own = offsets.filter { partition, offset in delivered[partition].map { offset <= $0 } ?? false }
    guard !own.isEmpty else { return true }
    // Not rd_kafka_commit: it waits for its answer without end when the coordinator is lost meanwhile.
    let queue = rd_kafka_queue_new(handle.pointer)
    defer { rd_kafka_queue_destroy(queue) }
    let list = PartitionList(own.keys, offsets: own)
    let committing = "committing offsets of group '\(group)'"
    try KafkaError.check(rd_kafka_commit_queue(handle.pointer, list.pointer, queue, nil, nil), doing: committing)
    guard let event = rd_kafka_queue_poll(queue, Self.commitTimeoutMilliseconds) else {
      throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, doing: committing)
    }
    defer { rd_kafka_event_destroy(event) }
    let committed = rd_kafka_event_topic_partition_list(event).map { elements(of: $0).map(\.err) } ?? []
    let failure = ([rd_kafka_event_error(event)] + committed).first { $0 != RD_KAFKA_RESP_ERR_NO_ERROR }
    guard let failure else { return true }
    if ErrorClass.membershipLost.contains(failure.rawValue) { return false }
    throw KafkaError(failure, doing: committing)
  }

  /// The group's committed next offsets; a partition without one is absent.
  public func committed(_ partitions: [TopicPartition]) throws -> [TopicPartition: Int64] {
    let list = PartitionList(partitions)
    try KafkaError.check(
      rd_kafka_committed(openHandle().pointer, list.pointer, Self.requestTimeoutMilliseconds),
      doing: "asking for the committed offsets of group '\(group)'")
    var offsets: [TopicPartition: Int64] = [:]
    for (partition, offset, code) in list.results {
      try KafkaError.check(code, doing: "asking for the committed offset of group '\(group)' in \(partition)")
      if offset >= 0 { offsets[partition] = offset }
    }
    return offsets
  }

  /// Leaves the group; the delegate is told of the revoke. Batches handed out stay valid.
  ///
  /// After 5 s the member is left to its session timeout: librdkafka goes on waiting for a commit that was under way
  /// when the coordinator was lost.
  public func close() {
    guard let handle else { return }
    let queue = rd_kafka_queue_new(handle.pointer)
    if let error = rd_kafka_consumer_close_queue(handle.pointer, queue) { rd_kafka_error_destroy(error) }
    let end = ContinuousClock.now + Self.closeTimeout
    while rd_kafka_consumer_closed(handle.pointer) == 0, ContinuousClock.now < end {
      guard let event = rd_kafka_queue_poll(queue, 20) else { continue }
      // From a queue polled like this librdkafka hands out the rebalance instead of calling back.
      if rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE {
        let partitions = rd_kafka_event_topic_partition_list(event)
        rebalance(handle.pointer, rd_kafka_event_error(event), partitions, rd_kafka_opaque(handle.pointer))
      }
      rd_kafka_event_destroy(event)
    }
    if rd_kafka_consumer_closed(handle.pointer) == 0 { handle.abandon() }
    rd_kafka_queue_destroy(queue)
    topicHandles = []
    self.handle = nil
  }

  private func openHandle() throws -> ClientHandle {
    guard let handle else { throw KafkaError(RD_KAFKA_RESP_ERR__DESTROY, detail: "the consumer is closed") }
    return handle
  }

  private func throwPending() throws {
    guard let error = pendingError else { return }
    pendingError = nil
    throw error
  }

  private func subscribe(_ handle: ClientHandle) throws {
    let list = PartitionList(subscribing: topics)
    try KafkaError.check(
      rd_kafka_subscribe(handle.pointer, list.pointer), doing: "subscribing group '\(group)' to \(topics)")
  }
}
