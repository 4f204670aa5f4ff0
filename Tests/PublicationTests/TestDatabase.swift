import Foundation
import Postgres
import StageKit
import Synchronization

@testable import Publication
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
  static func freshSchema() -> String { "publication_\(schemas.wrappingAdd(1, ordering: .relaxed).newValue)" }

  /// A connection whose search path is `schema`, migrated up to a version.
  static func connect(schema: String = freshSchema(), upTo version: Int = .max) throws -> Connection {
    let connection = try Connection(conninfo.get())
    try connection.migrate(schema: schema, FactSchema.migrations.filter { $0.version <= version })
    return connection
  }

  /// A folder of its own, which other users may pass through, as the one that runs PostgreSQL has to.
  static func temporaryDirectory() -> String {
    var template = Array("/tmp/caredata-publication-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    precondition(chmod(path, 0o755) == 0)
    return path
  }
}

extension FactStore {
  /// The outbox entry carries the extract id as its key.
  func apply(_ batch: FactBatch) throws {
    try apply(batch) { Outbox.Entry(topic: "receipts", partition: 0, key: Array($0.id.utf8), value: []) }
  }
}

extension Connection {
  /// Every row of a query as text, one line each.
  func lines(_ sql: String) throws -> [String] {
    let rows = try query(sql)
    return (0..<rows.count).map { rows.text($0, 0) }
  }

  /// What the fact tables hold, without the numbers of batches.
  func content() throws -> [String] {
    try lines(
      """
      select (to_jsonb(r) || jsonb_build_object('counted_in', counted_in <> 0))::text from record r order by record_id
      """) + lines("select e::text from erased e order by e")
  }

  /// Extract ids for which a balance was announced, in order.
  func announced() throws -> [String] { try lines("select convert_from(key, 'UTF8') from outbox order by id") }
}
