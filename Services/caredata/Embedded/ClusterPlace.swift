import Foundation

/// Where a cluster's files are, and the care for what earlier processes left there.
struct ClusterPlace {
  let programs: PostgresPrograms
  /// Directory that holds `data` and the log.
  let home: String

  var data: String { "\(home)/data" }
  var log: String { "\(home)/postgres.log" }
  private var postmasterFile: String { "\(data)/postmaster.pid" }

  private static let socketPrefix = "/tmp/caredata-pg-"

  /// `directory` itself if the user that runs PostgreSQL can reach it. Else, for root in a home of mode 0700, a
  /// directory of its own in `alternative`, to which the link `cluster` in `directory` points: without the link, the
  /// next start makes a new cluster, so that removing the state folder starts afresh.
  static func find(directory: String, alternative: String) throws -> ClusterPlace {
    let link = "\(directory)/cluster"
    let files = FileManager.default
    let linked = try? files.destinationOfSymbolicLink(atPath: link)
    let version = version(of: linked ?? directory)
    let programs = try PostgresPrograms.find(version: version)
    if let linked { return try ClusterPlace(programs: programs, home: linked).checked() }

    try programs.account.own(directory)
    let here = ClusterPlace(programs: programs, home: directory)
    if try here.isReachable() { return try here.checked() }
    guard geteuid() == 0 else { throw PrivatePostgresError(description: "cannot write to \(directory)") }
    guard version == nil else {
      throw PrivatePostgresError(
        description: "the user postgres can no longer reach the cluster in \(directory); open the folders above it "
          + "to others' passage (chmod o+x)")
    }
    var template = Array("\(alternative)/cluster-XXXXXX".utf8CString)
    try files.createDirectory(
      atPath: alternative, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
    guard mkdtemp(&template) != nil else {
      throw PrivatePostgresError(description: "cannot create a directory in \(alternative): \(lastSystemError())")
    }
    let home = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    try programs.account.own(home)
    let elsewhere = ClusterPlace(programs: programs, home: home)
    guard try elsewhere.isReachable() else {
      rmdir(home)
      throw PrivatePostgresError(
        description: "the user postgres can reach neither \(directory) nor \(alternative); choose a state folder "
          + "whose parents others may pass through (chmod o+x)")
    }
    try files.createSymbolicLink(atPath: link, withDestinationPath: home)
    return try elsewhere.checked()
  }

  private static func version(of home: String) -> Int? {
    (try? String(contentsOfFile: "\(home)/data/PG_VERSION", encoding: .utf8))
      .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// pg_ctl hands the paths to a shell between double quotes.
  private func checked() throws -> ClusterPlace {
    guard !home.contains(where: { "\"$`\\\n".contains($0) }) else {
      throw PrivatePostgresError(description: "PostgreSQL cannot use a folder whose path has \", $, ` or \\: \(home)")
    }
    return self
  }

  private func isReachable() throws -> Bool {
    try programs.run(["sh", "-c", "cd \"$1\" && [ -w . ]", "sh", home]).status == 0
  }

  // MARK: - Making

  /// Makes the cluster under another name first: what a killed initdb leaves is not taken for a cluster.
  func createIfMissing() throws {
    guard !FileManager.default.fileExists(atPath: "\(data)/PG_VERSION") else { return }
    let unfinished = "\(home)/data.new"
    try remove(unfinished)
    let (status, output) = try programs.run([
      programs.path("initdb"), "--pgdata=\(unfinished)", "--username=caredata", "--encoding=UTF8", "--locale=C",
      "--auth=trust", "--no-instructions",
    ])
    guard status == 0 else { throw PrivatePostgresError(description: "initdb failed in \(home): \(output)") }
    guard rename(unfinished, data) == 0 else {
      throw PrivatePostgresError(description: "cannot create \(data): \(lastSystemError())")
    }
  }

  /// A socket's path may have 107 bytes, too few for many state folders: a short directory that only the user of
  /// PostgreSQL may enter.
  /// - Parameter former: of a server that has ended; made again under its name.
  func createSocketDirectory(_ former: String?) throws -> String {
    if let former {
      try remove(former)
      guard mkdir(former, 0o700) == 0 else {
        throw PrivatePostgresError(description: "cannot create \(former): \(lastSystemError())")
      }
      try programs.account.own(former)
      return former
    }
    var template = Array("\(Self.socketPrefix)XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw PrivatePostgresError(description: "cannot create a directory in /tmp: \(lastSystemError())")
    }
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    try programs.account.own(path)
    return path
  }

  // MARK: - Leftovers

  /// The postmaster's process id as its file tells; the file of a killed one tells it too.
  func postmaster() -> pid_t? { postmasterLines().first.flatMap { pid_t($0) } }

  /// Lines of postmaster.pid: process id, data directory, start time, port, socket directory ...
  private func postmasterLines() -> [String] {
    let text = (try? String(contentsOfFile: postmasterFile, encoding: .utf8)) ?? ""
    return text.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }

  /// Whether a process has the postmaster's id and has not ended. Unlike ``processes()`` it starts no program.
  var hasLivingPostmaster: Bool {
    guard let postmaster = postmaster(),
      let status = try? String(contentsOfFile: "/proc/\(postmaster)/stat", encoding: .utf8),
      let state = status.split(separator: ")").last?.split(separator: " ").first
    else { return false }
    // An ended process stays until its parent takes note of it.
    return state != "Z" && state != "X"
  }

  /// Every server process of this cluster: they all work in the data directory. Asked as the user that runs them,
  /// for in a container even root may not look at another user's processes.
  func processes() throws -> [pid_t] {
    let script = """
      for process in /proc/[0-9]*; do
        if [ "$process/cwd" -ef "$1" ]; then
          case "$(readlink "$process/exe")" in */postgres*) echo "${process#/proc/}" ;; esac
        fi
      done
      """
    return try programs.run(["sh", "-c", script, "sh", data]).output.split(separator: "\n").compactMap { pid_t($0) }
  }

  /// Stops what runs here still and removes what would keep a new postmaster from starting. Only the holder of the
  /// directory's lock may call it.
  func endLeftovers() throws {
    guard FileManager.default.fileExists(atPath: postmasterFile) else { return }
    let lines = postmasterLines()
    if let postmaster = postmaster(), try processes().contains(postmaster) {
      let (status, output) = try programs.run([
        programs.path("pg_ctl"), "--pgdata=\(data)", "--mode=fast", "--wait", "--timeout=120", "--silent", "stop",
      ])
      guard status == 0 else {
        throw PrivatePostgresError(description: "the PostgreSQL server on \(data) does not stop: \(output)")
      }
    }
    // Sessions survive a killed postmaster until they next wait, and hold its shared memory: no new one starts
    // beside them. Ending them is what the crash recovery to come expects.
    let deadline = Date(timeIntervalSinceNow: 30)
    var orphans = try processes()
    while !orphans.isEmpty {
      guard Date() < deadline else {
        throw PrivatePostgresError(description: "sessions of a killed PostgreSQL server on \(data) do not end")
      }
      for orphan in orphans { _ = Foundation.kill(orphan, SIGKILL) }
      orphans = try processes()
    }
    // None of its processes lives, but its id may be another process's by now, which would make the next
    // postmaster believe that the cluster is running.
    try? FileManager.default.removeItem(atPath: postmasterFile)
    if lines.count > 4, lines[4].hasPrefix(Self.socketPrefix) { try remove(lines[4]) }
  }

  /// Removes as the account: the path comes from files that the account can write.
  private func remove(_ path: String) throws {
    let (status, output) = try programs.run(["rm", "-rf", "--", path])
    guard status == 0 else { throw PrivatePostgresError(description: output) }
  }
}
