import Contracts
import Foundation
import Fuzzing
import Kafka
import Postgres

/// Sends hostile messages to ingestion, which runs alone, and settles what became of each.
final class FuzzedMessages {
  /// What the service may need more at the end than after its warm-up: a batch in hand and the caches it fills.
  private static let memoryBound = 64 << 20
  private static let recordsPerExtract = 250
  /// Bytes; with key and framing a message may have 1,000,000.
  private static let greatestMessage = 990_000

  private let workspace: Workspace
  private let environment: [String: String]
  private var fuzzer: MessageFuzzer
  private var settlement = FuzzSettlement()
  /// Messages sent so far, per topic and partition: the next one's offset.
  private var offsets: [FuzzPlace.Partition: Int64] = [:]
  private var sent = 0
  private var memory = ResidentMemory(bound: memoryBound)
  private var enrolmentsSent = 0
  private var enrolmentsSeen = 0

  init(_ workspace: Workspace, _ environment: [String: String], seed: UInt64) {
    self.workspace = workspace
    self.environment = environment
    fuzzer = MessageFuzzer(seed: seed)
  }

  /// Faults; none when everything is accounted for.
  func run(_ count: Int) throws -> [String] {
    let cluster = try ClusterTime(environment["CAREDATA_DATABASE_URL"] ?? "")
    try cluster.dropDatabase("fuzz")
    try cluster.makeDatabase("fuzz")
    let url = (environment["CAREDATA_DATABASE_URL"] ?? "").replacing("dbname=caredata", with: "dbname=fuzz")
    let broker = try AloneBroker.start(workspace, environment, "fuzz")
    defer { broker.process.stop() }
    let service = try broker.startService(.ingestion, databaseURL: url, workspace)
    defer { service.stop() }
    let rejected = try TopicReader(
      broker.kafka, topic: broker.layout.name(.rejected(.ingestion)), from: .beginning)
    let receipts = try TopicReader(broker.kafka, topic: broker.layout.name(.receipts), from: .beginning)
    let practices = try TopicReader(broker.kafka, topic: broker.layout.name(.practices), from: .beginning)
    let group = broker.layout.group(.ingestion)
    let topics = [Topic.extracts, .objections, .practices].map(broker.layout.name)
    let producer = try Producer(
      broker.kafka,
      backlog: BacklogLimit(
        bytesPerPartition: 1_000_000, groups: Dictionary(uniqueKeysWithValues: topics.map { ($0, [group]) })))
    defer { producer.close() }
    let database = try Connection(url)
    defer { database.close() }

    let start = ContinuousClock.now
    try enrol(producer, broker.layout, database, service)
    var round = 0
    while sent < count {
      round += 1
      for message in fuzzer.extract(records: Self.recordsPerExtract) {
        try send(message, partition: Int32(round % broker.layout.partitions), producer, broker.layout)
      }
      if round % 10 == 0 {
        for message in fuzzer.objections(100) + fuzzer.enrolments(25) {
          try send(message, partition: Int32(round % broker.layout.partitions), producer, broker.layout)
        }
      }
      try listen(rejected, receipts, practices)
      guard service.isRunning else { return ["ingestion ended after \(sent) messages, exit code \(service.wait())"] }
      memory.sample(ResidentMemory.of(service.pid) ?? 0)
    }
    try producer.flush()
    try awaitRest(topics, group, broker, database, service) {
      try self.listen(rejected, receipts, practices)
    }
    let seconds = (ContinuousClock.now - start).inSeconds
    var faults = try settlement.settle(database)
    // What was said of an enrolment that is not ours was said of one of ingestion's own.
    let foreign = "\(broker.layout.name(.practices))/"
    faults.removeAll { $0.hasPrefix(foreign) && $0.hasSuffix("was settled and never sent") }
    if enrolmentsSeen != enrolmentsSent {
      faults.append("\(enrolmentsSeen) enrolments lie in the topic, \(enrolmentsSent) were sent")
    }
    if !service.isRunning { faults.append("ingestion has ended") }
    if let fault = memory.fault { faults.append(fault) }
    if let log = try? String(contentsOfFile: workspace.path("fuzz.log"), encoding: .utf8),
      log.contains(HostileValues.canary)
    {
      faults.append("the log of ingestion repeats a value of a message")
    }
    print(report(seconds, service))
    return faults
  }

  private func enrol(
    _ producer: Producer, _ layout: TopicLayout, _ database: Connection, _ service: Child
  ) throws {
    let enrolments = MessageFuzzer.enrolments(today: Int32(Date.now.timeIntervalSince1970 / 86_400))
    for enrolment in enrolments {
      try send(
        .init(destination: .practices, bytes: try enrolment.serializedBytes()), partition: 0, producer, layout)
    }
    try producer.flush()
    try awaited("enrolment", seconds: 60, every: 0.1, unlessEnded: service) {
      try database.query("select count(*) from ingestion.practice").int(0, 0) == enrolments.count ? true : nil
    }
  }

  private func send(
    _ message: MessageFuzzer.FuzzMessage, partition: Int32, _ producer: Producer, _ layout: TopicLayout
  ) throws {
    // No producer could send it.
    if message.bytes.count > Self.greatestMessage { return }
    let topic: Topic =
      switch message.destination {
      case .extracts: .extracts
      case .objections: .objections
      case .practices: .practices
      }
    let lane = FuzzPlace.Partition(topic: layout.name(topic), number: partition)
    try producer.send(topic: lane.topic, partition: partition, key: Self.key(partition), value: message.bytes)
    sent += 1
    if topic == .practices {
      enrolmentsSent += 1
    } else {
      settlement.sent(message, at: FuzzPlace(partition: lane, offset: offsets[lane, default: 0]))
      offsets[lane, default: 0] += 1
    }
  }

  /// Of one byte, which no key of ingestion's own has.
  private static func key(_ partition: Int32) -> [UInt8] { [UInt8(partition)] }

  /// The broker keeps 5 MB of a partition, so what ingestion says is read while it says it.
  /// Ingestion writes to the topic of enrolments itself, so the places of ours are read, not counted.
  private func listen(_ rejected: TopicReader, _ receipts: TopicReader, _ practices: TopicReader) throws {
    for message in try practices.poll(timeoutMilliseconds: 0).messages where message.key.count == 1 {
      enrolmentsSeen += 1
      settlement.sent(
        .init(destination: .practices, bytes: [UInt8](message.value)),
        at: FuzzPlace(
          partition: .init(topic: message.topic, number: message.partition), offset: message.offset))
    }
    for message in try rejected.poll(timeoutMilliseconds: 0).messages {
      settlement.rejected(try Rejection(json: message.value))
    }
    for message in try receipts.poll(timeoutMilliseconds: 0).messages {
      settlement.told(try Receipt(binaryOrJSON: message.value))
    }
  }

  private func awaitRest(
    _ topics: [String], _ group: String, _ broker: AloneBroker, _ database: Connection, _ service: Child,
    listen: () throws -> Void
  ) throws {
    let admin = try Admin(broker.kafka)
    let work = """
      select (select count(*) from ingestion.outbox) + (select count(*) from ingestion.extract where state = 'admitted'
        or state = 'staging' and opened and closed and examined < received and received >= expected)
      """
    try awaited("the end of the messages", seconds: 900, every: 0.2, unlessEnded: service) {
      try listen()
      let done = try admin.committedOffsets(group: group, topics: topics).values.reduce(0, +)
      return try done >= Int64(sent) && database.query(work).int(0, 0) == 0 ? true : nil
    }
    // What was sent last is on its way to the readers.
    for _ in 0..<20 {
      try listen()
      Thread.sleep(forTimeInterval: 0.1)
    }
  }

  private func report(_ seconds: Double, _ service: Child) -> String {
    let growth = memory.growth.map { "\($0 >> 10) kB" } ?? "unknown"
    return """
      \(sent) messages in \(Int(seconds)) s (\(Int(Double(sent) / seconds))/s); ingestion \
      \(service.isRunning ? "runs" : "has ended") with \((ResidentMemory.of(service.pid) ?? 0) >> 10) kB, \
      grown by \(growth) after its warm-up, at most \(Self.memoryBound >> 10) kB allowed
      \(settlement.text)
      """
  }
}
