import Clinical
import Contracts
import Cryptography
import Foundation
import Postgres
import StageKit
import Synchronization
import Testing

@testable import Ingestion
@testable import caredata

/// One private cluster for the whole test run, in a temporary directory removed at exit.
enum TestDatabase {
  static let directory: String = {
    var template = Array("/tmp/caredata-ingestion-XXXXXX".utf8CString)
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

  /// A connection to a schema of its own, migrated.
  static func connect(upTo version: Int = .max) throws -> Connection {
    let connection = try Connection(conninfo.get())
    let schema = "ingestion_\(schemas.wrappingAdd(1, ordering: .relaxed).newValue)"
    try connection.migrate(schema: schema, IngestionSchema.migrations.filter { $0.version <= version })
    return connection
  }

  /// Another connection to the same schema: another instance.
  static func connect(beside connection: Connection) throws -> Connection {
    let schema = try connection.query("select current_schema()::text").text(0, 0)
    let other = try Connection(conninfo.get())
    try other.execute("set search_path to \(schema)")
    return other
  }

  /// The rest of the migrations.
  static func migrate(_ connection: Connection) throws {
    let schema = try connection.query("select current_schema()::text").text(0, 0)
    try connection.migrate(schema: schema, IngestionSchema.migrations)
  }
}

/// One patient of a test extract.
struct TestPatient {
  var ref: String
  var token: UInt64
  var content: UInt64 = 1
  var rejection: Reason?
  var notes: [Note] = []
  var entries: Int32 = 2
  var excluded: Int32 = 0
  var dissents = false
  var isNumbered = true
}

/// Ingestion's tables with the practice enrolled, and what a test does to them.
struct TestIngestion {
  let database: Connection
  let layout = TopicLayout(partitions: 4)
  let admission: Admission
  let ledger: ObjectionLedger
  let receipts: ReceiptFactory
  let resubmissions: Resubmissions
  let version = RoutingVersion()

  let practices: Practices
  let manifests: ManifestHandling

  init() throws {
    database = try TestDatabase.connect()
    receipts = ReceiptFactory(layout: layout)
    ledger = ObjectionLedger(statements: ObjectionStatements(layout: layout, version: version))
    resubmissions = Resubmissions(receipts: receipts, version: version)
    admission = Admission(layout: layout, ledger: ledger, receipts: receipts) { _, _ in }
    practices = Practices(gate: PracticeGate(), layout: layout, receipts: receipts)
    manifests = ManifestHandling(receipts: receipts, practices: practices)
    try enrol([.announce(wave: ""), .notify(on: CalendarDate.today.day - 60), .activate])
  }

  @discardableResult
  func enrol(_ changes: [PracticeGate.Change], _ organisation: String = "A81001") throws -> [Receipt] {
    try changes.map { change in
      let held = try practices.held(organisation, database)
      let enrolment = try practices.gate.enrolment(
        of: organisation, after: held, change, on: CalendarDate.today.day, at: (held?.changedAt ?? 0) + 1)
      return try database.transaction { try practices.store(enrolment, database) }
    }
  }

  static func routingToken(_ number: UInt64) -> Token16 { Token16(high: number << 32, low: number) }

  static func hash(_ text: String) -> Token16 { Token16(bytes: Array(SHA256Digest.hash(Array(text.utf8)).prefix(16)))! }

  func manifest(_ id: String, at: Int64, _ state: Manifest.State, expected: Int, organisation: String = "A81001")
    -> Manifest
  {
    Manifest.with {
      $0.state = state
      $0.extractID = id
      $0.organisation = organisation
      $0.source = .gp
      $0.period = "2026-10"
      $0.submittedAt = at
      $0.specification = "1"
      $0.expectedRecords = UInt32(expected)
    }
  }

  func row(_ manifest: Manifest) throws -> ExtractRow {
    try #require(try ExtractStore.rows([manifest.opening], database)[manifest.extractID])
  }

  func open(_ id: String, at: Int64, expected: Int, organisation: String = "A81001") throws {
    let manifest = manifest(id, at: at, .opened, expected: expected, organisation: organisation)
    try take(manifest)
  }

  func close(_ id: String, at: Int64, expected: Int, entries: UInt64? = nil) throws {
    var manifest = manifest(id, at: at, .closed, expected: expected)
    if let entries { manifest.expectedEntries = entries }
    try take(manifest)
  }

  func take(_ manifest: Manifest, asJSON: Bool = false) throws {
    try database.transaction { try manifests.take(manifest, asJSON: asJSON, try row(manifest), database) }
  }

  /// - Parameter offset: of the messages in their topic; the same messages again have the same.
  func stage(_ id: String, at: Int64, _ patients: [(Int, TestPatient)], offset: Int = 0) throws {
    let records = patients.map { sequence, patient in
      let token = Self.routingToken(patient.token)
      return StagedRecord(
        sequence: Int32(sequence), recordID: Self.hash("record/\(patient.ref)"),
        patientKey: Self.hash("patient/\(patient.ref)"), routingToken: token,
        partition: layout.partition(of: token.bytes),
        contentDigest: Self.hash("content/\(patient.content)/\(patient.token)"), sealed: Array("sealed".utf8),
        entriesReceived: patient.entries + patient.excluded + patient.notes.entries, entries: patient.entries,
        entriesExcluded: patient.excluded, isDeidentified: false, carriesDissent: patient.dissents,
        isNumbered: patient.isNumbered,
        rejection: patient.rejection, notes: patient.notes,
        source: .init(partition: 3, offset: Int64(offset + sequence)))
    }
    try database.transaction {
      try ExtractStore.stage(records, in: try row(manifest(id, at: at, .opened, expected: 0)), database)
    }
  }

  /// A whole extract in one go, admitted if it may be.
  func submit(_ id: String, at: Int64, _ patients: [TestPatient]) throws {
    try open(id, at: at, expected: patients.count)
    try stage(id, at: at, Array(zip(1..., patients)))
    try close(id, at: at, expected: patients.count)
    try admitAll()
  }

  func admitAll() throws {
    while try admission.admitNext(database) {}
  }

  /// A patient says so.
  func speak(
    _ decision: ObjectionDecision, day: Int32, _ type: ObjectionType = .objectionType2, token: UInt64 = 1
  ) throws {
    try database.transaction {
      try ledger.record(
        [
          .init(
            origin: Self.hash("person/\(token)"), token: Self.routingToken(token),
            decision: Decision(type: type, decision: decision, day: day), organisation: ObjectionLedger.patient)
        ], database)
    }
  }

  /// Extracts that are asked for again.
  func asked() throws -> [String] {
    while try resubmissions.next(database) {}
    return try outbox().receipts().filter { $0.status == .resubmissionRequested }.map(\.id)
  }

  // MARK: What came of it

  func state(_ id: String) throws -> String {
    try database.query("select state from extract where extract_id = $1", [.text(id)]).text(0, 0)
  }

  /// Takes everything out of the outbox.
  func outbox() throws -> [Outbox.Entry] {
    let rows = try database.query("select topic, partition::bigint, key, value from outbox order by id")
    try database.execute("delete from outbox")
    return (0..<rows.count).map {
      Outbox.Entry(
        topic: rows.text($0, 0), partition: Int32(rows.int($0, 1)), key: rows.bytes($0, 2), value: rows.bytes($0, 3))
    }
  }

  struct AdmittedRow: Equatable {
    var recordID: Token16
    var token: Token16
    var partition: Int64
    var number: Int64
    var stamp: Int64
  }

  func admitted(_ id: String) throws -> [AdmittedRow] {
    let no = try database.query("select no::bigint from extract where extract_id = $1", [.text(id)]).int(0, 0)
    let rows = try database.query(
      "select record_id, routing_token, partition::bigint, number::bigint, stamp from admitted_\(no) order by position")
    return try (0..<rows.count).map { row in
      AdmittedRow(
        recordID: try #require(Token16(bytes: rows.bytes(row, 0))),
        token: try #require(Token16(bytes: rows.bytes(row, 1))), partition: rows.int(row, 2), number: rows.int(row, 3),
        stamp: rows.int(row, 4))
    }
  }
}

extension [Note] {
  /// Entries that were left out.
  fileprivate var entries: Int32 { filter(\.reason.isOfLeftOutEntries).reduce(0) { $0 + $1.count } }
}

extension [Outbox.Entry] {
  func receipts() throws -> [Receipt] {
    try filter { $0.topic == "caredata.receipts" }.map { entry in
      try entry.value.withUnsafeBytes { try Receipt(binaryOrJSON: $0) }
    }
  }

  /// Envelopes for `validated` with their keys.
  func envelopes(_ kind: Kind) throws -> [(key: Token16?, envelope: Envelope)] {
    try filter { $0.topic == "caredata.validated" }
      .map { (Token16(bytes: $0.key), try Envelope(serializedBytes: $0.value)) }.filter { $0.1.kind == kind }
  }
}
