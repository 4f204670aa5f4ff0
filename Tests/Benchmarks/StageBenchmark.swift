import Contracts
import Foundation
import Kafka
import Postgres

/// Runs one service alone over recorded input, with topics, consumer group and database of its own.
final class StageBenchmark {
  /// Bytes a partition is filled with; the broker keeps 5 MB and drops the rest silently.
  private static let bytesPerPartition = 3_000_000

  private let workspace: Workspace
  private let environment: [String: String]
  private let recording: Recording
  private let cluster: ClusterTime
  private let objectionsHeld: Int
  private var running: Child?
  /// Of the last round of the objection filter.
  private(set) var holding: HoldingFigures?

  /// - Parameter objectionsHeld: by the objection filter, before its first record.
  init(
    _ workspace: Workspace, _ environment: [String: String], _ recording: Recording, objectionsHeld: Int
  ) throws {
    self.workspace = workspace
    self.objectionsHeld = objectionsHeld
    self.environment = environment
    self.recording = recording
    cluster = try ClusterTime(environment["CAREDATA_DATABASE_URL"] ?? "")
  }

  func stop() { running?.stop() }

  /// The round with the median rate.
  func median(_ rounds: Int, _ round: (Int) throws -> Figures) throws -> Figures {
    let all = try (1...max(rounds, 1)).map(round).sorted { $0.recordsPerSecond < $1.recordsPerSecond }
    return all[all.count / 2]
  }

  private func fill(_ entries: [Recording.Entry], _ topic: Topic, _ broker: AloneBroker) throws {
    let producer = try Producer(broker.kafka)
    defer { producer.close() }
    let name = broker.layout.name(topic)
    for entry in entries {
      try producer.send(topic: name, partition: entry.partition, key: entry.key, value: entry.value)
    }
    try producer.flush()
  }

  func rawLoop(round: Int) throws -> Figures {
    let broker = try AloneBroker.start(workspace, environment, "raw-\(round)")
    defer { broker.process.stop() }
    let entries = recording.repeated(.validated, bytesPerPartition: Self.bytesPerPartition)
    let ready = workspace.path("ready-raw-\(round)")
    let settings = broker.kafka.properties.flatMap { ["--set", "\($0.key)=\($0.value)"] }
    let child = try workspace.start(
      "caredata-benchmarks",
      [
        "raw-loop", "--group", "raw", "--from", broker.layout.name(.validated), "--to", broker.layout.name(.permitted),
        "--count", "\(entries.count)", "--ready-file", ready,
      ] + settings, log: "raw-loop")
    running = child
    defer { child.stop() }
    try awaited("the raw loop", seconds: 60, unlessEnded: child) {
      FileManager.default.fileExists(atPath: ready) ? true : nil
    }
    return try measure(child, input: .validated, entries, group: "raw", broker) { true }
  }

  func run(_ stage: StageName, round: Int) throws -> Figures {
    let name = "\(stage.rawValue)-\(round)"
    let broker = try AloneBroker.start(workspace, environment, name)
    defer { broker.process.stop() }
    let database = "bench_\(stage.schema)_\(round)"
    try cluster.dropDatabase(database)
    try cluster.makeDatabase(database)
    defer { try? cluster.dropDatabase(database) }
    let url = (environment["CAREDATA_DATABASE_URL"] ?? "").replacing("dbname=caredata", with: "dbname=\(database)")
    let connection = try Connection(url)
    defer { connection.close() }
    if stage == .objectionFilter { try hold(url, connection, round: round) }
    let start = ContinuousClock.now
    let child = try broker.startService(stage, databaseURL: url, workspace)
    let startSeconds = (ContinuousClock.now - start).inSeconds
    running = child
    defer { child.stop() }
    if stage == .ingestion { try enrol(broker, connection) }
    let (topic, entries) = input(of: stage)
    let figures = try measure(child, input: topic, entries, group: broker.layout.group(stage), broker) {
      try Self.isAtRest(stage, connection)
    }
    if stage == .objectionFilter {
      holding = HoldingFigures(
        objections: objectionsHeld, share: ObjectionsHeld.share(entries, tokens: people), startSeconds: startSeconds,
        loadMilliseconds: HoldingFigures.loadMilliseconds(log: workspace.path("\(name).log")),
        peakMemory: HoldingFigures.peakMemory(of: child.pid))
    }
    return figures
  }

  /// Routing tokens of the people with records, each once.
  private var people: [[UInt8]] {
    let tokens = Set(recording.repeated(.validated, bytesPerPartition: Self.bytesPerPartition).map(\.key))
    return tokens.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The service makes its tables at a first start, on a broker of its own, since rejoining a group takes long.
  private func hold(_ url: String, _ connection: Connection, round: Int) throws {
    let broker = try AloneBroker.start(workspace, environment, "objections-\(round)")
    defer { broker.process.stop() }
    try broker.startService(.objectionFilter, databaseURL: url, workspace).stop()
    try ObjectionsHeld(total: objectionsHeld, layout: broker.layout).fill(people, connection)
  }

  /// The two stages without state of their own take their input many times over; the others see every record once.
  private func input(of stage: StageName) -> (Topic, [Recording.Entry]) {
    switch stage {
    case .ingestion: (.extracts, recording.entries[.extracts] ?? [])
    case .objectionFilter: (.validated, recording.repeated(.validated, bytesPerPartition: Self.bytesPerPartition))
    case .pseudonymisation: (.permitted, recording.repeated(.permitted, bytesPerPartition: Self.bytesPerPartition))
    case .linkage: (.pseudonymised, recording.entries[.pseudonymised] ?? [])
    case .publication: (.linked, recording.entries[.linked] ?? [])
    }
  }

  /// Extracts of an organisation that is not enrolled would be refused.
  private func enrol(_ broker: AloneBroker, _ connection: Connection) throws {
    let enrolments = recording.entries[.practices] ?? []
    try fill(enrolments, .practices, broker)
    let organisations = Set(enrolments.map(\.key)).count
    try awaited("enrolment", seconds: 30) {
      try connection.query("select count(*) from ingestion.practice").int(0, 0) == Int64(organisations) ? true : nil
    }
  }

  private static func isAtRest(_ stage: StageName, _ connection: Connection) throws -> Bool {
    switch stage {
    case .objectionFilter, .pseudonymisation: true
    case .linkage, .publication:
      try connection.query("select count(*) from \(stage.schema).outbox").int(0, 0) == 0
    case .ingestion:
      try connection.query(
        """
        select (select count(*) from ingestion.extract where state in ('staging', 'admitted'))
          + (select count(*) from ingestion.outbox)
        """
      ).int(0, 0) == 0
    }
  }

  /// Fills the topic while the process stands still, then lets it run until it has committed everything.
  private func measure(
    _ child: Child, input topic: Topic, _ entries: [Recording.Entry], group: String, _ broker: AloneBroker,
    isAtRest: () throws -> Bool
  ) throws -> Figures {
    kill(child.pid, SIGSTOP)
    defer { kill(child.pid, SIGCONT) }
    try fill(entries, topic, broker)
    let admin = try Admin(broker.kafka)
    let name = broker.layout.name(topic)
    let (service, database, brokerTime) = (
      ProcessorTime.of(child.pid), cluster.total(), ProcessorTime.of(broker.process.pid)
    )
    let start = ContinuousClock.now
    kill(child.pid, SIGCONT)
    try awaited("the end of \(group)", seconds: 300, every: 0.005, unlessEnded: child) {
      let done = try admin.committedOffsets(group: group, topics: [name]).values.reduce(0, +)
      return try done >= Int64(entries.count) && isAtRest() ? true : nil
    }
    let seconds = (ContinuousClock.now - start).inSeconds
    return Figures(
      records: entries.count, seconds: seconds, bytesPerRecord: entries.map(\.value.count).reduce(0, +) / entries.count,
      service: ProcessorTime.of(child.pid) - service, database: cluster.total() - database,
      broker: ProcessorTime.of(broker.process.pid) - brokerTime)
  }
}
