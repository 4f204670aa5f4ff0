import Foundation
import Postgres
import Synchronization

/// A PostgreSQL cluster of our own in a state folder, reached over a Unix socket only.
///
/// For trying out, tests and small pilots. It is made at the first start, has one role and one database, both named
/// `caredata`, and lives no longer than this process (see `PostgresSupervisor`). Everybody who may enter the socket
/// directory, that is the user that runs PostgreSQL and root, is trusted.
///
/// Its log, `postgres.log`, holds neither statements nor errors of statements, for both can quote identifiers.
final class PrivatePostgres: Sendable {
  private struct Running {
    let supervisor: PostgresSupervisor
    let lock: DirectoryLock
    let place: ClusterPlace
    let socketDirectory: String

    var server: String { "host=\(socketDirectory) port=5432 user=caredata" }
    var conninfo: String { "\(server) dbname=caredata" }
  }

  /// The folder given; it belongs to this class.
  let directory: String
  private let alternative: String
  private let running = Mutex<Running?>(nil)

  init(directory: String) {
    self.directory = URL(fileURLWithPath: directory).standardizedFileURL.path
    alternative = "/var/lib/caredata"
  }

  /// - Parameter alternative: where the cluster goes when the user postgres cannot reach `directory`.
  init(directory: String, alternative: String) {
    self.directory = URL(fileURLWithPath: directory).standardizedFileURL.path
    self.alternative = alternative
  }

  /// Starts the cluster, made anew at the first use, and waits until it takes connections. What an earlier, killed
  /// parent left running on the folder is stopped first. A cluster already running is left as it is; one that has
  /// ended comes back under the same conninfo, so that its clients need only wait.
  /// - Returns: the conninfo of the database `caredata`.
  func start() throws -> String {
    try running.withLock { running in
      var socketDirectory: String?
      if let current = running {
        if try current.place.processes().contains(where: { $0 == current.place.postmaster() }) {
          return current.conninfo
        }
        socketDirectory = current.socketDirectory
        try finish(&running, .immediate)
      }
      let lock = try takeDirectory()
      do {
        let started = try start(holding: lock, socketDirectory)
        let conninfo = started.conninfo
        running = started
        return conninfo
      } catch {
        lock.release()
        throw error
      }
    }
  }

  /// Whether the server that ``start()`` has started is alive; cheap enough to ask ten times a second.
  var isAlive: Bool { running.withLock { $0?.place.hasLivingPostmaster ?? false } }

  /// Stops the cluster in order; nothing to do when it is not running.
  func stop() throws {
    try running.withLock { running in
      try finish(&running, .fast)
    }
  }

  /// Ends the cluster as a crash would: sessions cut, no checkpoint, recovery at the next start.
  func kill() {
    running.withLock { running in
      try? finish(&running, .immediate)
    }
  }

  private func finish(_ running: inout Running?, _ mode: PostgresSupervisor.Mode) throws {
    guard let current = running.take() else { return }
    defer { current.lock.release() }
    // pg_ctl fails when the postmaster was killed; its sessions may still be there.
    if !current.supervisor.stop(mode) { try current.place.endLeftovers() }
  }

  // MARK: - Starting

  private func takeDirectory() throws -> DirectoryLock {
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw PrivatePostgresError(description: "cannot create \(directory): \(error.localizedDescription)")
    }
    return try DirectoryLock.acquire(directory)
  }

  private func start(holding lock: DirectoryLock, _ socketDirectory: String?) throws -> Running {
    let place = try ClusterPlace.find(directory: directory, alternative: alternative)
    try place.endLeftovers()
    try place.createIfMissing()
    let socketDirectory = try place.createSocketDirectory(socketDirectory)
    let supervisor = try PostgresSupervisor(
      place.programs, data: place.data, log: place.log, socketDirectory: socketDirectory,
      options: Self.options(socketDirectory), lock: lock)
    let running = Running(supervisor: supervisor, lock: lock, place: place, socketDirectory: socketDirectory)
    do {
      try Self.createDatabase("\(running.server) dbname=postgres")
    } catch {
      _ = supervisor.stop(.fast)
      throw error
    }
    return running
  }

  private static func createDatabase(_ conninfo: String) throws {
    let connection = try Connection(conninfo)
    defer { connection.close() }
    if try connection.query("select 1 from pg_database where datname = 'caredata'").count == 0 {
      try connection.execute("create database caredata")
    }
  }

  /// Given at every start rather than kept in the cluster's files, so that they are always this program's.
  private static func options(_ socketDirectory: String) -> String {
    let settings = [
      "listen_addresses=", "port=5432", "unix_socket_directories=\(socketDirectory)", "unix_socket_permissions=0700",
      "shared_buffers=\(MachineMemory.sharedBuffers())MB", "max_connections=100",
      // After each checkpoint a page is logged whole when it is first changed, and tokens are spread over all pages: each
      // is to change often before the next.
      "max_wal_size=\(2 * MachineMemory.sharedBuffers())MB", "checkpoint_timeout=15min", "wal_compression=lz4",
      // No replica and no archive ever reads this cluster's log.
      "wal_level=minimal", "max_wal_senders=0",
      // Batches of a few thousand rows do not repay compiling their plans.
      "jit=off", "timezone=UTC", "log_timezone=UTC",
      // LOG, FATAL and PANIC only: the text of an ERROR and its statement can quote identifiers.
      "log_min_messages=log", "log_min_error_statement=panic", "log_error_verbosity=terse", "log_checkpoints=off",
    ]
    return settings.map { "-c \($0)" }.joined(separator: " ")
  }
}
