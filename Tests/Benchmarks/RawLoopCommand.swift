import ArgumentParser
import CRdKafka
import Foundation
import Kafka

/// The yardstick: librdkafka copies messages from topic to topic, and nothing else. Started by the benchmark itself.
///
/// Client settings come as `--set property=value`, the same as the services have.
struct RawLoopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "raw-loop", shouldDisplay: false)

  @Option(name: .customLong("set")) var settings: [String] = []
  @Option var group: String
  @Option var from: String
  @Option var to: String
  @Option(help: "Messages to copy.") var count: Int
  @Option(help: "Made once partitions are assigned.") var readyFile: String

  func run() throws {
    let consumer = try client(
      RD_KAFKA_CONSUMER, ["group.id": group, "enable.auto.commit": "false", "auto.offset.reset": "earliest"])
    let producer = try client(RD_KAFKA_PRODUCER, ["enable.idempotence": "true", "acks": "all"])
    rd_kafka_poll_set_consumer(consumer)
    guard let target = rd_kafka_topic_new(producer, to, nil) else { throw BenchmarkError("no topic \(to)") }
    let topics = rd_kafka_topic_partition_list_new(1)
    rd_kafka_topic_partition_list_add(topics, from, -1)
    rd_kafka_subscribe(consumer, topics)
    try waitForAssignment(consumer)
    _ = FileManager.default.createFile(atPath: readyFile, contents: nil)
    var copied = 0
    while copied < count {
      guard let message = rd_kafka_consumer_poll(consumer, 100) else { continue }
      defer { rd_kafka_message_destroy(message) }
      guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
      while rd_kafka_produce(
        target, message.pointee.partition, 2, message.pointee.payload, message.pointee.len, message.pointee.key,
        message.pointee.key_len, nil) != 0
      {  // 2 = RD_KAFKA_MSG_F_COPY, a macro with a cast; the queue is full
        rd_kafka_poll(producer, 1)
      }
      copied += 1
      if copied % 1_000 == 0 { rd_kafka_poll(producer, 0) }
    }
    rd_kafka_flush(producer, 60_000)
    rd_kafka_commit(consumer, nil, 0)
    // Stays until it has been measured.
    while readLine() != nil {}
    rd_kafka_consumer_close(consumer)
  }

  private func client(_ type: rd_kafka_type_t, _ own: [String: String]) throws -> OpaquePointer {
    let conf = rd_kafka_conf_new()
    var reason = [CChar](repeating: 0, count: 512)
    var properties = own
    for setting in settings {
      let parts = setting.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { properties[String(parts[0])] = String(parts[1]) }
    }
    for (name, value) in properties {
      guard rd_kafka_conf_set(conf, name, value, &reason, reason.count) == RD_KAFKA_CONF_OK else {
        throw BenchmarkError("librdkafka refuses \(name)=\(value)")
      }
    }
    guard let client = rd_kafka_new(type, conf, &reason, reason.count) else {
      throw BenchmarkError("librdkafka makes no client")
    }
    return client
  }

  private func waitForAssignment(_ consumer: OpaquePointer) throws {
    let deadline = Date(timeIntervalSinceNow: 60)
    while Date.now < deadline {
      // The rebalance runs in a poll; the topic is filled afterwards.
      if let early = rd_kafka_consumer_poll(consumer, 10) { rd_kafka_message_destroy(early) }
      var assigned: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
      rd_kafka_assignment(consumer, &assigned)
      defer { if let assigned { rd_kafka_topic_partition_list_destroy(assigned) } }
      if let assigned, assigned.pointee.cnt > 0 { return }
    }
    throw BenchmarkError("the group did not form")
  }
}
