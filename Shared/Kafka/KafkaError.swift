import CRdKafka

/// Every failure of this module. `code` and `name` are librdkafka's, negative codes arise in the client, positive ones
/// come from the broker.
///
/// `detail` says what was being done, with topic, partition and group, never with a key, a value or a secret.
public struct KafkaError: Error, Equatable, Sendable, CustomStringConvertible {
  public let code: Int32
  /// librdkafka's name of the code without prefix, for example `_MSG_TIMED_OUT`.
  public let name: String
  /// The client that threw it cannot go on; it takes a new client or an operator.
  public let isFatal: Bool
  /// The same call may succeed later without anything being changed.
  public let isRetriable: Bool
  public let detail: String

  public var description: String { "Kafka \(name) (\(code)): \(detail)" }

  /// - Parameter detail: The whole text; without it, librdkafka's text of the code.
  package init(_ code: rd_kafka_resp_err_t, detail: String? = nil) {
    self.code = code.rawValue
    self.name = rd_kafka_err2name(code).map { String(cString: $0) } ?? "UNKNOWN"
    self.isFatal = ErrorClass.fatal.contains(code.rawValue)
    self.isRetriable = ErrorClass.retriable.contains(code.rawValue)
    self.detail = detail ?? String(cString: rd_kafka_err2str(code))
  }

  /// - Parameter doing: What failed, as a gerund: "committing offsets of group g".
  package init(_ code: rd_kafka_resp_err_t, doing: String) {
    self.init(code, detail: "\(doing): \(String(cString: rd_kafka_err2str(code)))")
  }

  package static func check(_ code: rd_kafka_resp_err_t, doing: @autoclosure () -> String) throws {
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, doing: doing()) }
  }
}

/// Which codes end a client and which pass by themselves (error codes of the Kafka protocol, librdkafka's own below 0).
enum ErrorClass {
  static let fatal: Set<Int32> = codes(
    RD_KAFKA_RESP_ERR__FATAL, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR__FENCED,
    RD_KAFKA_RESP_ERR__INVALID_ARG, RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, RD_KAFKA_RESP_ERR__SSL,
    RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__DESTROY, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
    RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
    RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
    RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL)

  static let retriable: Set<Int32> = codes(
    RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
    RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
    RD_KAFKA_RESP_ERR__QUEUE_FULL, RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__WAIT_CACHE,
    RD_KAFKA_RESP_ERR__IN_PROGRESS, RD_KAFKA_RESP_ERR__RETRY, RD_KAFKA_RESP_ERR__PURGE_QUEUE,
    RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
    RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
    RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
    RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT,
    RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
    RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH)

  /// The coordinator no longer takes this member's commits: the next poll runs the rebalance, and what was not
  /// committed comes again, here or at another member.
  static let membershipLost: Set<Int32> = codes(
    RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
    RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST)

  /// Conditions a poll passes over, since librdkafka recovers from them itself and has logged them.
  static let passing: Set<Int32> = codes(
    RD_KAFKA_RESP_ERR__PARTITION_EOF, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
    RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, RD_KAFKA_RESP_ERR__TIMED_OUT)

  private static func codes(_ codes: rd_kafka_resp_err_t...) -> Set<Int32> { Set(codes.map(\.rawValue)) }
}
