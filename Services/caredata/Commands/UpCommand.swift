import ArgumentParser
import Contracts
import Foundation
import Postgres
import StageKit

struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up",
    abstract: "Run everything on this machine: broker, PostgreSQL, topics and the five services.",
    discussion: """
      For trying out, tests and small pilots: the broker is in memory and forgets everything when it stops; what \
      services hold in PostgreSQL stays in the state folder, and what was under way is sent again at the next start. \
      One machine, no replication: for more, run the same services on Apache Kafka and PostgreSQL.

      Ctrl-C drains and stops everything.
      """)

  @OptionGroup var options: EmbeddedOptions

  func run() async throws {
    let supervisor = try Supervisor(try options.settings()) { text in
      print(text)
      // Whoever watches through a file or a pipe sees it now.
      fflush(nil)
    }
    let signals = StopSignals { supervisor.requestStop() }
    defer { signals.cancel() }
    do {
      try supervisor.start()
      print("running in \(try options.settings().state.path); Ctrl-C stops it. In another terminal: caredata status")
      if let waiting = try await NationalListHint.text(supervisor.environment) { print(waiting) }
      fflush(nil)
      try supervisor.run()
    } catch {
      supervisor.stop()
      throw error
    }
    print("draining and stopping")
    supervisor.stop()
  }
}

/// What a start without a national list that is recent enough says.
enum NationalListHint {
  /// Nil when nothing is waited for.
  static func text(_ environment: [String: String]) async throws -> String? {
    let own = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    let configuration = try await StageConfiguration.load(environment: own)
    let database = try Connection(configuration.databaseURL)
    defer { database.close() }
    return text(
      configuration.nationalList, drawnAt: try ObjectionState.read(database).listDrawnAt,
      now: Date.now.microseconds)
  }

  static func text(_ rule: NationalListRule, drawnAt: Int64?, now: Int64) -> String? {
    rule.fault(drawnAt: drawnAt, now: now).map { fault in
      """
      waiting: \(fault), so nothing is admitted or released. Load one: caredata objections list FILE
      (without one: CAREDATA_NATIONAL_LIST_DAYS=off)
      """
    }
  }
}

struct EmbeddedOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Folder for keys, database, logs and releases.", valueName: "dir"))
  var state = StateDirectory.defaultPath

  @Option(
    help: ArgumentHelp("Processes of one service; may be repeated, for example linkage=2.", valueName: "service=count"))
  var instances: [InstanceCount] = []

  @Option(help: ArgumentHelp("Dataset definitions; default: compose/datasets of this project.", valueName: "dir"))
  var datasets: String?

  func settings() throws -> Supervisor.Settings {
    let folder = try ProjectFolder.datasets.locate(datasets)
    return Supervisor.Settings(
      state: StateDirectory(path: state),
      instances: Dictionary(instances.map { ($0.stage, $0.count) }) { _, last in last },
      datasets: try DatasetsFolder.names(folder), datasetsDirectory: folder,
      specificationDirectory: try ProjectFolder.specification.locate(nil),
      policyFile: try ProjectFolder.policy.locate(nil))
  }
}

struct InstanceCount: ExpressibleByArgument {
  let stage: StageName
  let count: Int

  init?(argument: String) {
    let parts = argument.split(separator: "=")
    guard parts.count == 2, let stage = StageName(rawValue: String(parts[0])), let count = Int(parts[1]), count >= 1
    else { return nil }
    self.stage = stage
    self.count = count
  }
}

/// Where the dataset definitions are: one YAML file each, named like the dataset.
enum DatasetsFolder {
  static func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
      .map { String($0.dropLast(5)) }.sorted()
  }
}

/// SIGINT and SIGTERM as a call, from any thread.
final class StopSignals {
  private let sources: [any DispatchSourceSignal]

  init(_ handler: @escaping @Sendable () -> Void) {
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler(handler: handler)
      source.resume()
      return source
    }
  }

  func cancel() {
    for source in sources { source.cancel() }
  }
}
