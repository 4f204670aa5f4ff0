import Foundation

/// The small shell process that starts the postmaster and stops it again, also when its parent is gone.
///
/// Nobody can run code at SIGKILL, but the kernel closes a killed process's descriptors: the supervisor reads a socket
/// whose only other end is its parent's, and end-of-file makes it stop the cluster. Because the same process starts the
/// postmaster, there is no moment at which one runs without it. Its standard error is the directory's lock, so that
/// a successor waits until the cluster of a killed parent is down.
final class PostgresSupervisor {
  private let process: Process
  private let release: Int32

  /// $1 data directory, $2 log file, $3 socket directory, $4 options of the server.
  private static let script = """
    if output=$(pg_ctl -D "$1" -l "$2" -o "$4" -s -w -t 120 start 2>&1); then
      echo ready
    else
      echo "$output"
      rm -rf "$3"
      exit 1
    fi
    read -r mode || mode=fast
    pg_ctl -D "$1" -m "$mode" -s -w -t 120 stop >/dev/null 2>&1
    status=$?
    rm -rf "$3"
    exit $status
    """

  /// Starts the server and waits until it takes connections.
  init(
    _ programs: PostgresPrograms, data: String, log: String, socketDirectory: String, options: String,
    lock: DirectoryLock
  ) throws {
    // A socket rather than a pipe: writing to a supervisor that is gone gives no SIGPIPE. Close-on-exec, or another
    // child of ours would keep it open after our death.
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw PrivatePostgresError(description: "cannot create a socket: \(lastSystemError())")
    }
    release = ends[0]
    defer { close(ends[1]) }
    let output: Pipe
    do {
      (process, output) = try ChildStart.alone {
        let output = Pipe()
        let process = programs.process(
          ["sh", "-c", Self.script, "sh", data, log, socketDirectory, options], in: "/")
        process.standardInput = FileHandle(fileDescriptor: ends[1], closeOnDealloc: false)
        process.standardOutput = output
        process.standardError = FileHandle(fileDescriptor: lock.descriptor, closeOnDealloc: false)
        try process.run()
        return (process, output)
      }
    } catch {
      close(release)
      throw error
    }
    let answer = Self.answer(output.fileHandleForReading)
    guard answer == "ready" else {
      close(release)
      process.waitUntilExit()
      throw PrivatePostgresError(description: "PostgreSQL does not start: \(answer); see \(log)")
    }
  }

  /// "ready", or all that the supervisor wrote before it ended. There is no end-of-file after "ready": setsid holds
  /// the pipe as long as the supervisor lives.
  private static func answer(_ output: FileHandle) -> String {
    var answer = Data()
    while answer != Data("ready\n".utf8) {
      let more = output.availableData
      if more.isEmpty { break }
      answer += more
    }
    return String(decoding: answer, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  enum Mode: String {
    /// Ends sessions, writes a checkpoint.
    case fast
    /// Ends at once without a checkpoint; the next start recovers, as after a crash.
    case immediate
  }

  /// Stops the server and waits for its end.
  /// - Returns: false when pg_ctl could not stop it, for example because it was gone already.
  func stop(_ mode: Mode) -> Bool {
    let order = Array("\(mode.rawValue)\n".utf8)
    _ = send(release, order, order.count, Int32(MSG_NOSIGNAL))
    close(release)
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}
