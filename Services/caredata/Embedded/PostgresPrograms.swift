import Foundation

/// PostgreSQL's own programs, and the user that runs them.
///
/// They refuse to run as root, so root hands them to the user `postgres` (`setpriv`); anybody else runs them as
/// themselves.
struct PostgresPrograms {
  /// Directory of the programs, for example /usr/lib/postgresql/15/bin.
  let directory: String
  let account: Account

  struct Account {
    let user: uid_t
    let group: gid_t
    /// Put before a command to run it as this user.
    let prefix: [String]

    static func current() throws -> Account {
      guard geteuid() == 0 else { return Account(user: geteuid(), group: getegid(), prefix: []) }
      guard let entry = getpwnam("postgres") else {
        throw PrivatePostgresError(
          description: "PostgreSQL does not run as root and there is no user postgres; install the package postgresql")
      }
      return Account(
        user: entry.pointee.pw_uid, group: entry.pointee.pw_gid,
        prefix: ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"])
    }

    /// Gives a file or directory to this user; only root can and has to.
    func own(_ path: String) throws {
      guard geteuid() == 0 else { return }
      guard lchown(path, user, group) == 0 else {
        throw PrivatePostgresError(description: "cannot give \(path) to the user postgres: \(lastSystemError())")
      }
    }
  }

  /// - Parameter version: the major version a cluster was made with; nil takes the newest installed.
  static func find(version: Int?, in root: String = "/usr/lib/postgresql") throws -> PostgresPrograms {
    let installed = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [])
      .compactMap(Int.init).sorted()
      .filter { FileManager.default.isExecutableFile(atPath: "\(root)/\($0)/bin/postgres") }
    guard let chosen = version ?? installed.last, installed.contains(chosen) else {
      let wanted = version.map { "PostgreSQL \($0), with which the cluster was made," } ?? "PostgreSQL"
      let package = version.map { "postgresql-\($0)" } ?? "postgresql"
      throw PrivatePostgresError(
        description: "\(wanted) is not installed in \(root); install the package \(package)")
    }
    return PostgresPrograms(directory: "\(root)/\(chosen)/bin", account: try .current())
  }

  func path(_ program: String) -> String { "\(directory)/\(program)" }

  /// Runs a command as the account and waits for it.
  /// - Returns: exit status and what it wrote to standard output and standard error.
  func run(_ command: [String], in workingDirectory: String = "/") throws -> (status: Int32, output: String) {
    let (process, output) = try ChildStart.alone {
      let output = Pipe()
      let process = self.process(command, in: workingDirectory)
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = output
      process.standardError = output
      try process.run()
      return (process, output)
    }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  /// A command that will run as the account, in a session of its own: the SIGINT that a terminal sends to its
  /// foreground process group on Ctrl-C must not stop the database before the services have drained.
  func process(_ command: [String], in workingDirectory: String) -> Process {
    // Foundation notices the end of a process when its end of a socket closes, and every child inherits that socket.
    // A daemon that a command leaves behind would hold it, and waitUntilExit would wait for the daemon: close it.
    let closing = """
      for descriptor in /proc/$$/fd/*; do
        descriptor=${descriptor##*/}
        if [ "$descriptor" -gt 2 ] && [ "$descriptor" -ne 255 ]; then eval "exec $descriptor>&-"; fi
      done
      exec "$@"
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/setsid")
    process.arguments = ["--wait", "bash", "-c", closing, "bash"] + account.prefix + command
    process.currentDirectoryURL = URL(fileURLWithPath: workingDirectory)
    // PG... variables of the caller would send the programs to another cluster.
    process.environment = ["PATH": "\(directory):/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/"]
    return process
  }
}

/// The text of errno.
func lastSystemError() -> String { String(cString: strerror(errno)) }
