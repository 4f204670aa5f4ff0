import CRdKafka

/// librdkafka's rebalance callback: runs inside the consumer's poll and close, on their thread.
func rebalance(
  _ client: OpaquePointer?, _ code: rd_kafka_resp_err_t,
  _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?, _ opaque: UnsafeMutableRawPointer?
) {
  guard let client else { return }
  guard let partitions, let consumer = ClientContext.of(opaque)?.consumer else {
    // The consumer is going: an unanswered rebalance would keep its close waiting.
    rd_kafka_assign(client, nil)
    return
  }
  let moved = elements(of: partitions).map { TopicPartition($0) }
  guard code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS else { return consumer.giveUp(moved, client) }
  do {
    try consumer.take(moved, client)
  } catch {
    consumer.pendingError = error
    // The rebalance is answered and the membership kept, only nothing is read yet.
    rd_kafka_assign(client, nil)
  }
}

extension BatchConsumer {
  /// Makes the partitions this member's own; on failure they stay ``untaken``.
  func take(_ partitions: [TopicPartition], _ client: OpaquePointer) throws {
    untaken = partitions
    delivered = [:]
    do {
      assignment = Set(partitions)
      let chosen = try delegate?.assigned(partitions, consumer: self) ?? [:]
      let list = PartitionList(partitions, offsets: try startOffsets(of: partitions, chosen: chosen))
      try KafkaError.check(rd_kafka_assign(client, list.pointer), doing: "taking the partitions of group '\(group)'")
    } catch {
      assignment = []
      throw error
    }
    untaken = []
  }

  fileprivate func giveUp(_ partitions: [TopicPartition], _ client: OpaquePointer) {
    generation += 1
    let given = partitions.filter(assignment.contains)
    assignment = []
    delivered = [:]
    untaken = []
    if !given.isEmpty { delegate?.revoked(given) }
    rd_kafka_assign(client, nil)
  }

  /// Explicit offsets where the default of ``BatchConsumer`` asks for them; else librdkafka finds the start itself.
  private func startOffsets(of partitions: [TopicPartition], chosen: [TopicPartition: Int64]) throws
    -> [TopicPartition: Int64]
  {
    let open = partitions.filter { chosen[$0] == nil }
    guard startsAtEarliest, !open.isEmpty else { return chosen }
    let committed = try committed(open)
    return open.reduce(into: chosen) { starts, partition in
      starts[partition] = committed[partition] ?? Int64(RD_KAFKA_OFFSET_BEGINNING)
    }
  }

  /// What a polled error means; `nil` when librdkafka deals with it by itself.
  func failure(_ message: UnsafeMutablePointer<rd_kafka_message_t>, _ handle: ClientHandle) -> KafkaError? {
    let code = message.pointee.err
    if ErrorClass.passing.contains(code.rawValue) { return nil }
    if code == RD_KAFKA_RESP_ERR__FATAL, let error = handle.fatalError { return error }
    let topic = message.pointee.rkt.flatMap { rd_kafka_topic_name($0) }.map { String(cString: $0) } ?? "?"
    let place = "group '\(group)', topic '\(topic)', partition \(message.pointee.partition)"
    if code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET {
      return KafkaError(
        code,
        detail: "\(place): the broker no longer holds the offset where this group must go on reading, "
          + "so messages are lost to it (\(reason(message)))")
    }
    return KafkaError(code, detail: "\(place): \(reason(message))")
  }

  private func reason(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> String {
    rd_kafka_message_errstr(message).map { String(cString: $0) } ?? "no reason given"
  }
}
