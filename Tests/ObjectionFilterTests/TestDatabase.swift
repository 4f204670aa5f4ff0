import Foundation
import Postgres
import Synchronization

@testable import ObjectionFilter
@testable import caredata

/// One private cluster for the whole test run, in a temporary directory removed at exit.
enum TestDatabase {
  private static let directory: String = {
    var template = Array("/tmp/caredata-filter-XXXXXX".utf8CString)
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

  static func newSchema() -> String { "filter_\(schemas.wrappingAdd(1, ordering: .relaxed).newValue)" }

  /// A connection to a schema, migrated; without one to a schema of its own.
  static func connect(
    schema: String = newSchema(), _ migrations: [Migration] = ObjectionSchema.migrations
  ) throws -> Connection {
    let connection = try Connection(conninfo.get())
    try connection.migrate(schema: schema, migrations)
    return connection
  }
}
