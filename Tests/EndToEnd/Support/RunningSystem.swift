import Contracts
import Foundation
import Kafka
import Postgres
import StageKit

@testable import caredata

/// One `caredata up` on a state folder of its own, and what a connector, an operator and an analyst do with it.
///
/// Used from one thread. ``withSystem(_:in:_:)`` is the way to make one.
final class RunningSystem {
  struct Options {
    /// Processes of one service; others have one.
    var instances: [StageName: Int] = [:]
    /// Added to the environment of `up` and so of the services, for example `CAREDATA_BATCH_MESSAGES`.
    var environment: [String: String] = [:]
  }

  let state: StateDirectory
  let up: SpawnedProcess
  private let options: Options
  private var commands = 0

  /// Starts `up` and waits until every service is ready.
  init(_ options: Options = Options(), in folder: String) throws {
    self.options = options
    state = StateDirectory(path: folder + "/state")
    try FileManager.default.createDirectory(
      atPath: state.path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    var arguments = ["up", "--state", state.path, "--datasets", Self.datasets]
    for (stage, count) in options.instances { arguments += ["--instances", "\(stage.rawValue)=\(count)"] }
    let output = "\(folder)/up-\(UInt32.random(in: .min ... .max)).txt"
    up = try SpawnedProcess("caredata", arguments, environment: options.environment, output: output)
    try awaitReady()
  }

  private static let datasets =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path + "/compose/datasets"

  /// Waits until `up` says that every service of the present incarnation is ready.
  func awaitReady(seconds: Double = 90) throws {
    let names = StageName.allCases.flatMap { stage in
      (1...(options.instances[stage] ?? 1)).map { "\(stage.rawValue)-\($0)" }
    }
    try awaited("caredata up is ready", seconds: seconds) {
      guard up.isRunning else { throw Failure("caredata up has ended: \(up.text)") }
      guard let running = try state.running(), running.services.count == names.count else { return false }
      return names.allSatisfy { FileManager.default.fileExists(atPath: "\(state.path)/ready/\($0)") }
    }
  }

  // MARK: - What runs

  func running() throws -> StateDirectory.Running {
    guard let running = try state.running() else { throw Failure("nothing is running in \(state.path): \(up.text)") }
    return running
  }

  /// Process id of a service's instance.
  func pid(_ stage: StageName, _ instance: Int = 1) throws -> pid_t {
    guard let pid = try running().services["\(stage.rawValue)-\(instance)"] else { throw Failure("no \(stage)") }
    return pid
  }

  func brokerState() throws -> EmbeddedBrokerState {
    guard let broker = try EmbeddedBrokerState.read(state.brokerState) else { throw Failure("no broker") }
    return broker
  }

  var broker: EmbeddedBrokerControl { EmbeddedBrokerControl(path: state.path + "/broker.sock") }

  /// Every process of this system that lives, with its arguments.
  var processes: [pid_t: String] { ProcessScan.processes(of: state.path) }

  func database() throws -> Connection { try Connection(try running().environment["CAREDATA_DATABASE_URL"] ?? "") }

  func kafka() throws -> KafkaConfiguration { try StageConfiguration.kafkaConfiguration(try running().environment) }

  func layout() throws -> TopicLayout {
    TopicLayout(partitions: Int(try running().environment["CAREDATA_TOPICS_PARTITIONS"] ?? "") ?? 0)
  }

  /// What the services and the broker have logged, by file.
  func logs() throws -> [String: String] {
    var logs: [String: String] = [:]
    for file in try FileManager.default.contentsOfDirectory(atPath: state.logs) {
      logs[file] = try String(contentsOfFile: "\(state.logs)/\(file)", encoding: .utf8)
    }
    return logs
  }

  // MARK: - Commands

  /// Starts `caredata` with these arguments on this system.
  func start(_ arguments: [String]) throws -> SpawnedProcess {
    commands += 1
    return try SpawnedProcess(
      "caredata", arguments + ["--state", state.path], output: "\(state.path)/command-\(commands).txt")
  }

  /// Runs `caredata` to its end and returns what it printed.
  ///
  /// - Throws: ``Failure`` with the output when it fails.
  @discardableResult
  func run(_ arguments: [String], seconds: Double = 120) throws -> String {
    let command = try start(arguments)
    let status = try command.finish(seconds: seconds)
    guard status == 0 else { throw Failure("\(command.name): exit \(status)\n\(command.text)") }
    return command.text
  }

  func enrol(_ region: Region) throws { try enrol(region.organisations.map(\.code)) }

  /// By hand, as if their patients had been told 60 days ago.
  func enrol(_ organisations: [String]) throws {
    try run(["practices", "announce"] + organisations)
    let told = Date(timeIntervalSinceNow: -60 * 86_400).formatted(.iso8601.year().month().day())
    try run(["practices", "notify", "--on", told] + organisations)
    try run(["practices", "activate"] + organisations)
  }

  /// Loads the region's national list; nothing is admitted before.
  func object(_ region: Region) throws {
    try run(["objections", "list", "\(region.folder)/\(region.description.nationalList)"])
  }

  /// Every objection that could not be read, so that something can be released.
  func resolveRejectedObjections() throws {
    let database = try database()
    defer { database.close() }
    for row in try RejectedObjections(database: database).rows(includesResolved: false) {
      try run([
        "objections", "rejected", "resolve", row.place.text, "--by", "the test", "--reason", "planted, no objection",
      ])
    }
  }

  func startSubmitting(_ organisation: RegionDescription.Organisation, of region: Region) throws -> SpawnedProcess {
    try start([
      "submit", "--source", organisation.source.rawValue, "--organisation", organisation.code, "--period",
      organisation.period, "\(region.folder)/\(organisation.path)",
    ])
  }

  /// Enrols, sends the national list and every extract at once; returns when each has its receipt.
  func submit(_ region: Region) throws {
    try enrol(region)
    try object(region)
    for submission in try startSubmitting(region) {
      let status = try submission.finish()
      guard status == 0 else { throw Failure("\(submission.name): exit \(status)\n\(submission.text)") }
    }
  }

  /// Every extract, at once.
  func startSubmitting(_ region: Region) throws -> [SpawnedProcess] {
    try region.organisations.map { try startSubmitting($0, of: region) }
  }

  /// Until publication has accounted for every admitted record of at least `extracts` extracts.
  func awaitBalance(extracts: Int, seconds: Double = 90) throws {
    do {
      let database = try database()
      defer { database.close() }
      try awaited("balance", seconds: seconds) {
        let rows = try database.query(
          """
          select count(*) filter (where state in ('staging', 'admitted', 'emitted')),
            count(*) filter (where state = 'balanced') from ingestion.extract
          """)
        return rows.int(0, 0) == 0 && rows.int(0, 1) >= extracts
      }
    } catch {
      throw Failure("\(error)\n\(try run(["status"]))\n\(up.text)")
    }
  }

  struct Release: Decodable, Equatable {
    let release: String
    let dataset: String
    let rows: Int
    let file: String
    let sha256: String
  }

  func release(_ dataset: String) throws -> (Release, csv: [UInt8]) {
    let text = try run(["release", "create", "--json", dataset])
    let release = try JSONDecoder().decode(Release.self, from: Data(text.utf8))
    guard let csv = FileManager.default.contents(atPath: release.file) else { throw Failure("no \(release.file)") }
    return (release, [UInt8](csv))
  }

  // MARK: - Topics

  struct Record {
    let partition: Int32
    let offset: Int64
    let key: [UInt8]
    let value: [UInt8]
    let headers: [String: [UInt8]]
  }

  /// Everything that a topic holds now.
  func records(in topic: Topic) throws -> [Record] {
    let name = try layout().name(topic)
    let kafka = try kafka()
    let admin = try Admin(kafka)
    var missing: [Int32: Int64] = [:]
    for partition in 0..<Int32(try admin.partitionCount(topic: name) ?? 0) {
      let (low, high) = try admin.watermarks(topic: name, partition: partition)
      if high > low { missing[partition] = high }
    }
    let reader = try TopicReader(kafka, topic: name, from: .beginning)
    var records: [Record] = []
    try awaited("the end of \(name)", seconds: 30) {
      guard !missing.isEmpty else { return true }
      for message in try reader.poll(timeoutMilliseconds: 200).messages {
        records.append(
          Record(
            partition: message.partition, offset: message.offset, key: [UInt8](message.key),
            value: [UInt8](message.value), headers: Dictionary(message.headers()) { _, last in last }))
        if let end = missing[message.partition], message.offset + 1 >= end { missing[message.partition] = nil }
      }
      return missing.isEmpty
    }
    return records
  }

  // MARK: - The end

  /// Drains and stops; throws when that fails or leaves a process behind.
  func stop() throws {
    up.send(SIGTERM)
    let status = try up.finish(seconds: 90)
    guard status == 0 else { throw Failure("caredata up: exit \(status)\n\(up.text)") }
    try awaitNoProcess()
  }

  func awaitNoProcess(seconds: Double = 30) throws {
    do {
      try awaited("no process is left", seconds: seconds) { processes.isEmpty }
    } catch {
      throw Failure("\(error): \(processes)")
    }
  }

  /// Whatever happened: nothing of it stays.
  func clear() {
    up.send(SIGTERM)
    _ = try? up.finish(seconds: 45)
    for _ in 0..<50 where !processes.isEmpty {
      for pid in processes.keys { kill(pid, SIGKILL) }
      usleep(20_000)
    }
  }
}

/// Runs `body` on a system, stops it and makes sure that nothing is left of it.
///
/// - Parameter folder: for several runs on one state, which stays; without it the system gets a folder of its own.
func withSystem<T>(
  _ options: RunningSystem.Options = .init(), in folder: String? = nil, _ body: (RunningSystem) throws -> T
) throws -> T {
  let own = folder == nil ? TestFolder.make("system") : nil
  defer { if let own { TestFolder.remove(own) } }
  let system = try RunningSystem(options, in: folder ?? own ?? "")
  do {
    let result = try body(system)
    if system.up.isRunning { try system.stop() }
    return result
  } catch {
    system.clear()
    throw Failure("\(error)\n\(system.up.text)")
  }
}
