import CRdKafka
import Kafka

/// A topic of the embedded broker, written `NAME:PARTITIONS`.
struct EmbeddedTopic: Equatable, Sendable {
  var name: String
  var partitions: Int

  init(name: String, partitions: Int) {
    self.name = name
    self.partitions = partitions
  }

  /// - Returns: `nil` unless the text is a Kafka topic name (1-249 of `A-Z a-z 0-9 . _ -`), a colon and 1...1000.
  init?(_ text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":"), let partitions = Int(text[text.index(after: colon)...]),
      (1...1000).contains(partitions)
    else { return nil }
    let name = text[..<colon]
    guard (1...249).contains(name.utf8.count), name != ".", name != "..",
      name.utf8.allSatisfy({ Self.nameBytes.contains($0) })
    else { return nil }
    self.init(name: String(name), partitions: partitions)
  }

  private static let nameBytes = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-".utf8)
}

/// An in-memory Kafka-protocol broker: librdkafka's own mock cluster, listening on random ports of 127.0.0.1.
///
/// For trying out, tests and small pilots. It forgets everything at exit, keeps 5 MB or 100,000 batches per partition
/// and drops the oldest beyond that, read or not: bound every producer with a `BacklogLimit`.
final class EmbeddedBroker: @unchecked Sendable {
  // Unchecked: the mock cluster takes every call below from any thread, as a message to its own thread.
  private let client: OpaquePointer
  private let cluster: OpaquePointer
  private let replicas: Int32
  /// Random per start: what was known of another incarnation's offsets holds no more.
  let incarnation: String

  /// - Parameter brokers: 1, or more for tests of leader and coordinator failures; each partition then has up to 3 replicas.
  init(topics: [EmbeddedTopic], brokers: Int = 1) throws {
    var reason = [CChar](repeating: 0, count: 512)
    let conf = rd_kafka_conf_new()
    // This client only carries the cluster; it would warn that it has no servers to connect to.
    rd_kafka_conf_set_log_cb(conf, nil)
    // The cluster's connections take it from here. Else each answer waits up to 40 ms for the acknowledgement of the one
    // before, which the client's kernel delays.
    rd_kafka_conf_set(conf, "socket.nagle.disable", "true", nil, 0)
    guard let client = withSignalsBlocked({ rd_kafka_new(RD_KAFKA_PRODUCER, conf, &reason, reason.count) }) else {
      rd_kafka_conf_destroy(conf)
      throw KafkaError(RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, doing: "starting the embedded broker")
    }
    guard let cluster = withSignalsBlocked({ rd_kafka_mock_cluster_new(client, Int32(clamping: brokers)) }) else {
      rd_kafka_destroy(client)
      throw KafkaError(RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, doing: "starting the embedded broker")
    }
    self.client = client
    self.cluster = cluster
    replicas = Int32(clamping: min(brokers, 3))
    var random = SystemRandomNumberGenerator()
    incarnation = (0..<2).map { _ in hexadecimal(random.next()) }.joined()
    for topic in topics { try create(topic) }
  }

  deinit {
    rd_kafka_mock_cluster_destroy(cluster)
    rd_kafka_destroy(client)
  }

  var bootstrapServers: String { String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

  func create(_ topic: EmbeddedTopic) throws {
    try KafkaError.check(
      rd_kafka_mock_topic_create(cluster, topic.name, Int32(clamping: topic.partitions), replicas),
      doing: "making topic '\(topic.name)' in the embedded broker")
  }

  /// Carries out what arrives on the control socket.
  func perform(_ command: BrokerControlCommand) throws {
    switch command {
    case .ping: break
    case .down(let broker):
      try KafkaError.check(rd_kafka_mock_broker_set_down(cluster, broker), doing: "setting broker \(broker) down")
    case .up(let broker):
      try KafkaError.check(rd_kafka_mock_broker_set_up(cluster, broker), doing: "setting broker \(broker) up")
    case .error(let request, let code, let count):
      let errors = [rd_kafka_resp_err_t](repeating: rd_kafka_resp_err_t(rawValue: code), count: count)
      rd_kafka_mock_push_request_errors_array(cluster, request, errors.count, errors)
    case .roundTrip(let broker, let milliseconds):
      try KafkaError.check(
        rd_kafka_mock_broker_set_rtt(cluster, broker, milliseconds), doing: "delaying broker \(broker)")
    case .topic(let topic): try create(topic)
    }
  }
}

private func hexadecimal(_ number: UInt64) -> String {
  let digits = String(number, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
