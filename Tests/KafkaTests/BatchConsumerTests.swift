import Kafka
import Testing

@testable import caredata

@Suite(.onThreadOfItsOwn) struct BatchConsumerTests {
  private final class Recorder: RebalanceDelegate {
    struct StateUnavailable: Error {}
    var assigned: [TopicPartition] = []
    var revoked: [TopicPartition] = []
    var starts: [TopicPartition: Int64] = [:]
    var failures = 0

    func assigned(_ partitions: [TopicPartition], consumer: BatchConsumer) throws -> [TopicPartition: Int64] {
      if failures > 0 {
        failures -= 1
        throw StateUnavailable()
      }
      assigned += partitions
      return starts
    }

    func revoked(_ partitions: [TopicPartition]) {
      revoked += partitions
    }
  }

  private let partition = TopicPartition(topic: "t", partition: 0)

  @Test func `a group goes on where it has committed`() throws {
    let broker = try TestBroker("t:1")
    try broker.produce(0..<100, to: "t")
    let first = try broker.consumer("g", "t")
    #expect(try first.numbers(count: 40) == Array(0..<40))
    try first.commit([partition: 30])
    #expect(try first.committed([partition]) == [partition: 30])
    first.close()
    #expect(first.assignment.isEmpty)

    #expect(try broker.consumer("g", "t").numbers(count: 70) == Array(30..<100))
  }

  @Test func `a batch keeps to its bounds and outlives its consumer`() throws {
    let broker = try TestBroker("t:1")
    try broker.produce(1000..<1100, to: "t")
    var consumer: BatchConsumer? = try broker.consumer("g", "t")
    #expect(try consumer?.numbers(count: 10).count == 10)
    var batch: MessageBatch?
    try eventually {
      batch = try consumer?.poll(maxMessages: 100, maxBytes: 10, timeoutMilliseconds: 100)
      return batch?.isEmpty == false
    }
    consumer = nil
    // Four bytes each: the third reaches the bound.
    #expect(batch?.messages.map(\.number) == [1010, 1011, 1012])
    #expect(batch?.nextOffsets == [partition: 13])
  }

  @Test func `two consumers share the partitions, and what one has lost it does not commit`() throws {
    let broker = try TestBroker("t:4")
    try broker.produce(0..<400, to: "t", partitions: 4)
    let recorder = Recorder()
    let first = try broker.consumer("g", "t", delegate: recorder)
    #expect(try first.numbers(count: 400).sorted() == Array(0..<400))
    #expect(recorder.assigned.count == 4)

    let second = try broker.consumer("g", "t")
    var secondHas: [Int] = []
    try eventually {
      _ = try first.poll(maxMessages: 1, maxBytes: .max, timeoutMilliseconds: 20)
      secondHas += try second.poll(maxMessages: 1000, maxBytes: .max, timeoutMilliseconds: 20).messages
        .compactMap(\.number)
      return first.assignment.count == 2 && second.assignment.count == 2 && secondHas.count >= 200
    }
    #expect(Set(recorder.revoked) == Set(recorder.assigned.prefix(4)))
    #expect(first.assignment.isDisjoint(with: second.assignment))
    // Nothing was committed, so the second reads its partitions from the start.
    let secondOwns = Set(second.assignment.map { Int($0.partition) })
    #expect(Set(secondHas) == Set((0..<400).filter { secondOwns.contains($0 % 4) }))

    let all = recorder.assigned.prefix(4).map { ($0, Int64(100)) }
    try first.commit(Dictionary(uniqueKeysWithValues: all))
    let committed = try first.committed(recorder.assigned.prefix(4).map(\.self))
    #expect(Set(committed.keys).isDisjoint(with: second.assignment))
    try second.commit(Dictionary(uniqueKeysWithValues: second.assignment.map { ($0, 100) }))
    #expect(try Set(second.committed(Array(second.assignment)).keys) == second.assignment)
  }

  @Test func `an offset that was handed out before a revoke is not committed after it`() throws {
    let broker = try TestBroker("t:1")
    try broker.produce(0..<10, to: "t")
    let consumer = try broker.consumer("g", "t")
    #expect(try consumer.numbers(count: 5) == Array(0..<5))
    let other = try broker.consumer("g", "t")
    var again: MessageBatch?
    try eventually {
      // The consumer is asked last, so that it has just taken part in the rebalance.
      _ = try other.poll(maxMessages: 1, maxBytes: .max, timeoutMilliseconds: 10)
      again = try consumer.poll(maxMessages: 2, maxBytes: .max, timeoutMilliseconds: 10)
      return again?.messages.first?.offset == 0 || other.assignment.count == 1
    }
    try consumer.commit([partition: 5])
    #expect(try consumer.committed([partition]).isEmpty)
  }

  @Test func `a lost offset is a fatal error that names group, topic and partition`() throws {
    let broker = try TestBroker("t:1")
    try broker.produce(0..<2, to: "t")
    let first = try broker.consumer("readers", "t")
    #expect(try first.numbers(count: 1) == [0])
    try first.commit([partition: 1])
    first.close()

    // The broker keeps 5 MB of a partition.
    let producer = try Producer(broker.configuration)
    var random = SplitMix(state: 1)
    let large = (0..<900_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for _ in 0..<8 { try producer.send(topic: "t", partition: 0, key: [], value: large) }
    try producer.flush()
    #expect(try Admin(broker.configuration).watermarks(topic: "t", partition: 0).low > 1)

    let second = try broker.consumer("readers", "t")
    let lost = kafkaError {
      try eventually {
        try !second.poll(maxMessages: 10, maxBytes: .max, timeoutMilliseconds: 100).isEmpty
      }
    }
    #expect(lost?.name == "_AUTO_OFFSET_RESET")
    #expect(lost?.isFatal == true)
    #expect(lost?.detail.hasPrefix("group 'readers', topic 't', partition 0: the broker no longer holds") == true)
  }

  @Test func `the delegate chooses where to start`() throws {
    let broker = try TestBroker("t:1")
    try broker.produce(0..<10, to: "t")
    let recorder = Recorder()
    recorder.starts = [partition: 7]
    let consumer = try broker.consumer("g", "t", delegate: recorder)
    #expect(try consumer.numbers(count: 3) == [7, 8, 9])
    #expect(consumer.assignment == [partition])
    consumer.close()
    #expect(recorder.revoked == [partition])
  }

  @Test func `an assignment the delegate cannot take is thrown and tried again`() throws {
    let broker = try TestBroker("t:1")
    try broker.produce(0..<10, to: "t")
    let recorder = Recorder()
    recorder.failures = 1
    let consumer = try broker.consumer("g", "t", delegate: recorder)
    #expect(throws: Recorder.StateUnavailable.self) { try consumer.numbers(count: 1) }
    #expect(consumer.assignment.isEmpty)
    #expect(try consumer.numbers(count: 10) == Array(0..<10))
    #expect(recorder.assigned == [partition])
  }

  @Test func `a commit that the coordinator refuses for a moment is retried or thrown as retriable`() throws {
    let broker = try TestBroker("t:1")
    try broker.produce(0..<10, to: "t")
    let consumer = try broker.consumer("g", "t")
    #expect(try consumer.numbers(count: 10).count == 10)
    try broker.broker.perform(.error(request: 8, code: 16, count: 1))  // OffsetCommit, NOT_COORDINATOR
    try eventually {
      do {
        return try consumer.commit([partition: 10])
      } catch let error as KafkaError where error.isRetriable {
        return false
      }
    }
    #expect(try consumer.committed([partition]) == [partition: 10])
  }

  @Test func `a commit to a broker that is down ends as retriable and succeeds later`() throws {
    let broker = try TestBroker("t:1")
    try broker.produce(0..<10, to: "t")
    let consumer = try broker.consumer("g", "t")
    #expect(try consumer.numbers(count: 10).count == 10)
    try broker.broker.perform(.down(-1))
    #expect(kafkaError { try consumer.commit([partition: 10]) }?.isRetriable == true)
    try broker.broker.perform(.up(-1))
    // The group may have been left meanwhile; then the messages come again.
    try eventually {
      let batch = try consumer.poll(maxMessages: 10, maxBytes: .max, timeoutMilliseconds: 10)
      let next = batch.nextOffsets[partition] ?? 10
      return next == 10 && (try? consumer.commit([partition: next])) == true
        && (try? consumer.committed([partition])) == [partition: 10]
    }
  }

  @Test func `a consumer can be closed while the broker is down`() throws {
    let broker = try TestBroker("t:1")
    try broker.produce(0..<10, to: "t")
    let consumer = try broker.consumer("g", "t")
    #expect(try consumer.numbers(count: 10).count == 10)
    try broker.broker.perform(.down(-1))
    _ = try? consumer.commit([partition: 10])
    let started = ContinuousClock.now
    consumer.close()
    #expect(ContinuousClock.now - started < .seconds(7))
  }

  @Test func `a commit refused by a rebalance is told, not thrown`() throws {
    let broker = try TestBroker("t:1")
    try broker.produce(0..<10, to: "t")
    let consumer = try broker.consumer("g", "t")
    #expect(try consumer.numbers(count: 10).count == 10)
    try broker.broker.perform(.error(request: 8, code: 22, count: 1))  // OffsetCommit, ILLEGAL_GENERATION
    #expect(try consumer.commit([partition: 10]) == false)
  }
}
