import Contracts
import Foundation
import Kafka
import Logging
import Postgres

@testable import StageKit

/// One stage as the loop runs it, moved by hand: a batch, its work, a crash.
protocol Movable: AnyObject {
  /// Handles what lies in one of its topics. Returns whether there was anything.
  func step(_ topic: Topic) throws -> Bool
  /// Everything that state changes have left behind.
  func work() throws
  /// Ends as by SIGKILL and starts again, up to `redelivered` messages of each partition before where it stood.
  func restart(redelivered: Int64) throws
  var input: [Topic] { get }
  var database: Connection { get }
}

final class StageNode<S: Stage>: Movable {
  let input = S.input
  let database: Connection
  private let configuration: StageConfiguration
  private let context: StageContext
  private let producer: Producer
  private let output: StageOutput
  private let admin: Admin
  private var stage: S
  private var readers: [Topic: TopicReader] = [:]
  private var positions: [TopicPartition: Int64] = [:]
  private let batch: Int

  /// - Parameters:
  ///   - partitions: of its topics that it reads; nil: all.
  ///   - batch: messages that it takes at once.
  init(
    _ configuration: StageConfiguration, schema: String, partitions: [Int32]? = nil, batch: Int = 5_000
  ) throws {
    self.configuration = configuration
    self.batch = batch
    database = try Connection(configuration.databaseURL)
    try database.migrate(
      schema: schema, [Migration(version: 1, name: "stream start", sql: StreamStart.migrationSQL)] + S.migrations)
    var logger = Logger(label: S.name.rawValue) { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    let metrics = StageMetrics(stage: S.name, factory: PrometheusRegistry())
    context = StageContext(
      stage: S.name, configuration: configuration, logger: logger, metrics: metrics, database: database)
    producer = try Producer(configuration.kafka)
    output = StageOutput(producer: producer, layout: configuration.layout, stage: S.name, metrics: metrics)
    admin = try Admin(configuration.kafka)
    stage = try S(context: context)
    for topic in input {
      for partition in partitions ?? Array(0..<Int32(configuration.layout.partitions)) {
        positions[place(topic, partition)] = 0
      }
    }
    try start()
  }

  deinit { producer.close() }

  private func place(_ topic: Topic, _ partition: Int32) -> TopicPartition {
    TopicPartition(topic: configuration.layout.name(topic), partition: partition)
  }

  private func start() throws {
    for topic in input {
      let name = configuration.layout.name(topic)
      readers[topic] = try TopicReader(
        configuration.kafka, topic: name, offsets: positions.filter { $0.key.topic == name })
    }
    try stage.assigned(Array(positions.keys))
  }

  func step(_ topic: Topic) throws -> Bool {
    guard try isBehind(topic) else { return false }
    repeat { try stepOnce(topic) } while try isBehind(topic)
    return true
  }

  /// Handles what is read at once.
  func stepOnce(_ topic: Topic) throws {
    guard let batch = try readers[topic]?.poll(maxMessages: batch, timeoutMilliseconds: 200), !batch.isEmpty else {
      return
    }
    do {
      try stage.process(batch, output)
      try output.flush()
    } catch {
      // The batch comes again.
      try restart(redelivered: 0)
      throw error
    }
    positions.merge(batch.nextOffsets) { _, new in new }
  }

  func isBehind(_ topic: Topic) throws -> Bool {
    try positions.contains { place, position in
      try place.topic == configuration.layout.name(topic)
        && position < admin.watermarks(topic: place.topic, partition: place.partition).high
    }
  }

  func work() throws {
    while try stage.work(output) { try output.flush() }
    try output.flush()
  }

  func restart(redelivered: Int64) throws {
    stage.revoked(Array(positions.keys))
    stage = try S(context: context)
    for key in positions.keys { positions[key] = max(0, positions[key]! - redelivered) }
    try start()
  }
}
