import Foundation

/// A process of ours that lives no longer than this one: it watches its standard input, whose other end we hold.
final class ChildProcess: @unchecked Sendable {  // used by the supervisor's thread; `pid` is constant after start
  let name: String
  let pid: Int32
  private let process: Process
  private let lifeline: Pipe

  /// - Parameters:
  ///   - log: file that its output is appended to.
  ///   - ended: called from another thread.
  init(
    name: String, executable: String, arguments: [String] = [], environment: [String: String], log: String,
    ended: @escaping @Sendable (ChildProcess.Exit) -> Void
  ) throws {
    self.name = name
    if !FileManager.default.fileExists(atPath: log) {
      _ = FileManager.default.createFile(atPath: log, contents: nil, attributes: [.posixPermissions: 0o600])
    }
    guard let output = FileHandle(forWritingAtPath: log) else { throw ClientError("\(log) cannot be written") }
    output.seekToEndOfFile()
    (process, lifeline) = try ChildStart.alone {
      let process = Process()
      let lifeline = Pipe()
      process.executableURL = URL(fileURLWithPath: executable)
      process.arguments = arguments
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
      process.standardInput = lifeline
      process.standardOutput = output
      process.standardError = output
      process.terminationHandler = { process in
        ended(
          Exit(
            name: name, pid: process.processIdentifier, status: process.terminationStatus,
            wasSignal: process.terminationReason == .uncaughtSignal))
      }
      do {
        try process.run()
      } catch {
        throw ClientError("\(executable) cannot be started: \(error.localizedDescription); was it built?")
      }
      return (process, lifeline)
    }
    pid = process.processIdentifier
  }

  struct Exit: Sendable {
    let name: String
    let pid: Int32
    let status: Int32
    let wasSignal: Bool

    var text: String { wasSignal ? "was ended by signal \(status)" : "ended with exit code \(status)" }
  }

  var isRunning: Bool { process.isRunning }

  /// Asks it to drain and leave.
  func terminate() { if process.isRunning { kill(pid, SIGTERM) } }

  func killNow() { if process.isRunning { kill(pid, SIGKILL) } }
}
