import Foundation

@testable import caredata

/// A program of the build under test, started with its output in a file.
final class SpawnedProcess {
  let pid: pid_t
  let name: String
  private let output: String
  private var exitStatus: Int32?

  /// Where the programs are: the folder of this test bundle.
  static let programs: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return (own as NSString).deletingLastPathComponent
  }()

  /// - Parameters:
  ///   - program: a name in ``programs``, or a path.
  ///   - environment: added to this process's own.
  ///   - output: file that takes standard output and standard error; replaced.
  init(_ program: String, _ arguments: [String], environment: [String: String] = [:], output: String) throws {
    let path = program.contains("/") ? program : "\(Self.programs)/\(program)"
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw Failure("\(path) is missing: build the product first")
    }
    name = ([program] + arguments).joined(separator: " ")
    self.output = output
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    let variables = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    let argv = ([path] + arguments).map { strdup($0) } + [nil]
    let envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in argv + envp { free(text) } }
    var pid: pid_t = 0
    let code = try ChildStart.alone {
      // Descriptors of other tests would keep their sockets and locks open.
      for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
        if let descriptor = Int32(name), descriptor > 2 { posix_spawn_file_actions_addclose(&actions, descriptor) }
      }
      return posix_spawn(&pid, path, &actions, nil, argv, envp)
    }
    guard code == 0 else { throw Failure("\(path): \(String(cString: strerror(code)))") }
    self.pid = pid
  }

  deinit { if isRunning { kill(pid, SIGKILL) } }

  /// What it wrote so far.
  var text: String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }

  var isRunning: Bool { status == nil }

  /// Exit code, or minus the signal that ended it; `nil` while it runs.
  var status: Int32? {
    if exitStatus == nil {
      var status: Int32 = 0
      if waitpid(pid, &status, WNOHANG) == pid {
        exitStatus = status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
      }
    }
    return exitStatus
  }

  func send(_ signal: Int32) { if isRunning { kill(pid, signal) } }

  /// Waits for its end.
  @discardableResult
  func finish(seconds: Double = 120) throws -> Int32 {
    do {
      return try awaitedValue(name, seconds: seconds) { status }
    } catch {
      throw Failure("\(error)\n\(text)")
    }
  }
}
