import Foundation
import Postgres
import Synchronization

@testable import StageKit
@testable import caredata

/// One private cluster for the whole test run, in a temporary directory removed at exit.
enum TestDatabase {
  private static let directory: String = {
    var template = Array("/tmp/caredata-stagekit-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    // The user that runs PostgreSQL has to pass through.
    precondition(chmod(path, 0o755) == 0)
    return path
  }()
  private static let server = PrivatePostgres(directory: directory)
  private static let schemas = Atomic(0)

  private static let conninfo: Result<String, any Error> = Result {
    atexit {
      try? TestDatabase.server.stop()
      try? FileManager.default.removeItem(atPath: TestDatabase.directory)
    }
    return try server.start()
  }

  /// A connection to a schema of its own with the tables that StageKit asks of a stage.
  static func connect() throws -> Connection {
    let connection = try Connection(conninfo.get())
    let schema = "stagekit_\(schemas.wrappingAdd(1, ordering: .relaxed).newValue)"
    try connection.migrate(
      schema: schema,
      [
        Migration(version: 1, name: "stream start", sql: StreamStart.migrationSQL),
        Migration(version: 2, name: "flow and outbox", sql: FlowCounter.migrationSQL + Outbox.migrationSQL),
      ])
    return connection
  }
}
