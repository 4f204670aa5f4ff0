import Foundation
import Postgres
import StageKit
import Synchronization

@testable import Linkage
@testable import caredata

/// One private cluster for the whole test run, in a temporary directory removed at exit.
enum TestDatabase {
  private static let directory = temporaryDirectory()
  private static let server = PrivatePostgres(directory: directory)
  private static let schemas = Atomic(0)

  private static let conninfo: Result<String, any Error> = Result {
    atexit {
      try? TestDatabase.server.stop()
      try? FileManager.default.removeItem(atPath: TestDatabase.directory)
    }
    return try server.start()
  }

  /// A name for a schema that no other test uses.
  static func freshSchema() -> String { "linkage_\(schemas.wrappingAdd(1, ordering: .relaxed).newValue)" }

  /// A connection whose search path is `schema`, migrated up to a version.
  static func connect(schema: String, upTo version: Int = .max) throws -> Connection {
    let connection = try Connection(conninfo.get())
    try connection.migrate(schema: schema, LinkageMigrations.all.filter { $0.version <= version })
    return connection
  }

  private static func temporaryDirectory() -> String {
    var template = Array("/tmp/caredata-linkage-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    // The user that runs PostgreSQL has to pass through.
    precondition(chmod(path, 0o755) == 0)
    return path
  }
}
