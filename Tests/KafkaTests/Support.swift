import Foundation
import Kafka
import Synchronization
import Testing

@testable import caredata

/// A broker of its own for each test, and what the tests ask of it again and again.
struct TestBroker {
  let broker: EmbeddedBroker

  init(_ topics: String...) throws {
    broker = try EmbeddedBroker(topics: topics.map { try #require(EmbeddedTopic($0)) })
  }

  var configuration: KafkaConfiguration {
    var configuration = KafkaConfiguration.embeddedBroker(bootstrapServers: broker.bootstrapServers)
    // Silent, and held by every client made from it: the broker goes after the last of them.
    configuration.log = { [broker] _, _, _ in _ = broker }
    return configuration
  }

  func configuration(_ properties: [String: String]) -> KafkaConfiguration {
    var configuration = configuration
    configuration.properties.merge(properties) { _, new in new }
    return configuration
  }

  func consumer(_ group: String, _ topic: String, delegate: RebalanceDelegate? = nil) throws -> BatchConsumer {
    try BatchConsumer(configuration, group: group, topics: [topic], delegate: delegate)
  }

  /// Sends `numbers` as text values to partition `number % partitions`, and waits for the acknowledgements.
  func produce(_ numbers: Range<Int>, to topic: String, partitions: Int = 1) throws {
    let producer = try Producer(configuration)
    for number in numbers {
      try producer.send(
        topic: topic, partition: Int32(number % partitions), key: [], value: Array(String(number).utf8))
    }
    try producer.flush()
  }
}

extension Message {
  var number: Int? { Int(String(decoding: value, as: UTF8.self)) }
}

extension BatchConsumer {
  /// Polls until `count` messages have come, or fails the test.
  func numbers(count: Int, seconds: Double = 30) throws -> [Int] {
    var numbers: [Int] = []
    try eventually(seconds: seconds) {
      numbers += try poll(maxMessages: count - numbers.count, maxBytes: .max, timeoutMilliseconds: 100).messages
        .compactMap(\.number)
      return numbers.count >= count
    }
    return numbers
  }
}

/// Repeats until the condition holds; fails the test when it does not in time.
func eventually(
  seconds: Double = 30, location: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
) throws {
  let end = ContinuousClock.now + .seconds(seconds)
  while try !condition() {
    try #require(ContinuousClock.now < end, "the condition did not come true", sourceLocation: location)
  }
}

/// Runs each test on a thread of its own: tests that mostly wait for a broker do not keep the others waiting.
struct OnThreadOfItsOwn: SuiteTrait, TestTrait, TestScoping {
  private final class ThreadExecutor: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
      let job = UnownedJob(job)
      Thread.detachNewThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
  }

  let isRecursive = true

  func provideScope(
    for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(ThreadExecutor()) { try await body() }
  }
}

extension Trait where Self == OnThreadOfItsOwn {
  static var onThreadOfItsOwn: Self { Self() }
}

/// Runs blocking work on a thread of its own.
final class Background: Sendable {
  private let outcome = Mutex<Result<Void, any Error>?>(nil)
  private let done = DispatchSemaphore(value: 0)

  init(_ body: @escaping @Sendable () throws -> Void) {
    Thread.detachNewThread { [self] in
      let result = Result(catching: body)
      outcome.withLock { $0 = result }
      done.signal()
    }
  }

  var isRunning: Bool { outcome.withLock { $0 == nil } }

  func join(seconds: Double = 30) throws {
    try #require(done.wait(timeout: .now() + seconds) == .success, "the background work does not end")
    try outcome.withLock { $0 }?.get()
  }
}

func kafkaError(_ body: () throws -> Void) -> KafkaError? {
  #expect(throws: KafkaError.self, performing: body)
}

/// A scratch path that is removed with this.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/k" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }
}
