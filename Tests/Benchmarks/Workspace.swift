import Foundation

/// Folder and programs of one run.
struct Workspace {
  let directory: String
  private let programs: String

  private static let marker = "made-by-caredata-benchmarks"

  /// Makes the folder anew, but only where an earlier run made it.
  init(directory: String) throws {
    self.directory = URL(fileURLWithPath: directory).standardizedFileURL.path
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    programs = (own as NSString).deletingLastPathComponent
    let files = FileManager.default
    if files.fileExists(atPath: self.directory) {
      guard files.fileExists(atPath: "\(self.directory)/\(Self.marker)") else {
        throw BenchmarkError("\(self.directory) holds something else; give another --directory")
      }
      // Where the user that runs PostgreSQL could not reach the state folder, its cluster lies elsewhere.
      let cluster = "\(self.directory)/state/postgres/cluster"
      if let elsewhere = try? files.destinationOfSymbolicLink(atPath: cluster), files.fileExists(atPath: elsewhere) {
        try files.removeItem(atPath: elsewhere)
      }
      try files.removeItem(atPath: self.directory)
    }
    // Passable, for the user that runs PostgreSQL.
    try files.createDirectory(
      atPath: self.directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    _ = files.createFile(atPath: "\(self.directory)/\(Self.marker)", contents: nil)
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  func program(_ name: String) -> String { "\(programs)/\(name)" }

  /// Starts a program of ours; its output goes to `NAME.log`.
  func start(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], log name: String
  ) throws -> Child {
    try Child(
      executable: self.program(program), arguments: arguments, environment: environment, log: path("\(name).log"))
  }

  /// Runs a command of `caredata` to its end.
  func caredata(_ arguments: [String]) throws {
    let child = try start("caredata", arguments, log: "commands")
    guard child.wait() == 0 else {
      throw BenchmarkError("caredata \(arguments.prefix(2).joined(separator: " ")) failed; see \(path("commands.log"))")
    }
  }
}

/// A child process that ends when this one does: it watches its standard input, whose other end we hold.
final class Child {
  private let process = Process()
  private let lifeline = Pipe()

  init(executable: String, arguments: [String], environment: [String: String], log: String) throws {
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    process.standardInput = lifeline
    if !FileManager.default.fileExists(atPath: log) { _ = FileManager.default.createFile(atPath: log, contents: nil) }
    guard let output = FileHandle(forWritingAtPath: log) else { throw BenchmarkError("\(log) cannot be written") }
    output.seekToEndOfFile()
    process.standardOutput = output
    process.standardError = output
    do { try process.run() } catch { throw BenchmarkError("\(executable) cannot be started; was it built?") }
  }

  var pid: Int32 { process.processIdentifier }
  var isRunning: Bool { process.isRunning }

  /// Exit code, or 128 and the signal.
  @discardableResult
  func wait() -> Int32 {
    process.waitUntilExit()
    return process.terminationReason == .uncaughtSignal ? 128 + process.terminationStatus : process.terminationStatus
  }

  func stop() {
    guard process.isRunning else { return }
    process.terminate()
    process.waitUntilExit()
  }
}

/// Calls `probe` until it gives something.
@discardableResult
func awaited<T>(
  _ what: String, seconds: Double, every pause: Double = 0.01, unlessEnded child: Child? = nil, _ probe: () throws -> T?
) throws -> T {
  let deadline = Date(timeIntervalSinceNow: seconds)
  while Date.now < deadline {
    if let value = try probe() { return value }
    if let child, !child.isRunning { throw BenchmarkError("the process that should bring \(what) has ended") }
    Thread.sleep(forTimeInterval: pause)
  }
  throw BenchmarkError("\(what) did not come within \(Int(seconds)) s")
}
