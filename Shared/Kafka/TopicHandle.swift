import CRdKafka

/// librdkafka's handle of one topic. While it is held, its pointer names this topic and no other.
final class TopicHandle {
  let name: String
  let pointer: OpaquePointer
  /// Kept: a client must not be destroyed before its topics.
  private let client: ClientHandle

  init(_ name: String, _ client: ClientHandle) throws {
    guard let pointer = rd_kafka_topic_new(client.pointer, name, nil) else {
      throw KafkaError(rd_kafka_last_error(), doing: "opening topic '\(name)'")
    }
    self.name = name
    self.pointer = pointer
    self.client = client
  }

  deinit {
    rd_kafka_topic_destroy(pointer)
  }
}
