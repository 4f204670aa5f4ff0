import CRdKafka
import Glibc

/// One message, as librdkafka holds it. It keeps its ``MessageBatch``; the buffers point into librdkafka's memory and are
/// valid while any message of the batch, or the batch, is held.
public struct Message {
  private let batch: MessageBatch
  private let raw: UnsafeMutablePointer<rd_kafka_message_t>

  init(_ raw: UnsafeMutablePointer<rd_kafka_message_t>, of batch: MessageBatch) {
    self.batch = batch
    self.raw = raw
  }

  /// One shared string per topic, not one per message.
  public var topic: String { batch.name(of: raw.pointee.rkt) }
  public var partition: Int32 { raw.pointee.partition }
  public var offset: Int64 { raw.pointee.offset }
  public var topicPartition: TopicPartition { TopicPartition(topic: topic, partition: partition) }

  /// Without base address: the message has no key.
  public var key: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: raw.pointee.key, count: raw.pointee.key_len)
  }

  /// Without base address: the message has no value (a tombstone).
  public var value: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: raw.pointee.payload, count: raw.pointee.len)
  }

  /// The headers in their order; a header without value has no bytes. Parsed at each call.
  public func headers() -> [(String, [UInt8])] {
    var headers: [(String, [UInt8])] = []
    forEachHeader(raw) { name, value in headers.append((String(cString: name), [UInt8](value))) }
    return headers
  }
}

/// Bytes of a message's header names and values.
func headerBytes(_ message: UnsafePointer<rd_kafka_message_t>) -> Int {
  var bytes = 0
  forEachHeader(message) { name, value in bytes += strlen(name) + value.count }
  return bytes
}

private func forEachHeader(
  _ message: UnsafePointer<rd_kafka_message_t>, _ body: (UnsafePointer<CChar>, UnsafeRawBufferPointer) -> Void
) {
  var list: OpaquePointer?
  guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return }
  var name: UnsafePointer<CChar>?
  var value: UnsafeRawPointer?
  var size = 0
  var index = 0
  while rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let header = name {
    body(header, UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : size))
    index += 1
  }
}

/// The messages of one poll, in each partition's order. Frees them when it and all its messages go.
public final class MessageBatch {
  /// Makes its elements as they are asked for: an array of them would be a cycle of references.
  public struct Messages: RandomAccessCollection {
    fileprivate let batch: MessageBatch

    public var startIndex: Int { 0 }
    public var endIndex: Int { batch.raw.count }
    public subscript(index: Int) -> Message { Message(batch.raw[index], of: batch) }
  }

  private let raw: [UnsafeMutablePointer<rd_kafka_message_t>]
  private let topics: [TopicHandle]
  /// Kept: a client must not be destroyed before its messages.
  private let handle: ClientHandle

  /// - Parameter topics: The topics the messages can be of.
  init(_ raw: [UnsafeMutablePointer<rd_kafka_message_t>], topics: [TopicHandle], _ handle: ClientHandle) {
    self.raw = raw
    self.topics = topics
    self.handle = handle
  }

  deinit {
    for message in raw { rd_kafka_message_destroy(message) }
  }

  public var messages: Messages { Messages(batch: self) }
  public var isEmpty: Bool { raw.isEmpty }

  /// Per partition the offset after its last message: what to commit when the batch is done.
  public var nextOffsets: [TopicPartition: Int64] {
    var offsets: [TopicPartition: Int64] = [:]
    for (index, message) in raw.enumerated() {
      // Messages come in runs of one partition: one entry per run, not per message.
      if index + 1 < raw.count, raw[index + 1].pointee.partition == message.pointee.partition,
        raw[index + 1].pointee.rkt == message.pointee.rkt
      {
        continue
      }
      let topic = name(of: message.pointee.rkt)
      offsets[TopicPartition(topic: topic, partition: message.pointee.partition)] = message.pointee.offset + 1
    }
    return offsets
  }

  fileprivate func name(of topic: OpaquePointer?) -> String {
    for known in topics where known.pointer == topic { return known.name }
    return topic.flatMap { rd_kafka_topic_name($0) }.map { String(cString: $0) } ?? ""
  }
}
