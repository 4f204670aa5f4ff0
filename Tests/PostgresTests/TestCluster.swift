import Foundation
import Postgres
import Synchronization

@testable import caredata

/// One private cluster for the whole test run, in a temporary directory removed at exit.
enum TestCluster {
  private static let directory = temporaryDirectory()
  private static let server = PrivatePostgres(directory: directory)

  private static let conninfo: Result<String, any Error> = Result {
    atexit {
      try? TestCluster.server.stop()
      try? FileManager.default.removeItem(atPath: TestCluster.directory)
    }
    try copyFreshCluster(to: directory)
    return try server.start()
  }

  /// A cluster never started, made once: copying it takes a tenth of initdb's time.
  private static let fresh: Result<ClusterPlace, any Error> = Result {
    let directory = temporaryDirectory()
    freshDirectory.withLock { $0 = directory }
    atexit { freshDirectory.withLock { try? FileManager.default.removeItem(atPath: $0) } }
    let place = try ClusterPlace.find(directory: directory, alternative: directory)
    try place.createIfMissing()
    return place
  }

  /// Puts a cluster never started where `PrivatePostgres(directory:)` expects its own.
  static func copyFreshCluster(to directory: String) throws {
    let source = try fresh.get()
    try source.programs.account.own(directory)
    let (status, output) = try source.programs.run(["cp", "-a", source.data, "\(directory)/data"])
    guard status == 0 else { throw PrivatePostgresError(description: output) }
  }

  static var log: String { "\(directory)/postgres.log" }

  static func connect() throws -> Connection { try Connection(conninfo.get()) }
}

/// A new directory in /tmp that other users may pass through, as the one that runs PostgreSQL has to.
func temporaryDirectory() -> String {
  var template = Array("/tmp/caredata-test-XXXXXX".utf8CString)
  precondition(mkdtemp(&template) != nil)
  let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  precondition(chmod(path, 0o755) == 0)
  return path
}

/// The error that `body` throws; nil if it throws none or another.
func postgresError(_ body: () throws -> Void) -> PostgresError? {
  do {
    try body()
    return nil
  } catch {
    return error as? PostgresError
  }
}

/// A name for a schema that no other test uses.
func freshSchema() -> String {
  "test_\(schemaNumber.wrappingAdd(1, ordering: .relaxed).newValue)"
}

private let schemaNumber = Atomic(0)
private let freshDirectory = Mutex("")
