import Audit
import Foundation
import KeyRing

/// The folder of one `caredata up`: keys, PostgreSQL cluster, logs, releases, and how to reach what is running.
struct StateDirectory {
  static let defaultPath = ".caredata"

  /// What `up` tells other commands; written when everything is ready, removed at the end.
  struct Running: Codable {
    /// CAREDATA_… variables.
    var environment: [String: String]
    var supervisor: Int32
    var services: [String: Int32]
    var controlSocket: String
  }

  let path: String

  init(path: String) { self.path = URL(fileURLWithPath: path).standardizedFileURL.path }

  var logs: String { path + "/logs" }
  var releases: String { path + "/releases" }
  var postgres: String { path + "/postgres" }
  var auditLog: String { path + "/audit.log" }
  var brokerState: String { path + "/broker.json" }
  private var runningFile: String { path + "/up.json" }

  var keys: KeyInstallation { KeyInstallation("\(path)/keys") }

  func make() throws {
    for folder in [path, logs, releases] {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
  }

  /// Makes the keys that are missing; existing ones are never replaced.
  ///
  /// - Parameter audit: where it is logged before.
  func makeKeys(_ audit: AuditLog) throws {
    guard !FileManager.default.fileExists(atPath: "\(path)/keys/ingestion/staging.key") else {
      throw ClientError(
        "\(path) was made by an earlier version, whose keys are not read any more: use another folder, or remove it")
    }
    for service in KeyService.allCases
    where !FileManager.default.fileExists(atPath: keys.folder(of: service).ring) {
      try audit.append(event: .keyCreated, details: KeyEvents.created(service))
    }
    _ = try keys.make()
  }

  func write(_ running: Running) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(running).write(to: URL(fileURLWithPath: runningFile), options: .atomic)
  }

  func forgetRunning() { unlink(runningFile) }

  /// What is running here now; `nil` when nothing is.
  func running() throws -> Running? {
    guard let data = FileManager.default.contents(atPath: runningFile) else { return nil }
    let running = try JSONDecoder().decode(Running.self, from: data)
    return kill(running.supervisor, 0) == 0 ? running : nil
  }
}
