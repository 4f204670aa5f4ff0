import Contracts
import Kafka
import Logging
import Postgres

/// What one service does between its input and its output topics; the loop around it is ``StageLoop``.
///
/// All calls come from one thread. A retriable PostgreSQL or Kafka error or a ``StageWait`` thrown from any of them makes
/// the loop wait, reconnect, reload the stage's state (``revoked(_:)`` then ``assigned(_:)``) and run the same batch again, so every
/// effect must be idempotent; what is in memory may run ahead of the transaction, since a failure reloads it.
public protocol Stage: AnyObject, SendableMetatype {
  static var name: StageName { get }
  static var input: [Topic] { get }
  static var migrations: [Migration] { get }
  static var batch: BatchLimits { get }

  init(context: StageContext) throws

  /// Loads what the stage keeps in memory for these partitions.
  func assigned(_ partitions: [TopicPartition]) throws

  func revoked(_ partitions: [TopicPartition])

  /// Handles one batch set-based: transaction first, then outputs. Offsets are committed after all are acknowledged.
  func process(_ batch: MessageBatch, _ output: StageOutput) throws

  /// Called between batches, also when idle: outbox and other work that state changes left behind.
  /// Returns whether more is waiting.
  func work(_ output: StageOutput) throws -> Bool
}

/// Upper bounds of one batch.
public struct BatchLimits: Hashable, Sendable {
  public let messages: Int
  public let bytes: Int

  public init(messages: Int, bytes: Int) {
    self.messages = messages
    self.bytes = bytes
  }
}

extension Stage {
  public static var batch: BatchLimits { BatchLimits(messages: 20_000, bytes: 16 << 20) }

  public func assigned(_ partitions: [TopicPartition]) throws {}
  public func revoked(_ partitions: [TopicPartition]) {}
  public func work(_ output: StageOutput) throws -> Bool { false }
}

/// What the loop lends to a stage.
public final class StageContext {
  public let stage: StageName
  public let configuration: StageConfiguration
  public let logger: Logger
  public let metrics: StageMetrics
  /// Replaced after a reconnect: never keep it.
  public internal(set) var database: Connection
  /// What the stage holds back and why, while it does everything else; `nil`: nothing. Told by `/readyz` and a metric.
  public var paused: String?
  /// To be called now and then during work that takes minutes: the loop is alive.
  public internal(set) var progress: () -> Void = {}

  public var layout: TopicLayout { configuration.layout }

  public init(
    stage: StageName, configuration: StageConfiguration, logger: Logger, metrics: StageMetrics, database: Connection
  ) {
    self.stage = stage
    self.configuration = configuration
    self.logger = logger
    self.metrics = metrics
    self.database = database
  }
}

/// Where a stage sends its outputs; accounts for them and for rejected messages.
public final class StageOutput {
  public let producer: Producer
  private let layout: TopicLayout
  private let metrics: StageMetrics
  private let rejectedTopic: String

  init(producer: Producer, layout: TopicLayout, stage: StageName, metrics: StageMetrics) {
    self.producer = producer
    self.layout = layout
    self.metrics = metrics
    self.rejectedTopic = layout.name(.rejected(stage))
  }

  public func send(
    topic: String, partition: Int32, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer,
    headers: [(String, String)] = []
  ) throws {
    try producer.send(topic: topic, partition: partition, key: key, value: value, headers: headers)
    metrics.sent += 1
  }

  public func send(
    topic: String, partition: Int32, key: [UInt8], value: [UInt8], headers: [(String, String)] = []
  ) throws {
    try key.withUnsafeBytes { key in
      try value.withUnsafeBytes { value in
        try send(topic: topic, partition: partition, key: key, value: value, headers: headers)
      }
    }
  }

  /// Waits until everything sent is acknowledged.
  public func flush() throws { try producer.flush() }

  /// Puts a message aside by coordinates and code; the content stays where it came from.
  public func reject(_ message: Message, _ code: RejectionCode) throws {
    try reject(Rejection(message, code))
  }

  public func reject(_ rejection: Rejection) throws {
    try producer.send(
      topic: rejectedTopic, partition: rejection.partition % Int32(layout.partitions), key: Array(rejection.place.utf8),
      value: rejection.json,
      headers: [
        ("dlq.source.topic", rejection.topic), ("dlq.source.partition", "\(rejection.partition)"),
        ("dlq.source.offset", "\(rejection.offset)"), ("dlq.code", rejection.code),
      ])
    metrics.rejected.increment()
  }
}

extension Rejection {
  public init(_ message: Message, _ code: RejectionCode) {
    self.init(topic: message.topic, partition: message.partition, offset: message.offset, code: code.rawValue)
  }
}

extension RejectionCode {
  public init(_ error: ContractError) {
    switch error {
    case .malformed: self = .malformed
    case .missingHeader: self = .missingHeader
    case .missingField: self = .missingField
    case .unknownKind: self = .unknownKind
    }
  }
}
