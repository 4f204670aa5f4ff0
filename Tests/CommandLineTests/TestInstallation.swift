import Foundation
import Postgres
import StageKit
import Synchronization

@testable import Ingestion
@testable import ObjectionFilter
@testable import Publication
@testable import caredata

/// Databases with the tables that services make, in one private cluster for the whole test run.
enum TestInstallation {
  private static let directory: String = {
    var template = Array("/tmp/caredata-commands-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    // The user that runs PostgreSQL has to pass through.
    precondition(chmod(path, 0o755) == 0)
    return path
  }()
  private static let server = PrivatePostgres(directory: directory)
  private static let databases = Atomic(0)

  private static let conninfo: Result<String, any Error> = Result {
    atexit {
      try? TestInstallation.server.stop()
      try? FileManager.default.removeItem(atPath: TestInstallation.directory)
    }
    return try server.start()
  }

  /// A database of its own, empty.
  static func empty() throws -> Connection {
    let name = "commands_\(databases.wrappingAdd(1, ordering: .relaxed).newValue)"
    let server = try Connection(conninfo.get())
    defer { server.close() }
    try server.execute("create database \(name)")
    return try Connection(conninfo.get().replacing("dbname=caredata", with: "dbname=\(name)"))
  }

  /// As ingestion, the objection filter and publication leave it after their first start.
  static func database() throws -> Connection {
    let database = try empty()
    try database.migrate(schema: "ingestion", IngestionStage.migrations)
    try database.migrate(schema: "objection_filter", ObjectionFilterStage.migrations)
    try database.migrate(schema: "publication", PublicationStage.migrations)
    try database.execute("set search_path to public")
    return database
  }
}
