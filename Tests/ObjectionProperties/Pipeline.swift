import Clinical
import Contracts
import Cryptography
import Foundation
import Kafka
import KeyRing
import Postgres
import StageKit
import SwiftProtobuf
import Synchronization
import Testing

@testable import Ingestion
@testable import Linkage
@testable import ObjectionFilter
@testable import Pseudonymisation
@testable import Publication
@testable import caredata

/// The five stages with their own code, tables and topics in one process, on the embedded broker and a private
/// PostgreSQL; moved step by step so that a seed decides the order of everything.
final class Pipeline {
  let tokens: RecordTokens
  let layout: TopicLayout
  let nodes: [any Movable]
  private let broker: EmbeddedBroker
  private let keys: KeyInstallation
  private let configuration: StageConfiguration
  private let producer: Producer
  /// Messages that came under a former linkage key.
  private(set) var parked = 0
  private var enrolments: [String: PracticeEnrolment] = [:]

  /// - Parameter keys: runs that are to be compared use the same.
  init(keys: KeyInstallation) async throws {
    let layout = TopicLayout(partitions: 3)
    self.layout = layout
    self.keys = keys
    broker = try EmbeddedBroker(
      topics: Topic.all(datasets: []).map { EmbeddedTopic(name: layout.name($0), partitions: layout.partitions) })
    let run = Self.runs.wrappingAdd(1, ordering: .relaxed).newValue
    var configuration = try await StageConfiguration.load(environment: [
      "CAREDATA_DATABASE_URL": try TestPostgres.conninfo(),
      "CAREDATA_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers, "CAREDATA_TOPICS_PARTITIONS": "\(layout.partitions)",
      "CAREDATA_SPECIFICATION_DIRECTORY": Self.project + "/compose/specification",
      "CAREDATA_POLICY_FILE": Self.project + "/compose/policy/attributes.yaml",
      "CAREDATA_EXTRACTS_HOLD_SECONDS": "3600",
    ])
    var kafka = KafkaConfiguration.embeddedBroker(bootstrapServers: broker.bootstrapServers)
    kafka.log = { [broker] _, _, _ in _ = broker }
    configuration.kafka = kafka
    self.configuration = configuration
    func holding(_ service: KeyService) -> StageConfiguration {
      var own = configuration
      own.keysDirectory = keys.folder(of: service).path
      own.keysUnlocking = .init(keyFile: keys.wrappingKey(of: service))
      return own
    }
    nodes = [
      try StageNode<IngestionStage>(holding(.ingestion), schema: "ingestion_\(run)"),
      try StageNode<ObjectionFilterStage>(configuration, schema: "objection_filter_\(run)"),
      try StageNode<PseudonymisationStage>(holding(.pseudonymisation), schema: "pseudonymisation_\(run)"),
      try StageNode<LinkageStage>(configuration, schema: "linkage_\(run)"),
      try StageNode<PublicationStage>(holding(.publication), schema: "publication_\(run)"),
    ]
    producer = try Producer(kafka)
    tokens = try RecordTokens(try keys.ring(of: .ingestion), version: RoutingVersion.first)
  }

  deinit { producer.close() }

  private static let runs = Atomic(0)
  static let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  private var ingestion: any Movable { nodes[0] }
  private var publication: any Movable { nodes[4] }

  // MARK: What is sent

  /// Sends and lets ingestion take it in, so that what it hears has the order in which it was said.
  func send(_ messages: [(key: String, value: [UInt8])], to topic: Topic) throws {
    for (key, value) in messages {
      try producer.send(
        topic: layout.name(topic), partition: layout.partition(ofText: key), key: Array(key.utf8), value: value)
    }
    try producer.flush()
    while try ingestion.step(topic) {}
    try ingestion.work()
  }

  /// Puts messages into a topic between two stages, as no stage would write them.
  func plant(_ values: [[UInt8]], in topic: Topic) throws {
    for value in values {
      try producer.send(topic: layout.name(topic), partition: 1, key: [UInt8](repeating: 7, count: 16), value: value)
    }
    try producer.flush()
  }

  /// Everything that a topic holds.
  func messages(in topic: Topic) throws -> [(partition: Int32, key: [UInt8], value: [UInt8])] {
    let name = layout.name(topic)
    let admin = try Admin(configuration.kafka)
    var expected: Int64 = 0
    for partition in 0..<Int32(layout.partitions) {
      expected += try admin.watermarks(topic: name, partition: partition).high
    }
    let reader = try TopicReader(configuration.kafka, topic: name, from: .beginning)
    var messages: [(partition: Int32, key: [UInt8], value: [UInt8])] = []
    while messages.count < expected {
      for message in try reader.poll(maxMessages: 5_000, timeoutMilliseconds: 200).messages {
        messages.append((message.partition, [UInt8](message.key), [UInt8](message.value)))
      }
    }
    return messages
  }

  /// Topics of its own for linkage and publication alone, under a prefix, on the same broker and with the same keys.
  func apart(prefix: String, partitions: Int) throws -> StageConfiguration {
    var own = configuration
    own.layout = TopicLayout(prefix: prefix, partitions: partitions)
    own.keysDirectory = keys.folder(of: .publication).path
    own.keysUnlocking = .init(keyFile: keys.wrappingKey(of: .publication))
    for topic in Topic.all(datasets: []) {
      try broker.create(EmbeddedTopic(name: own.layout.name(topic), partitions: partitions))
    }
    return own
  }

  /// Lets everything but linkage and publication do what they find.
  func moveToLinkage() throws {
    for node in nodes[1...2] {
      for topic in node.input { _ = try node.step(topic) }
      try node.work()
    }
  }

  func stepLinkage() throws { _ = try nodes[3].step(.pseudonymised) }

  /// Why nothing may be released at a cut made now.
  func reasons(cut id: String) throws -> [String] {
    try send([(id, try ObjectionMessage.with { $0.cut.cutID = id }.serializedBytes())], to: .objections)
    try settle()
    let cut = ReleaseCut(id: id, database: publication.database)
    let (tags, total) = try cut.tags()
    #expect(total > 0 && tags == total)
    do {
      _ = try cut.regime()
      return []
    } catch ReleaseError.held(let reasons) {
      return reasons
    }
  }

  func enrol(_ organisations: [String]) throws {
    let today = CalendarDate.today.day
    for organisation in organisations {
      for change in [.announce(wave: ""), .notify(on: today - 60), .activate] as [PracticeGate.Change] {
        try self.change(organisation, change)
      }
    }
  }

  /// Takes everything back as soon as what is under way has arrived.
  func leave(_ organisation: String) throws { try change(organisation, .withdraw(erase: true)) }

  private func change(_ organisation: String, _ change: PracticeGate.Change) throws {
    let enrolment = try PracticeGate().enrolment(
      of: organisation, after: enrolments[organisation], change, on: CalendarDate.today.day,
      at: (enrolments[organisation]?.changedAt ?? 0) + 1)
    try send([(organisation, try enrolment.serializedBytes())], to: .practices)
    enrolments[organisation] = enrolment
  }

  /// What was admitted has arrived before; how far the objections under the new key are stated is for what follows.
  func replaceRoutingKey() throws {
    try settle()
    _ = try keys.ring(of: .ingestion).rotate(.routing)
    try keys.export()
    let version = try ingestion.database.query("select version from routing_version").int(0, 0)
    try ingestion.work()
    #expect(try ingestion.database.query("select version from routing_version").int(0, 0) > version)
  }

  func replaceLinkageKey() throws {
    _ = try keys.ring(of: .pseudonymisation).rotate(.linkage)
    try reencrypt()
  }

  /// As the job does.
  ///
  /// - Returns: how many messages had waited for it.
  @discardableResult func reencrypt() throws -> Int {
    let waited = try LinkageReencryption.run(try keys.ring(of: .pseudonymisation), nodes[3].database).parked
    parked += waited
    return waited
  }

  // MARK: How it moves

  /// Downstream stages do what they find, in an order of the seed's choosing.
  func move(_ random: inout SplitMix64, steps: Int) throws {
    for _ in 0..<steps {
      let node = nodes[1 + random.below(4)]
      _ = try node.step(node.input[random.below(node.input.count)])
      if random.below(2) == 0 { try node.work() }
    }
  }

  func crash(_ random: inout SplitMix64) throws {
    try nodes[random.below(nodes.count)].restart(redelivered: Int64(random.below(400)))
  }

  /// Until nothing is under way.
  func settle() throws {
    var isBusy = true
    while isBusy {
      isBusy = false
      for node in nodes {
        do {
          for topic in node.input where try node.step(topic) { isBusy = true }
          try node.work()
        } catch let wait as StageWait {
          // A marker met messages that wait for the job: how many came with it depends on what the reader had fetched.
          guard try reencrypt() > 0 else { throw wait }
          isBusy = true
        }
      }
      if try nodes[3].database.query("select exists (select from parked)").bool(0, 0) {
        try reencrypt()
        isBusy = true
      }
    }
  }

  /// A planted fault: linkage no longer knows whose a record was that was taken back.
  func forgetWitnesses() throws {
    try nodes[3].database.execute(
      "update observation set state = 1, demographics_token = null, withdrawal_token = null where state = 5")
  }

  // MARK: What came of it

  /// Facts that live at publication, as text, by record id.
  func facts() throws -> [Token16: String] {
    let rows = try publication.database.query(
      """
      select record_id, concat_ws('|', encode(person_id, 'hex'), year_of_birth, sex, area, codes, days)
      from record where state = 1
      """)
    return (0..<rows.count).reduce(into: [:]) { facts, row in
      if let id = Token16(bytes: rows.bytes(row, 0)) { facts[id] = rows.text(row, 1) }
    }
  }

  /// Records that linkage links.
  func linked() throws -> Set<Token16> {
    let rows = try nodes[3].database.query("select record_id from observation where state = 0")
    return Set((0..<rows.count).compactMap { Token16(bytes: rows.bytes($0, 0)) })
  }
}

/// One private cluster for all runs, removed at exit.
enum TestPostgres {
  private static let directory: String = {
    var template = Array("/tmp/caredata-objections-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    // The user that runs PostgreSQL has to pass through.
    precondition(chmod(path, 0o755) == 0)
    return path
  }()
  private static let server = PrivatePostgres(directory: directory)
  private static let started: Result<String, any Error> = Result {
    atexit {
      try? TestPostgres.server.stop()
      try? FileManager.default.removeItem(atPath: TestPostgres.directory)
    }
    return try server.start()
  }

  static func conninfo() throws -> String { try started.get() }

  /// New keys for every stage.
  static func keys() throws -> KeyInstallation {
    _ = try conninfo()
    let keys = KeyInstallation("\(directory)/keys-\(hexadecimal(randomBytes(4)))")
    _ = try keys.make()
    return keys
  }
}
