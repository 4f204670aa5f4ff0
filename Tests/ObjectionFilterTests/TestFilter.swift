import Contracts
import Cryptography
import Foundation
import Kafka
import Logging
import Postgres
import Testing

@testable import ObjectionFilter
@testable import StageKit
@testable import caredata

/// The stage with a broker and a database of its own, driven as the loop drives it, with a clock of its own.
final class TestFilter {
  static let partitions = 2
  static let day: Int64 = 86_400_000_000

  let database: Connection
  let layout = TopicLayout(partitions: TestFilter.partitions)
  /// Microseconds since 1970-01-01T00:00:00Z.
  var now: Int64 = 1_800_000_000_000_000
  var heldPiece: (rows: Int, bytes: Int)?
  private(set) var stage: ObjectionFilterStage
  private(set) var context: StageContext

  private let broker: EmbeddedBroker
  private let kafka: KafkaConfiguration
  private let producer: Producer
  private var configuration: StageConfiguration
  private let admin: Admin
  /// Of the two input topics, from where this process reads on.
  private var inputs: [Source] = []
  private var outputs: [Source] = []

  static func make(nationalList: String = "off") async throws -> TestFilter {
    let broker = try EmbeddedBroker(
      topics: [Topic.validated, .receipts, .permitted, .rejected(.objectionFilter)].map {
        EmbeddedTopic(name: "caredata.\($0.name)", partitions: partitions)
      })
    let configuration = try await StageConfiguration.load(environment: [
      "CAREDATA_DATABASE_URL": "not used", "CAREDATA_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers,
      "CAREDATA_NATIONAL_LIST_DAYS": nationalList, "CAREDATA_TOPICS_PARTITIONS": "\(partitions)",
      "CAREDATA_INCARNATION": "first",
    ])
    return try TestFilter(broker, configuration)
  }

  private init(_ broker: EmbeddedBroker, _ configuration: StageConfiguration) throws {
    self.broker = broker
    self.configuration = configuration
    var kafka = KafkaConfiguration.embeddedBroker(bootstrapServers: broker.bootstrapServers)
    // Readers outlive the broker by a moment; their complaints say nothing.
    kafka.log = { _, _, _ in }
    self.kafka = kafka
    producer = try Producer(kafka)
    admin = try Admin(kafka)
    database = try TestDatabase.connect()
    (context, stage) = try Self.start(configuration, database)
    try assign()
    inputs = try newInputs()
    outputs = try [Topic.permitted, .rejected(.objectionFilter), .receipts].map(source)
  }

  private static func start(
    _ configuration: StageConfiguration, _ database: Connection
  ) throws -> (StageContext, ObjectionFilterStage) {
    let context = StageContext(
      stage: .objectionFilter, configuration: configuration,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      metrics: StageMetrics(stage: .objectionFilter, factory: PrometheusRegistry()), database: database)
    return (context, try ObjectionFilterStage(context: context))
  }

  private func assign() throws {
    stage.clock = { [unowned self] in now }
    if let heldPiece { stage.heldPiece = heldPiece }
    try stage.assigned(
      [Topic.validated, .receipts].flatMap { topic in
        (0..<Int32(Self.partitions)).map { TopicPartition(topic: layout.name(topic), partition: $0) }
      })
  }

  /// A topic read to its present end, again and again.
  private final class Source {
    let topic: String
    let reader: TopicReader
    var count: Int64 = 0
    var messages: [Kafka.Message] = []

    init(topic: String, reader: TopicReader) {
      self.topic = topic
      self.reader = reader
    }
  }

  private func source(_ topic: Topic) throws -> Source {
    let name = layout.name(topic)
    return Source(topic: name, reader: try TopicReader(kafka, topic: name, from: .beginning))
  }

  private func newInputs() throws -> [Source] { try [Topic.validated, .receipts].map(source) }

  private func read(_ source: Source, _ body: (MessageBatch) throws -> Void) throws {
    var end: Int64 = 0
    for partition in 0..<Int32(Self.partitions) {
      end += try admin.watermarks(topic: source.topic, partition: partition).high
    }
    let deadline = ContinuousClock.now + .seconds(20)
    while source.count < end, ContinuousClock.now < deadline {
      let batch = try source.reader.poll(timeoutMilliseconds: 100)
      guard !batch.isEmpty else { continue }
      source.count += Int64(batch.messages.count)
      try body(batch)
    }
    #expect(source.count >= end, "the broker did not give back what it has")
  }

  // MARK: - The loop

  private var output: StageOutput {
    StageOutput(producer: producer, layout: layout, stage: .objectionFilter, metrics: context.metrics)
  }

  /// Delivers what was sent since, then does what there is to do between batches.
  func run() throws {
    if let heldPiece { stage.heldPiece = heldPiece }
    try deliver(inputs)
    try work()
  }

  func work() throws {
    now += 1_000_000
    while try stage.work(output) {}
  }

  private func deliver(_ sources: [Source]) throws {
    try producer.flush()
    for source in sources {
      try read(source) { batch in
        try stage.process(batch, output)
        try producer.flush()
      }
    }
  }

  /// Everything ever sent comes again, as after an offset that was not committed.
  func redeliver() throws {
    try deliver(try newInputs())
    try work()
  }

  /// Another process takes over: nothing but the tables is left.
  func restart(incarnation: String? = nil) throws {
    if let incarnation { configuration.incarnation = incarnation }
    (context, stage) = try Self.start(configuration, database)
    try assign()
  }

  // MARK: - Input

  func send(_ envelope: Envelope, key: [UInt8], partition: Int32? = nil) throws {
    let value: [UInt8] = try envelope.serializedBytes()
    try send(raw: value, key: key, partition: partition ?? layout.partition(of: key))
  }

  func send(raw value: [UInt8], key: [UInt8], partition: Int32) throws {
    try producer.send(topic: layout.name(.validated), partition: partition, key: key, value: value)
  }

  func send(_ receipt: Receipt, asJSON: Bool = false) throws {
    let value = asJSON ? [UInt8](try receipt.jsonUTF8Data()) : try receipt.serializedBytes()
    try producer.send(
      topic: layout.name(.receipts), partition: layout.partition(ofText: receipt.id), key: Array(receipt.id.utf8),
      value: value)
  }

  func listDrawn(_ drawnAt: Int64) throws {
    try send(
      Receipt.with {
        $0.id = "list-\(drawnAt)"
        $0.status = .nationalListInForce
        $0.drawnAt = drawnAt
      })
  }

  // MARK: - Output

  private func read(_ index: Int) throws -> [Kafka.Message] {
    try producer.flush()
    try read(outputs[index]) { outputs[index].messages += Array($0.messages) }
    return outputs[index].messages
  }

  /// Everything in `permitted` so far, each partition in its order.
  func permitted() throws -> [Envelope] {
    try read(0).map { try Envelope(serializedBytes: Data($0.value)) }
  }

  func rejections() throws -> [Rejection] { try read(1).map { try Rejection(json: $0.value) } }

  func receipts(_ status: Receipt.Status) throws -> [Receipt] {
    try read(2).map { try Receipt(binaryOrJSON: $0.value) }.filter { $0.status == status }
  }

  func rawReceipts() throws -> [[UInt8]] { try read(2).map { [UInt8]($0.value) } }

  func number(_ sql: String) throws -> Int64 { try database.query(sql).int(0, 0) }

  /// Passed, excluded, rejected of an extract.
  func flow(_ extract: String = "e1") throws -> [Int64] {
    let rows = try database.query(
      """
      select coalesce(sum(passed), 0)::bigint, coalesce(sum(excluded), 0)::bigint, coalesce(sum(rejected), 0)::bigint
      from flow where extract_id = $1
      """, [.text(extract)])
    return (0..<3).map { rows.int(0, $0) }
  }
}
