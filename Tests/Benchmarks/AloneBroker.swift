import Contracts
import Foundation
import Kafka
import KeyRing

/// A broker for one service that runs alone, with topics of its own: it keeps everything it was ever sent in memory.
struct AloneBroker {
  let process: Child
  let environment: [String: String]
  let kafka: KafkaConfiguration
  let layout: TopicLayout
  private let name: String

  static func start(_ workspace: Workspace, _ environment: [String: String], _ name: String) throws -> AloneBroker {
    let file = workspace.path("broker-\(name).json")
    let layout = TopicLayout(partitions: partitions(environment))
    let topics = Topic.all(datasets: []).flatMap { ["--topic", "\(layout.name($0)):\(layout.partitions)"] }
    let process = try workspace.start(
      "caredata", ["broker", "--state-file", file, "--stop-with-parent"] + topics, log: "broker")
    let servers = try awaited("the broker", seconds: 20, unlessEnded: process) {
      FileManager.default.fileExists(atPath: file) ? try BrokerState.read(file).bootstrapServers : nil
    }
    var variables = environment
    variables["CAREDATA_KAFKA_BOOTSTRAP_SERVERS"] = servers
    variables["CAREDATA_INCARNATION"] = name
    // Nobody reads what the stage writes, so nobody is to be waited for.
    variables["CAREDATA_BACKLOG_BYTES"] = "0"
    return AloneBroker(
      process: process, environment: variables, kafka: kafkaConfiguration(variables), layout: layout, name: name)
  }

  /// Starts a service on this broker and waits until it is ready.
  func startService(_ stage: StageName, databaseURL: String, _ workspace: Workspace) throws -> Child {
    var variables = environment
    variables["CAREDATA_DATABASE_URL"] = databaseURL
    if let service = KeyService(rawValue: stage.rawValue) {
      let keys = KeyInstallation("\(workspace.path("state"))/keys")
      variables["CAREDATA_KEYS_DIRECTORY"] = keys.folder(of: service).path
      variables["CAREDATA_KEYS_WRAPPING_KEY_FILE"] = keys.wrappingKey(of: service)
    }
    variables["CAREDATA_SUPERVISED"] = "true"
    // Nobody loads a list here, and without one nothing would go on.
    variables["CAREDATA_NATIONAL_LIST_DAYS"] = "off"
    let ready = workspace.path("ready-\(name)")
    variables["CAREDATA_READY_FILE"] = ready
    let child = try workspace.start("caredata-\(stage.rawValue)", environment: variables, log: name)
    do {
      try awaited(stage.rawValue, seconds: 60, unlessEnded: child) {
        FileManager.default.fileExists(atPath: ready) ? true : nil
      }
    } catch {
      child.stop()
      throw error
    }
    return child
  }
}
