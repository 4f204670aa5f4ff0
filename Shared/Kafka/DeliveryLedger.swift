import CRdKafka

/// Counts what a producer has handed over and what the broker has acknowledged. Belongs to the producer's thread:
/// librdkafka reports deliveries only inside its poll and flush calls.
final class DeliveryLedger {
  private(set) var outstanding = 0
  private var failures = 0
  private var firstFailure: KafkaError?

  func sent() {
    outstanding += 1
  }

  /// One delivery report (`dr_msg_cb`).
  func settle(_ message: UnsafePointer<rd_kafka_message_t>) {
    outstanding -= 1
    let code = message.pointee.err
    if let account = message.pointee._private {
      Unmanaged<BacklogAccount>.fromOpaque(account).takeUnretainedValue().settle(message)
    }
    if code == RD_KAFKA_RESP_ERR_NO_ERROR { return }
    failures += 1
    if firstFailure == nil {
      let topic = message.pointee.rkt.flatMap { rd_kafka_topic_name($0) }.map { String(cString: $0) } ?? "?"
      firstFailure = KafkaError(code, doing: "delivering to \(topic) [\(message.pointee.partition)]")
    }
  }

  /// The first delivery that failed since the last call, with the number of all that did.
  func takeFailure() -> KafkaError? {
    defer { (firstFailure, failures) = (nil, 0) }
    guard let firstFailure, failures > 1 else { return firstFailure }
    return KafkaError(
      rd_kafka_resp_err_t(rawValue: firstFailure.code),
      detail: "\(firstFailure.detail) (the first of \(failures) deliveries that failed)")
  }
}

/// The backlog of one partition, reached from the delivery report through the message's opaque pointer.
final class BacklogAccount {
  var backlog: PartitionBacklog

  init(limit: Int) {
    backlog = PartitionBacklog(limit: limit)
  }

  fileprivate func settle(_ message: UnsafePointer<rd_kafka_message_t>) {
    let size = message.pointee.len + message.pointee.key_len + headerBytes(message)
    if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
      backlog.acknowledged(size, at: message.pointee.offset)
    } else {
      backlog.failed(size)
    }
  }
}
