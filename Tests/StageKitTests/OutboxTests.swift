import Contracts
import Kafka
import Postgres
import Testing

@testable import StageKit
@testable import caredata

struct OutboxTests {
  private let database: Connection
  private let broker: EmbeddedBroker
  private let kafka: KafkaConfiguration

  init() throws {
    database = try TestDatabase.connect()
    broker = try EmbeddedBroker(topics: [
      EmbeddedTopic(name: "caredata.validated", partitions: 2), EmbeddedTopic(name: "caredata.receipts", partitions: 2),
    ])
    kafka = KafkaConfiguration.embeddedBroker(bootstrapServers: broker.bootstrapServers)
  }

  private func entry(_ topic: Topic, _ value: Int) -> Outbox.Entry {
    Outbox.Entry(topic: "caredata.\(topic.name)", partition: 1, key: [1], value: Array("\(value)".utf8))
  }

  private func append(_ entries: [Outbox.Entry]) throws {
    try database.transaction { try Outbox.append(entries, to: database) }
  }

  private func withOutput<T>(_ body: (StageOutput) throws -> T) throws -> T {
    let producer = try Producer(kafka)
    defer { producer.close() }
    return try body(
      StageOutput(
        producer: producer, layout: TopicLayout(partitions: 2), stage: .ingestion,
        metrics: StageMetrics(stage: .ingestion, factory: PrometheusRegistry())))
  }

  private func values(_ topic: Topic, count: Int) throws -> [String] {
    let reader = try TopicReader(kafka, topic: "caredata.\(topic.name)", from: .beginning)
    var values: [String] = []
    for _ in 0..<50 where values.count < count {
      for message in try reader.poll(timeoutMilliseconds: 100).messages {
        values.append(String(decoding: message.value, as: UTF8.self))
      }
    }
    return values
  }

  private var waiting: Int64 { get throws { try database.query("select count(*) from outbox").int(0, 0) } }

  @Test func `messages are sent in order, a bounded piece at a time, and then forgotten`() throws {
    try append((0..<25).map { entry(.validated, $0) })
    try withOutput { output in
      let pieces = try (0..<4).map { _ in (more: try Outbox.drain(database, to: output, limit: 10), left: try waiting) }
      #expect(pieces.map(\.more) == [true, true, false, false])
      #expect(pieces.map(\.left) == [15, 5, 0, 0])
    }
    #expect(try waiting == 0)
    #expect(try values(.validated, count: 25) == (0..<25).map(String.init))
  }

  @Test func `a receipt stays unsent while what it acknowledges is refused`() throws {
    var lost = entry(.validated, 1)
    lost.partition = 99
    try append([lost, entry(.receipts, 2)])
    try withOutput { output in
      _ = #expect(throws: KafkaError.self) { _ = try Outbox.drain(database, to: output) }
    }
    #expect(try waiting == 2)
    let (_, high) = try Admin(kafka).watermarks(topic: "caredata.receipts", partition: 1)
    #expect(high == 0)
  }

  @Test func `what a transaction did not commit is never sent`() throws {
    struct Failure: Error {}
    try? database.transaction {
      try Outbox.append([entry(.validated, 1)], to: database)
      throw Failure()
    }
    let isMoreWaiting = try withOutput { try Outbox.drain(database, to: $0) }
    #expect(!isMoreWaiting)
    #expect(try Admin(kafka).watermarks(topic: "caredata.validated", partition: 1).high == 0)
  }

  @Test func `a rejected message is put aside by its place and code, without its content`() throws {
    let broker = try EmbeddedBroker(topics: [
      EmbeddedTopic(name: "caredata.extracts", partitions: 1),
      EmbeddedTopic(name: "caredata.rejected.ingestion", partitions: 2),
    ])
    let kafka = KafkaConfiguration.embeddedBroker(bootstrapServers: broker.bootstrapServers)
    let producer = try Producer(kafka)
    defer { producer.close() }
    try producer.send(topic: "caredata.extracts", partition: 0, key: [1], value: Array("9990000018".utf8))
    try producer.flush()
    let reader = try TopicReader(kafka, topic: "caredata.extracts", from: .beginning)
    let batch = try reader.poll(timeoutMilliseconds: 5_000)
    let output = StageOutput(
      producer: producer, layout: TopicLayout(partitions: 2), stage: .ingestion,
      metrics: StageMetrics(stage: .ingestion, factory: PrometheusRegistry()))
    try output.reject(try #require(batch.messages.first), .malformed)
    try output.flush()
    let aside = try TopicReader(kafka, topic: "caredata.rejected.ingestion", from: .beginning)
    let message = try #require(try aside.poll(timeoutMilliseconds: 5_000).messages.first)
    #expect(
      String(decoding: message.value, as: UTF8.self)
        == #"{"code":"malformed","offset":0,"partition":0,"topic":"caredata.extracts"}"#)
    #expect(String(decoding: message.key, as: UTF8.self) == "caredata.extracts/0/0")
    #expect(
      Dictionary(message.headers().map { ($0.0, String(decoding: $0.1, as: UTF8.self)) }) { $1 }["dlq.code"]
        == "malformed")
  }
}
