import Audit
import Contracts
import Foundation
import Kafka
import KeyRing
import StageKit

/// Runs everything on one machine: embedded broker, private PostgreSQL, topics and the five services as child
/// processes; starts again what dies, and leaves no process behind.
///
/// A broker that dies has forgotten everything: its successor is a new incarnation, and all services start again with
/// it, so that ingestion sends again what is not proven to have arrived.
final class Supervisor: @unchecked Sendable {  // every mutable field is guarded by `condition`
  struct Settings {
    var state: StateDirectory
    var instances: [StageName: Int] = [:]
    var partitions = 16
    var datasets: [String]
    var datasetsDirectory: String
    var specificationDirectory: String
    var policyFile: String
    /// Bytes per partition that a producer may be ahead; the broker holds 5 MB.
    var backlogBytes = 1_000_000
  }

  private let settings: Settings
  private let report: @Sendable (String) -> Void
  private let condition = NSCondition()
  private var exits: [ChildProcess.Exit] = []
  private var isStopping = false
  private var broker: ChildProcess?
  private var services: [ChildProcess] = []
  private var postgres: PrivatePostgres?
  private var databaseURL = ""
  private var brokerState: EmbeddedBrokerState?
  private let programs: String

  init(_ settings: Settings, report: @escaping @Sendable (String) -> Void) throws {
    self.settings = settings
    self.report = report
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    programs = (own as NSString).deletingLastPathComponent
  }

  var controlSocket: String { settings.state.path + "/broker.sock" }

  private var auditFile: String { AuditPlace.own.map(AuditPlace.absolute) ?? settings.state.auditLog }

  /// Variables by which commands and services reach what runs.
  var environment: [String: String] {
    var variables = [
      "CAREDATA_DATABASE_URL": databaseURL,
      "CAREDATA_TOPICS_PARTITIONS": "\(settings.partitions)",
      "CAREDATA_BACKLOG_BYTES": "\(settings.backlogBytes)",
      "CAREDATA_INCARNATION": brokerState?.incarnation ?? "",
      "CAREDATA_RELEASES_DIRECTORY": settings.state.releases,
      "CAREDATA_DATASETS_DIRECTORY": settings.datasetsDirectory,
      "CAREDATA_SPECIFICATION_DIRECTORY": settings.specificationDirectory,
      "CAREDATA_POLICY_FILE": settings.policyFile,
      "CAREDATA_AUDIT_FILE": auditFile,
    ]
    // Rules that commands tell about, too.
    for rule in ["CAREDATA_NATIONAL_LIST_DAYS", "CAREDATA_PRACTICES_NOTICE_DAYS", "CAREDATA_REIDENTIFICATION"] {
      if let value = ProcessInfo.processInfo.environment[rule] { variables[rule] = value }
    }
    let kafka = KafkaConfiguration.embeddedBroker(bootstrapServers: brokerState?.bootstrapServers ?? "")
    for (property, value) in kafka.properties { variables[Self.variable(property)] = value }
    return variables
  }

  static func variable(_ property: String) -> String {
    "CAREDATA_KAFKA_"
      + property.uppercased().replacingOccurrences(of: "_", with: "__").replacingOccurrences(of: "-", with: "___")
      .replacingOccurrences(of: ".", with: "_")
  }

  /// Starts everything; returns when every service is ready.
  func start() throws {
    if let running = try settings.state.running() {
      throw ClientError("\(settings.state.path) is in use by process \(running.supervisor)")
    }
    try settings.state.make()
    try settings.state.makeKeys(AuditLog(path: auditFile))
    report("starting PostgreSQL")
    let postgres = PrivatePostgres(directory: settings.state.postgres)
    self.postgres = postgres
    databaseURL = try postgres.start()
    try startStream()
  }

  /// The broker and all services; again from the broker on when that ends meanwhile.
  private func startStream(after former: BrokerEnd? = nil) throws {
    var end = former
    while true {
      if let end {
        report("the broker \(end.text); starting a new incarnation, every service starts again")
        endServices()
        pauseBeforeRestart()
      }
      do {
        try startBroker()
        return try startServices()
      } catch let next as BrokerEnd {
        end = next
      }
    }
  }

  /// The broker has been killed and took everything with it.
  private struct BrokerEnd: Error {
    let text: String
  }

  private func endServices() {
    for service in services { service.killNow() }
    waitForEnd(of: services, seconds: 10)
    services = []
  }

  /// Nothing is lost by the pause; what fails at once must not spin.
  private func pauseBeforeRestart() { Thread.sleep(forTimeInterval: 0.5) }

  private func startBroker() throws {
    report("starting the embedded broker")
    unlink(settings.state.brokerState)
    var arguments = [
      "broker", "--state-file", settings.state.brokerState, "--control-socket", controlSocket, "--stop-with-parent",
    ]
    let layout = TopicLayout(partitions: settings.partitions)
    for topic in Topic.all(datasets: settings.datasets) {
      arguments += ["--topic", "\(layout.name(topic)):\(settings.partitions)"]
    }
    broker = try child("broker", program: "caredata", arguments: arguments, environment: [:])
    brokerState = try awaited("the embedded broker", seconds: 20) {
      try EmbeddedBrokerState.read(settings.state.brokerState)
    }
  }

  private func startServices() throws {
    report("starting the services; their groups form within seconds")
    for stage in StageName.allCases {
      for index in 1...max(settings.instances[stage] ?? 1, 1) { services.append(try startService(stage, index)) }
    }
    try publish()
    try awaited("every service", seconds: 90) { services.allSatisfy(isReady) ? true : nil }
  }

  private func isReady(_ service: ChildProcess) -> Bool {
    FileManager.default.fileExists(atPath: settings.state.path + "/ready/\(service.name)")
  }

  private func startService(_ stage: StageName, _ index: Int) throws -> ChildProcess {
    let name = "\(stage.rawValue)-\(index)"
    let readyFolder = settings.state.path + "/ready"
    try FileManager.default.createDirectory(atPath: readyFolder, withIntermediateDirectories: true)
    unlink("\(readyFolder)/\(name)")
    var variables = environment
    // The objection filter and linkage hold no keys.
    if let service = KeyService(rawValue: stage.rawValue) {
      variables["CAREDATA_KEYS_DIRECTORY"] = settings.state.keys.folder(of: service).path
      variables["CAREDATA_KEYS_WRAPPING_KEY_FILE"] = settings.state.keys.wrappingKey(of: service)
    }
    variables["CAREDATA_SUPERVISED"] = "true"
    variables["CAREDATA_READY_FILE"] = "\(readyFolder)/\(name)"
    // A crash report would print registers and nearby memory, which can hold identities.
    variables["SWIFT_BACKTRACE"] = "enable=no"
    return try child(name, program: "caredata-\(stage.rawValue)", arguments: [], environment: variables)
  }

  private func child(
    _ name: String, program: String, arguments: [String], environment: [String: String]
  ) throws -> ChildProcess {
    try ChildProcess(
      name: name, executable: "\(programs)/\(program)", arguments: arguments, environment: environment,
      log: "\(settings.state.logs)/\(name).log"
    ) { [weak self] exit in
      guard let self else { return }
      condition.lock()
      exits.append(exit)
      condition.broadcast()
      condition.unlock()
    }
  }

  /// Tells other commands how to reach what runs.
  private func publish() throws {
    try settings.state.write(
      .init(
        environment: environment, supervisor: getpid(),
        services: Dictionary(uniqueKeysWithValues: services.map { ($0.name, $0.pid) }), controlSocket: controlSocket))
  }

  /// Watches the children until ``stop()`` is asked for.
  func run() throws {
    while true {
      // PostgreSQL is not our child: its end is noticed by asking.
      let ended = takeExits(waiting: 0.25)
      if isAskedToStop { return }
      try revivePostgres()
      do {
        for exit in ended { try handle(exit) }
      } catch let end as BrokerEnd {
        try startStream(after: end)
        report("running again")
      }
    }
  }

  /// The children that have ended since the last call; waits for one.
  private func takeExits(waiting seconds: Double) -> [ChildProcess.Exit] {
    condition.lock()
    defer { condition.unlock() }
    if exits.isEmpty && !isStopping { _ = condition.wait(until: Date(timeIntervalSinceNow: seconds)) }
    defer { exits = [] }
    return exits
  }

  private var isAskedToStop: Bool {
    condition.lock()
    defer { condition.unlock() }
    return isStopping
  }

  /// Starts PostgreSQL again when it has ended. The services and commands wait for it.
  private func revivePostgres() throws {
    guard let postgres, !postgres.isAlive else { return }
    report("PostgreSQL has ended; starting it again")
    _ = try postgres.start()
  }

  /// Starts a service again. The end of a child that has a successor already means nothing.
  ///
  /// - Throws: ``BrokerEnd``; ``ClientError`` when starting again would not help.
  private func handle(_ exit: ChildProcess.Exit) throws {
    if exit.pid == broker?.pid { throw BrokerEnd(text: exit.text) }
    guard let index = services.firstIndex(where: { $0.pid == exit.pid }),
      let stage = StageName.allCases.first(where: { exit.name.hasPrefix($0.rawValue + "-") }),
      let number = Int(exit.name.dropFirst(stage.rawValue.count + 1))
    else { return }
    if !exit.wasSignal, let code = StageError.Code(rawValue: exit.status), code != .broker && code != .database {
      throw ClientError(
        "\(exit.name) \(exit.text) (\(code)), which starting again does not mend; see \(settings.state.logs)/\(exit.name).log"
      )
    }
    report("\(exit.name) \(exit.text); starting it again")
    pauseBeforeRestart()
    services[index] = try startService(stage, number)
    try publish()
  }

  /// Asks for the end; safe from any thread.
  func requestStop() {
    condition.lock()
    isStopping = true
    condition.broadcast()
    condition.unlock()
  }

  /// Drains and stops everything, in the order of the stream.
  func stop() {
    requestStop()
    settings.state.forgetRunning()
    for service in services { service.terminate() }
    waitForEnd(of: services, seconds: 25)
    for service in services { service.killNow() }
    broker?.terminate()
    waitForEnd(of: [broker].compactMap(\.self), seconds: 5)
    broker?.killNow()
    do { try postgres?.stop() } catch { report("PostgreSQL: \(error)") }
  }

  private func waitForEnd(of children: [ChildProcess], seconds: Double) {
    let deadline = Date(timeIntervalSinceNow: seconds)
    condition.lock()
    defer { condition.unlock() }
    while children.contains(where: \.isRunning),
      condition.wait(until: min(deadline, Date(timeIntervalSinceNow: 0.1))) || Date.now < deadline
    {}
  }

  /// Waits for `probe`; a child that ends meanwhile is handled as at any other time.
  @discardableResult
  private func awaited<T>(_ what: String, seconds: Double, _ probe: () throws -> T?) throws -> T {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date.now < deadline {
      if let value = try probe() { return value }
      try revivePostgres()
      let ended = takeExits(waiting: 0.05)
      if isAskedToStop { throw ClientError("stopped while starting") }
      for exit in ended {
        // A broker that cannot start will not start the next time.
        if exit.pid == broker?.pid, !exit.wasSignal {
          throw ClientError("\(exit.name) \(exit.text) while starting; see \(settings.state.logs)/\(exit.name).log")
        }
        try handle(exit)
      }
    }
    throw ClientError("\(what) is not ready after \(Int(seconds)) s; see \(settings.state.logs)")
  }
}
