import Foundation
import Kafka
import Synchronization
import Testing

@testable import caredata

@Suite(.onThreadOfItsOwn) struct ProducerTests {
  @Test func `keys, values, headers and tombstones arrive as sent`() throws {
    let broker = try TestBroker("t:2")
    let producer = try Producer(broker.configuration)
    let headers = [("ce_id", "1"), ("ce_type", "é")]
    try producer.send(topic: "t", partition: 1, key: [1, 2], value: [3], headers: headers)
    try producer.send(topic: "t", partition: 1, key: [], value: nil, headers: headers)
    try producer.send(topic: "t", partition: 1, key: [9], value: [])
    try producer.send(topic: "t", partition: 1, key: [9], value: nil)
    #expect(producer.outstanding > 0)
    try producer.flush()
    #expect(producer.outstanding == 0)

    let consumer = try broker.consumer("g", "t")
    var batches: [MessageBatch] = []
    try eventually {
      batches.append(try consumer.poll(maxMessages: 10, maxBytes: .max, timeoutMilliseconds: 100))
      return batches.map(\.messages.count).reduce(0, +) == 4
    }
    consumer.close()
    let messages = batches.flatMap(\.messages)
    #expect(messages.map { [UInt8]($0.key) } == [[1, 2], [], [9], [9]])
    #expect(messages.map { [UInt8]($0.value) } == [[3], [], [], []])
    #expect(messages.map { $0.value.baseAddress == nil } == [false, true, false, true])
    #expect(messages.map(\.offset) == [0, 1, 2, 3])
    #expect(messages.allSatisfy { $0.topic == "t" && $0.partition == 1 })
    #expect(messages[0].headers().map(\.0) == ["ce_id", "ce_type"])
    #expect(messages[1].headers().map(\.1) == [Array("1".utf8), Array("é".utf8)])
    #expect(messages[2].headers().isEmpty)
  }

  @Test func `a message of 900 kB passes and a larger one than the limit is refused`() throws {
    let broker = try TestBroker("t:1")
    let producer = try Producer(broker.configuration)
    var random = SplitMix(state: 7)
    let large = (0..<900_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    try producer.send(topic: "t", partition: 0, key: [1], value: large)
    try producer.flush()
    let refusal = kafkaError { try producer.send(topic: "t", partition: 0, key: [1], value: large + large) }
    #expect(refusal?.name == "MSG_SIZE_TOO_LARGE")
    #expect(refusal?.isRetriable == false)

    let consumer = try broker.consumer("g", "t")
    var received: [UInt8] = []
    try eventually {
      let batch = try consumer.poll(maxMessages: 1, maxBytes: .max, timeoutMilliseconds: 100)
      received = batch.messages.first.map { [UInt8]($0.value) } ?? []
      return !batch.isEmpty
    }
    #expect(received == large)
  }

  @Test(arguments: [
    (Int32(7), 5),  // REQUEST_TIMED_OUT
    (6, 3),  // NOT_LEADER_FOR_PARTITION
    (-195, 3),  // the connection breaks
  ])
  func `retriable errors lose, double and reorder nothing`(code: Int32, count: Int) throws {
    let broker = try TestBroker("t:1")
    try broker.broker.perform(.error(request: 0, code: code, count: count))
    try broker.produce(0..<2000, to: "t")
    #expect(try broker.consumer("g", "t").numbers(count: 2000) == Array(0..<2000))
    #expect(try Admin(broker.configuration).watermarks(topic: "t", partition: 0).high == 2000)
  }

  @Test func `a broker that is down for two seconds is waited out`() throws {
    let broker = try TestBroker("t:1")
    let consumer = try broker.consumer("g", "t")
    try broker.produce(0..<100, to: "t")
    var numbers = try consumer.numbers(count: 100)
    try broker.broker.perform(.down(-1))
    let sending = Background { try broker.produce(100..<3000, to: "t") }
    let end = ContinuousClock.now + .seconds(2)
    try eventually {
      let batch = try consumer.poll(maxMessages: 10, maxBytes: .max, timeoutMilliseconds: 100)
      #expect(batch.isEmpty)
      return ContinuousClock.now > end
    }
    #expect(sending.isRunning)
    try broker.broker.perform(.up(-1))
    try sending.join()
    numbers += try consumer.numbers(count: 2900)
    #expect(numbers == Array(0..<3000))
    try consumer.commit([TopicPartition(topic: "t", partition: 0): 3000])
  }

  @Test func `a delivery that fails is thrown by the flush, and the producer goes on afterwards`() throws {
    let broker = try TestBroker("t:1")
    let producer = try Producer(broker.configuration(["message.timeout.ms": "500"]))
    try broker.broker.perform(.down(-1))
    for _ in 0..<3 { try producer.send(topic: "t", partition: 0, key: [], value: [1]) }
    let failure = kafkaError { try producer.flush() }
    #expect(failure?.name == "_MSG_TIMED_OUT")
    #expect(failure?.isRetriable == true)
    #expect(failure?.detail.contains("delivering to t [0]") == true)
    #expect(failure?.detail.contains("the first of 3") == true)
    #expect(producer.outstanding == 0)

    try broker.broker.perform(.up(-1))
    try eventually {
      try producer.send(topic: "t", partition: 0, key: [], value: [2])
      return (try? producer.flush()) != nil
    }
  }

  @Test func `a full queue is waited out`() throws {
    let broker = try TestBroker("t:1")
    let producer = try Producer(broker.configuration(["queue.buffering.max.messages": "100"]))
    for number in 0..<5000 {
      try producer.send(topic: "t", partition: 0, key: [], value: Array(String(number).utf8))
    }
    try producer.flush()
    #expect(try broker.consumer("g", "t").numbers(count: 5000) == Array(0..<5000))
  }

  @Test func `a cancelled producer stops waiting`() throws {
    let broker = try TestBroker("t:1")
    let producer = try Producer(broker.configuration)
    try broker.broker.perform(.down(-1))
    try producer.send(topic: "t", partition: 0, key: [], value: [1])
    let waiting = Background { try producer.flush() }
    producer.cancel()
    #expect(kafkaError { try waiting.join() }?.name == "_INTR")
    producer.close()
    #expect(kafkaError { try producer.flush() }?.name == "_DESTROY")
  }

  @Test func `a producer stays within its limit ahead of the slowest group`() throws {
    let broker = try TestBroker("t:1")
    let limit = BacklogLimit(bytesPerPartition: 100_000, groups: ["t": ["fast", "slow"]])
    let sent = Mutex(0)
    let sending = Background {
      let producer = try Producer(broker.configuration, backlog: limit)
      for _ in 0..<1000 {
        try producer.send(topic: "t", partition: 0, key: [], value: [UInt8](repeating: 0, count: 930))
        sent.withLock { $0 += 1 }
      }
      try producer.flush()
    }
    // 1,000 bytes each, with the share of batch and record.
    try eventually { sent.withLock { $0 } >= 100 }

    let consumers = try ["fast", "slow"].map { try broker.consumer($0, "t") }
    var committed = [Int64](repeating: 0, count: 2)
    let admin = try Admin(broker.configuration)
    for (index, consumer) in consumers.enumerated() {
      // While only one group reads, the other holds the producer back.
      try eventually {
        let batch = try consumer.poll(maxMessages: 10, maxBytes: .max, timeoutMilliseconds: 20)
        try consumer.commit(batch.nextOffsets)
        committed[index] = batch.messages.last.map { $0.offset + 1 } ?? committed[index]
        let high = try admin.watermarks(topic: "t", partition: 0).high
        #expect(high - (index == 0 ? 0 : min(committed[1], committed[0])) <= 100)
        return committed[index] >= 100
      }
      #expect(sending.isRunning)
    }
    try eventually {
      for (index, consumer) in consumers.enumerated() {
        let batch = try consumer.poll(maxMessages: 50, maxBytes: .max, timeoutMilliseconds: 10)
        try consumer.commit(batch.nextOffsets)
        committed[index] = batch.messages.last.map { $0.offset + 1 } ?? committed[index]
      }
      return committed == [1000, 1000]
    }
    try sending.join()
  }
}

/// A seeded generator (SplitMix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
