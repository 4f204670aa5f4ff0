import CRdKafka
import Synchronization

/// An idempotent producer: `acks=all`, in order within a partition, each message acknowledged or reported as failed.
///
/// Used from one thread; only ``cancel()`` may come from another. After a ``KafkaError`` with `isFatal` it takes a new
/// producer, after any other the same one may be used again.
///
/// Unchecked: the owner keeps it on one thread, all mutable state is reached from there, librdkafka's callbacks included.
public final class Producer: @unchecked Sendable {
  private static let profile = ClientProfile(
    type: RD_KAFKA_PRODUCER,
    fixed: ["enable.idempotence": "true", "acks": "all"],
    // The queue's own default is 1 GB.
    defaults: ["allow.auto.create.topics": "false", "queue.buffering.max.kbytes": "65536"])
  /// Delivery reports are collected after so many messages: often enough for the queue, too seldom to cost.
  private static let messagesPerPoll = 256
  private static let waitMilliseconds: Int32 = 20

  private var handle: ClientHandle?
  private let deliveries: DeliveryLedger
  private let gauge: BacklogGauge?
  private var topics: [String: TopicHandle] = [:]
  private var latest: TopicHandle?
  private var unpolled = 0
  private let isCancelled = Atomic(false)

  /// - Throws: ``KafkaError`` for a property that is unknown, invalid or fixed.
  public init(_ configuration: KafkaConfiguration, backlog: BacklogLimit? = nil) throws {
    let handle = try ClientHandle(Self.profile, configuration) { conf in
      rd_kafka_conf_set_dr_msg_cb(conf) { _, message, opaque in
        guard let message else { return }
        ClientContext.of(opaque)?.deliveries.settle(message)
      }
    }
    self.handle = handle
    deliveries = handle.context.deliveries
    gauge = backlog.map { BacklogGauge($0, configuration) }
  }

  deinit { close() }

  /// Messages sent and not yet acknowledged or failed.
  public var outstanding: Int { deliveries.outstanding }

  /// Queues a copy of the message. Waits while the queue is full or the partition is over its ``BacklogLimit``.
  ///
  /// - Parameters:
  ///   - key: A buffer without base address: no key.
  ///   - value: A buffer without base address: a tombstone.
  /// - Throws: ``KafkaError``: too large, unknown topic or partition, fatal, cancelled. A failed delivery is thrown by
  ///   ``flush()``.
  public func send(
    topic: String, partition: Int32, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer,
    headers: [(String, String)] = []
  ) throws {
    let handle = try openHandle()
    let target = try target(topic, handle)
    var size = key.count + value.count
    for (name, value) in headers { size += name.utf8.count + value.utf8.count }
    let account = try waitForRoom(target, partition, size, handle)
    let tag = account.map { Unmanaged.passUnretained($0).toOpaque() }
    while true {
      let code =
        headers.isEmpty
        ? produce(target.pointer, partition, key, value, tag)
        : produce(target.pointer, partition, key, value, headers, tag, handle)
      if code == RD_KAFKA_RESP_ERR_NO_ERROR { break }
      guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else {
        throw handle.fatalError ?? KafkaError(code, doing: "sending to \(topic) [\(partition)]")
      }
      try pause(handle)
    }
    deliveries.sent()
    account?.backlog.sent(size)
    unpolled += 1
    if unpolled >= Self.messagesPerPoll {
      unpolled = 0
      rd_kafka_poll(handle.pointer, 0)
    }
  }

  /// - Parameter value: `nil` is a tombstone.
  public func send(
    topic: String, partition: Int32, key: [UInt8], value: [UInt8]?, headers: [(String, String)] = []
  ) throws {
    try key.withUnsafeBytes { key in
      guard let value else {
        return try send(
          topic: topic, partition: partition, key: key, value: UnsafeRawBufferPointer(start: nil, count: 0),
          headers: headers)
      }
      try value.withUnsafeBytes { value in
        try withUnsafePointer(to: 0) { placeholder in
          // An empty array may have no address, which would read as a tombstone.
          let value = value.isEmpty ? UnsafeRawBufferPointer(start: placeholder, count: 0) : value
          try send(topic: topic, partition: partition, key: key, value: value, headers: headers)
        }
      }
    }
  }

  /// Waits until every message sent is acknowledged or failed, at most `message.timeout.ms` each.
  ///
  /// - Throws: The first delivery that failed since the last flush, after all the others are settled; a fatal error;
  ///   `_INTR` after ``cancel()``.
  public func flush() throws {
    let handle = try openHandle()
    while outstanding > 0 {
      try throwIfCancelled()
      rd_kafka_flush(handle.pointer, 100)
      if outstanding > 0, let error = handle.fatalError { throw error }
    }
    unpolled = 0
    if let failure = deliveries.takeFailure() { throw handle.fatalError ?? failure }
  }

  /// From any thread: makes a waiting ``send(topic:partition:key:value:headers:)`` or ``flush()``, and all later waits,
  /// throw `_INTR`. For a stop that must not wait for an absent broker or reader.
  public func cancel() {
    isCancelled.store(true, ordering: .relaxed)
  }

  /// Drops what is not acknowledged; call ``flush()`` before to keep it. Also happens when the last reference goes.
  public func close() {
    guard let handle else { return }
    self.handle = nil
    rd_kafka_purge(handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING)
    // Collects the reports of the dropped messages, which refer to the accounts of `topics`.
    rd_kafka_flush(handle.pointer, 1000)
    latest = nil
    topics = [:]
  }

  private func openHandle() throws -> ClientHandle {
    guard let handle else { throw KafkaError(RD_KAFKA_RESP_ERR__DESTROY, detail: "the producer is closed") }
    return handle
  }

  private func throwIfCancelled() throws {
    guard isCancelled.load(ordering: .relaxed) else { return }
    throw KafkaError(RD_KAFKA_RESP_ERR__INTR, detail: "the producer was told to stop waiting")
  }

  /// Lets librdkafka settle messages for a moment.
  private func pause(_ handle: ClientHandle) throws {
    try throwIfCancelled()
    if let error = handle.fatalError { throw error }
    rd_kafka_poll(handle.pointer, Self.waitMilliseconds)
  }

  private func target(_ topic: String, _ handle: ClientHandle) throws -> TopicHandle {
    if let latest, latest.name == topic { return latest }
    let target = try topics[topic] ?? TopicHandle(topic, handle)
    topics[topic] = target
    latest = target
    return target
  }

  private func waitForRoom(_ target: TopicHandle, _ partition: Int32, _ size: Int, _ handle: ClientHandle) throws
    -> BacklogAccount?
  {
    guard let gauge, let account = gauge.account(target.name, partition) else { return nil }
    while !account.backlog.hasRoom(for: size, limit: gauge.limit) {
      rd_kafka_poll(handle.pointer, 0)
      try gauge.refresh(target.name)
      if account.backlog.hasRoom(for: size, limit: gauge.limit) { break }
      try pause(handle)
    }
    return account
  }
}

private func produce(
  _ topic: OpaquePointer, _ partition: Int32, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
  _ tag: UnsafeMutableRawPointer?
) -> rd_kafka_resp_err_t {
  let result = rd_kafka_produce(
    topic, partition, RD_KAFKA_MSG_F_COPY, UnsafeMutableRawPointer(mutating: value.baseAddress), value.count,
    key.baseAddress, key.count, tag)
  return result == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error()
}

private func produce(
  _ topic: OpaquePointer, _ partition: Int32, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
  _ headers: [(String, String)], _ tag: UnsafeMutableRawPointer?, _ handle: ClientHandle
) -> rd_kafka_resp_err_t {
  let list = rd_kafka_headers_new(headers.count)
  for (name, value) in headers {
    rd_kafka_header_add(list, name, -1, value, value.utf8.count)
  }
  var arguments = [rd_kafka_vu_t](repeating: rd_kafka_vu_t(), count: 7)
  arguments[0].vtype = RD_KAFKA_VTYPE_RKT
  arguments[0].u.rkt = topic
  arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION
  arguments[1].u.i32 = partition
  arguments[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS
  arguments[2].u.i = RD_KAFKA_MSG_F_COPY
  arguments[3].vtype = RD_KAFKA_VTYPE_VALUE
  arguments[3].u.mem.ptr = UnsafeMutableRawPointer(mutating: value.baseAddress)
  arguments[3].u.mem.size = value.count
  arguments[4].vtype = RD_KAFKA_VTYPE_KEY
  arguments[4].u.mem.ptr = UnsafeMutableRawPointer(mutating: key.baseAddress)
  arguments[4].u.mem.size = key.count
  arguments[5].vtype = RD_KAFKA_VTYPE_HEADERS
  arguments[5].u.headers = list
  arguments[6].vtype = RD_KAFKA_VTYPE_OPAQUE
  arguments[6].u.ptr = tag
  guard let error = rd_kafka_produceva(handle.pointer, arguments, arguments.count) else {
    return RD_KAFKA_RESP_ERR_NO_ERROR
  }
  // Only a message that was taken owns its headers.
  rd_kafka_headers_destroy(list)
  defer { rd_kafka_error_destroy(error) }
  return rd_kafka_error_code(error)
}
