import Contracts
import Foundation
import Kafka
import Logging
import Postgres
import Synchronization

/// The one loop of all stages: poll a batch, let the stage handle it, wait for every acknowledgement, commit offsets.
///
/// 1. poll: `MessageBatch` of up to `batch.messages` messages
/// 2. `Stage.process`: database transaction, then outputs
/// 3. flush: every output acknowledged
/// 4. commit: offsets of partitions still held
/// 5. `Stage.work`: a bounded piece of outbox work
///
/// Runs on a thread of its own, since librdkafka and libpq block.
final class StageLoop<S: Stage>: RebalanceDelegate {
  private let configuration: StageConfiguration
  private let logger: Logger
  private let metrics: StageMetrics
  private let health: Health
  private let stopping: StopFlag
  private var context: StageContext
  private var stage: S
  private var held: Set<TopicPartition> = []
  private let start: StreamStart
  private var started: Set<TopicPartition> = []

  /// How long a failing batch is tried again in place before the group is left and joined anew.
  private let patience = Duration.seconds(60)

  init(
    configuration: StageConfiguration, logger: Logger, metrics: StageMetrics, health: Health, stopping: StopFlag
  ) throws {
    self.configuration = configuration
    self.logger = logger
    self.metrics = metrics
    self.health = health
    self.stopping = stopping
    let database = try Self.connect(configuration, logger, health, stopping)
    context = StageContext(
      stage: S.name, configuration: configuration, logger: logger, metrics: metrics, database: database)
    context.progress = { health.progress() }
    stage = try S(context: context)
    start = StreamStart(incarnation: configuration.incarnation)
  }

  /// Until told to stop. Throws what only an operator can mend.
  func run() throws {
    let backlog =
      configuration.backlogBytes > 0
      ? BacklogLimit(bytesPerPartition: configuration.backlogBytes, groups: configuration.layout.readers()) : nil
    let producer = try Producer(configuration.kafka, backlog: backlog)
    // A stop lets the batch in hand finish; only an absent broker or reader may not hold it up for ever.
    stopping.whenSet { DispatchQueue.global().asyncAfter(deadline: .now() + 12) { producer.cancel() } }
    let output = StageOutput(producer: producer, layout: configuration.layout, stage: S.name, metrics: metrics)
    defer { producer.close() }
    while !stopping.isSet {
      let consumer = try BatchConsumer(
        configuration.kafka, group: configuration.layout.group(S.name),
        topics: S.input.map(configuration.layout.name), delegate: self)
      health.waiting(for: "partitions of \(S.input.map(configuration.layout.name).joined(separator: ", "))")
      defer { consumer.close() }
      do {
        try turn(consumer, output)
      } catch is Interrupted {
        return
      } catch  where !stopping.isSet && Self.isRetriable(error) {
        logger.warning("leaving the group until the dependencies answer", metadata: ["reason": "\(error)"])
        try recover(after: error, output)
      } catch {
        if stopping.isSet && Self.isRetriable(error) { return }
        throw error
      }
    }
  }

  private func turn(_ consumer: BatchConsumer, _ output: StageOutput) throws {
    var isBusy = false
    let limits = type(of: stage).batch
    while !stopping.isSet {
      health.progress()
      let batch = try consumer.poll(
        maxMessages: configuration.batchMessages ?? limits.messages,
        maxBytes: configuration.batchBytes ?? limits.bytes,
        timeoutMilliseconds: isBusy ? 0 : 100)
      if !batch.messages.isEmpty {
        let start = ContinuousClock.now
        try persist(output) { try stage.process(batch, output) }
        let next = batch.nextOffsets
        if try consumer.commit(next) { try remember(next.keys) }
        metrics.batch(messages: batch.messages.count, duration: ContinuousClock.now - start)
      }
      try persist(output) { isBusy = try stage.work(output) }
      tellPause()
      metrics.publish()
    }
  }

  private var toldPause: String?
  /// Told once, however often it is met.
  private var toldFailure: String?

  private func tellPause() {
    guard context.paused != toldPause else { return }
    toldPause = context.paused
    health.paused(toldPause)
    metrics.paused(toldPause != nil)
    if let toldPause {
      logger.warning("paused", metadata: ["reason": "\(toldPause)"])
    } else {
      logger.info("goes on")
    }
  }

  /// Runs a step with its acknowledgements, again after a retriable failure, until it holds.
  private func persist(_ output: StageOutput, _ step: () throws -> Void) throws {
    let deadline = ContinuousClock.now + patience
    var failed: (any Error)?
    while true {
      do {
        if let error = failed { try recover(after: error, output) }
        try step()
        try output.flush()
        if failed != nil { health.waiting(for: held.isEmpty ? "partitions" : nil) }
        toldFailure = nil
        return
      } catch  where Self.isRetriable(error) && !stopping.isSet && ContinuousClock.now < deadline {
        metrics.databaseRetries.increment()
        failed = error
      }
    }
  }

  /// Waits for the database, then reloads what the stage keeps in memory: it may be ahead of or behind a lost commit.
  private func recover(after error: any Error, _ output: StageOutput) throws {
    let reason = "\(error)"
    if reason != toldFailure { logger.warning("waiting to try again", metadata: ["reason": "\(reason)"]) }
    toldFailure = reason
    health.waiting(for: reason)
    // Outputs of the failed attempt may still be on their way; what they report is no longer of interest.
    try? output.flush()
    // What is short for a moment, memory or disk space of the server, is not to be asked for in a tight loop.
    guard !stopping.wait(seconds: 0.1) else { throw Interrupted() }
    if !context.database.isUsable {
      context.database.close()
      context.database = try Self.connect(configuration, logger, health, stopping)
    }
    let partitions = Array(held)
    stage.revoked(partitions)
    try stage.assigned(partitions)
  }

  private static func connect(
    _ configuration: StageConfiguration, _ logger: Logger, _ health: Health, _ stopping: StopFlag
  ) throws -> Connection {
    var delay = 0.1
    while true {
      do {
        let connection = try Connection(configuration.databaseURL)
        // Tells the operator, in pg_stat_activity, whose session it is.
        try connection.execute("set application_name = 'caredata-\(S.name.rawValue)'")
        try connection.migrate(
          schema: S.name.schema,
          [Migration(version: 1, name: "stream start", sql: StreamStart.migrationSQL)] + S.migrations)
        return connection
      } catch let error as PostgresError where error.isRetriable {
        logger.warning("waiting for the database", metadata: ["reason": "\(error)"])
        health.waiting(for: "the database")
        guard !stopping.wait(seconds: delay) else { throw Interrupted() }
        delay = min(delay * 2, 5)
      }
    }
  }

  static func isRetriable(_ error: any Error) -> Bool {
    switch error {
    case let error as PostgresError: error.isRetriable
    case let error as KafkaError: error.isRetriable && !error.isFatal
    case is StageWait: true
    default: false
    }
  }

  // MARK: RebalanceDelegate

  func assigned(_ partitions: [TopicPartition], consumer: BatchConsumer) throws -> [TopicPartition: Int64] {
    started = try start.check(partitions, committed: try consumer.committed(partitions), database: context.database)
    try stage.assigned(partitions)
    held.formUnion(partitions)
    metrics.assignment(held.count)
    health.waiting(for: nil)
    logger.info("partitions assigned", metadata: ["count": "\(held.count)"])
    return [:]
  }

  /// From its first commit on, a partition whose offset is missing has lost it.
  private func remember(_ partitions: some Collection<TopicPartition>) throws {
    let new = partitions.filter { !started.contains($0) }
    guard !new.isEmpty else { return }
    try start.remember(new, database: context.database)
    started.formUnion(new)
  }

  func revoked(_ partitions: [TopicPartition]) {
    stage.revoked(partitions)
    held.subtract(partitions)
    metrics.assignment(held.count)
    if held.isEmpty { health.waiting(for: "partitions") }
  }
}

/// The stage was told to stop while it was waiting.
struct Interrupted: Error {}

/// Raised once, seen by all threads.
public final class StopFlag: Sendable {
  private let condition = NSCondition()
  private let flag = Atomic(false)
  private let actions = Mutex<[@Sendable () -> Void]>([])

  public init() {}

  public var isSet: Bool { flag.load(ordering: .acquiring) }

  public func set() {
    condition.lock()
    flag.store(true, ordering: .releasing)
    condition.broadcast()
    condition.unlock()
    for action in actions.withLock({ $0 }) { action() }
  }

  /// Adds something that is done when the flag is raised; at once when it is already.
  public func whenSet(_ action: @escaping @Sendable () -> Void) {
    actions.withLock { $0.append(action) }
    if isSet { action() }
  }

  /// Waits up to `seconds`; returns at once when the flag is raised, and whether it is.
  public func wait(seconds: Double) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    let deadline = Date(timeIntervalSinceNow: seconds)
    while !isSet, condition.wait(until: deadline) {}
    return isSet
  }
}
