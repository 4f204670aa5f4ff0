import Contracts
import Foundation
import Kafka
import Postgres

@testable import caredata

/// Everything that lies behind pseudonymisation, or that operators and connectors read: topics, tables, logs, files.
struct LeakScanPlaces {
  let system: RunningSystem
  let scanner: LeakScanner
  /// Bytes looked at, by place, so that a scan of nothing is noticed.
  private(set) var scanned: [String: Int] = [:]
  private(set) var leaks: Set<Leak> = []

  init(_ system: RunningSystem, _ scanner: LeakScanner) {
    self.system = system
    self.scanner = scanner
  }

  static let topics: [Topic] =
    [.pseudonymised, .linked, .releases, .receipts] + StageName.allCases.map(Topic.rejected)
    + ["condition-prevalence", "emergency-admissions", "linkage-quality"].map(Topic.dataset)
  static let schemas = [StageName.linkage.schema, StageName.publication.schema]

  mutating func scanAll() throws {
    for topic in Self.topics { try scan(topic) }
    for schema in Self.schemas { try scan(schema: schema) }
    try scanLogs()
    try scanReleases()
    try scanDatabaseFiles()
    for stage in [StageName.linkage, .publication] { try scanMemory(of: stage) }
  }

  // MARK: - Topics

  /// Keys, values, names and values of headers.
  mutating func scan(_ topic: Topic) throws {
    let place = "topic \(topic.name)"
    scanned[place, default: 0] += 0
    for record in try system.records(in: topic) {
      look(at: record.key, in: "\(place), key")
      look(at: record.value, in: "\(place), value")
      for (name, value) in record.headers {
        look(at: Array(name.utf8), in: "\(place), name of a header")
        look(at: value, in: "\(place), header \(name)")
      }
    }
  }

  // MARK: - Tables

  /// Each column of each row; bytea as the bytes, everything else as PostgreSQL writes it.
  mutating func scan(schema: String) throws {
    let database = try system.database()
    defer { database.close() }
    let tables = try database.query(
      """
      select c.relname::text, array_agg(a.attname::text order by a.attnum),
        array_agg(case a.atttypid when 'bytea'::regtype then 1 else 0 end order by a.attnum)::bigint[]
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = $1::text::regnamespace and c.relkind in ('r', 'p', 'm', 'S') group by c.relname order by 1
      """, [.text(schema)])
    for row in 0..<tables.count {
      let (table, columns, isBytes) = (tables.text(row, 0), tables.textArray(row, 1), tables.intArray(row, 2))
      let place = "table \(schema).\(table)"
      scanned[place, default: 0] += 0
      let list = zip(columns, isBytes).map { $1 == 1 ? "\"\($0)\"" : "\"\($0)\"::text" }.joined(separator: ", ")
      let rows = try database.query("select \(list) from \"\(schema)\".\"\(table)\"")
      for row in 0..<rows.count {
        for column in columns.indices where !rows.isNull(row, column) {
          let bytes = isBytes[column] == 1 ? rows.bytes(row, column) : Array(rows.text(row, column).utf8)
          look(at: bytes, in: "\(place), column \(columns[column])")
        }
      }
    }
  }

  // MARK: - Files

  mutating func scanLogs() throws {
    for (path, bytes) in try files(below: system.state.logs) { look(at: bytes, in: "log \(path)") }
    for (path, bytes) in try files(below: system.state.postgres) where path.hasSuffix(".log") {
      look(at: bytes, in: "log of PostgreSQL")
    }
    look(at: Array(system.up.text.utf8), in: "output of up")
  }

  mutating func scanReleases() throws {
    for (path, bytes) in try files(below: system.state.releases) {
      look(at: Array(path.utf8), in: "name of a released file")
      look(at: bytes, in: "released file \(path)")
    }
  }

  /// What lies on disk of the tables and indexes behind pseudonymisation, also of rows that are gone.
  mutating func scanDatabaseFiles() throws {
    let database = try system.database()
    defer { database.close() }
    try database.execute("checkpoint")
    let folder = try database.query("show data_directory").text(0, 0)
    let files = try database.query(
      """
      select pg_relation_filepath(c.oid), n.nspname from pg_class c
      left join pg_class o on o.reltoastrelid = c.oid
      left join pg_index i on i.indexrelid = c.oid left join pg_class t on t.reltoastrelid = i.indrelid
      join pg_namespace n on n.oid = coalesce(o.relnamespace, t.relnamespace, c.relnamespace)
      where n.nspname = any($1) and pg_relation_filepath(c.oid) is not null order by 1
      """, [.textArray(Self.schemas)])
    for row in 0..<files.count {
      for bytes in FileManager.default.contents(atPath: "\(folder)/\(files.text(row, 0))").map({ [$0] }) ?? [] {
        look(at: [UInt8](bytes), in: "database file of \(files.text(row, 1)), \(files.text(row, 0))")
      }
    }
  }

  /// What a core file would hold. The services write none, and only an administrator can look.
  mutating func scanMemory(of stage: StageName) throws {
    try scanMemory(of: try system.pid(stage), in: "memory of \(stage.rawValue)")
  }

  mutating func scanMemory(of process: pid_t, in place: String) throws {
    let maps = try String(contentsOfFile: "/proc/\(process)/maps", encoding: .utf8)
    let memory = open("/proc/\(process)/mem", O_RDONLY | O_CLOEXEC)
    guard memory >= 0 else { throw Failure("the memory of process \(process) cannot be read") }
    defer { close(memory) }
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    for line in maps.split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 5)
      let bounds = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      guard bounds.count == 2, fields[1].hasPrefix("rw"), !line.hasSuffix("[vvar]") else { continue }
      var position = bounds[0]
      while position < bounds[1] {
        let wanted = min(piece.count, Int(bounds[1] - position))
        let count = piece.withUnsafeMutableBytes { pread(memory, $0.baseAddress, wanted, off_t(position)) }
        guard count > 0 else { break }
        piece.withUnsafeBytes { look(at: UnsafeRawBufferPointer(rebasing: $0[..<count]), in: place) }
        position += UInt64(count)
      }
    }
  }

  private func files(below folder: String) throws -> [(String, [UInt8])] {
    guard let paths = FileManager.default.enumerator(atPath: folder) else { return [] }
    return paths.compactMap { $0 as? String }.sorted().compactMap { path in
      FileManager.default.contents(atPath: "\(folder)/\(path)").map { (path, [UInt8]($0)) }
    }
  }

  private mutating func look(at bytes: [UInt8], in place: String) {
    bytes.withUnsafeBytes { look(at: $0, in: place) }
  }

  private mutating func look(at bytes: UnsafeRawBufferPointer, in place: String) {
    scanned[String(place.prefix { $0 != "," }), default: 0] += bytes.count
    leaks.formUnion(scanner.leaks(in: bytes, at: place))
  }
}
