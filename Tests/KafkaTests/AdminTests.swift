import Kafka
import Testing

@testable import caredata

@Suite(.onThreadOfItsOwn) struct AdminTests {
  @Test func `lag is what a group has yet to commit`() throws {
    let broker = try TestBroker("t:2", "u:3")
    try broker.produce(0..<30, to: "t", partitions: 2)
    let admin = try Admin(broker.configuration)
    let watermarks = try admin.watermarks(topic: "t", partition: 1)
    #expect(watermarks.low == 0)
    #expect(watermarks.high == 15)
    #expect(try admin.lag(group: "g", topic: "t") == [0: 15, 1: 15])
    #expect(try admin.committedOffsets(group: "g", topics: ["t", "u"]).isEmpty)

    let consumer = try broker.consumer("g", "t")
    #expect(try consumer.numbers(count: 30).count == 30)
    let partition = TopicPartition(topic: "t", partition: 1)
    try consumer.commit([partition: 10])
    #expect(try admin.lag(group: "g", topic: "t") == [0: 15, 1: 5])
    #expect(try admin.committedOffsets(group: "g", topics: ["t", "u"]) == [partition: 10])
  }

  @Test func `asking for a topic does not make it`() throws {
    let broker = try TestBroker("t:5")
    let admin = try Admin(broker.configuration)
    #expect(try admin.partitionCount(topic: "t") == 5)
    #expect(try admin.partitionCount(topic: "absent") == nil)
    #expect(try admin.partitionCounts() == ["t": 5])
  }

  @Test func `a topic that cannot be is refused before it is sent`() throws {
    let broker = try TestBroker()
    let refusal = kafkaError {
      try Admin(broker.configuration).createTopics([NewTopic(name: "t", partitions: 1_000_000, replicationFactor: 1)])
    }
    #expect(refusal?.detail.contains("topic 't'") == true)
  }
}
