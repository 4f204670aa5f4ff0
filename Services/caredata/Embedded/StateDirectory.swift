import Cryptography
import Foundation

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

  func keys(of stage: String) -> String { "\(path)/keys/\(stage)" }

  func make() throws {
    for folder in [path, logs, releases] {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
  }

  /// Key files each stage may read. A key shared by two stages is one key in two places; no stage sees a third.
  private static let keyHolders: [String: [String]] = [
    "record": ["ingestion"], "routing": ["ingestion"], "staging": ["ingestion"],
    "identity": ["ingestion", "pseudonymisation"], "clinical": ["ingestion", "publication"],
    "attributes": ["pseudonymisation", "publication"], "linkage": ["pseudonymisation"],
    "withdrawal": ["pseudonymisation"], "reverse": ["pseudonymisation"], "recipients": ["publication"],
  ]

  /// Makes the keys that are missing; existing ones are never replaced.
  func makeKeys() throws {
    for (key, holders) in Self.keyHolders {
      for stage in holders {
        try FileManager.default.createDirectory(
          atPath: keys(of: stage), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      }
      let files = holders.map { "\(keys(of: $0))/\(key).key" }
      if !FileManager.default.fileExists(atPath: files[0]) { try KeyFile.create(files[0]) }
      for copy in files.dropFirst() where !FileManager.default.fileExists(atPath: copy) {
        try FileManager.default.copyItem(atPath: files[0], toPath: copy)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: copy)
      }
    }
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
