import Clinical
import Contracts
import Cryptography
import Datasets
import Disclosure
import Foundation
import Kafka
import Postgres
import StageKit
import SwiftProtobuf

/// Where definitions come from and releases go; read from the environment.
///
/// | variable | default | meaning |
/// |---|---|---|
/// | `CAREDATA_DATASETS_DIRECTORY` | `compose/datasets` | folder of the definitions, `NAME.yaml` |
/// | `CAREDATA_SPECIFICATION_DIRECTORY` | `compose/specification` | folder of the exclusion lists |
/// | `CAREDATA_RELEASES_DIRECTORY` | `releases` | folder that receives `NAME/RELEASE/NAME.csv` |
struct ReleaseDirectories: Sendable {
  var definitions: String
  var releases: String

  init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    definitions = environment["CAREDATA_DATASETS_DIRECTORY"] ?? "compose/datasets"
    releases = environment["CAREDATA_RELEASES_DIRECTORY"] ?? "releases"
  }

  /// - Throws: `SpecificationFaults` with everything wrong in any definition.
  func folder() throws -> DatasetFolder { try DatasetFolder.load(directory: definitions) }
}

/// Releases datasets, several of them of one state of the data:
///
/// 1. every extract in force is balanced
/// 2. a cut: everything acknowledged before it, objections included, has been applied here, and nobody says that
///    nothing may be released
/// 3. objections checked once more, inputs and datasets, from one snapshot of the database and in one pass
/// 4. each dataset: register, then file, then topics; whatever a crash left out is made good by the next run
///
/// The same definition, inputs and data are the same release, which is registered and sent once.
struct Releaser {
  struct Outcome: Encodable, Equatable {
    let release: String
    let dataset: String
    let rows: Int
    let file: String
    let sha256: String
  }

  let configuration: StageConfiguration
  let files: ReleaseFiles
  let cutPatience: Duration
  /// What is to be released, and the sensitive codes of its purpose that are in force today.
  struct Part {
    let definition: DatasetDefinition
    let exclusions: AppliedExclusions
  }

  let organisations: OrganisationHierarchy

  /// - Returns: the releases, each with whether it is a new one, in the order of the parts.
  func release(_ parts: [Part]) async throws -> [(outcome: Outcome, isNew: Bool)] {
    let database = try Self.connect(configuration.databaseURL)
    defer { database.close() }
    // Held by the session: a second release waits for this one.
    try database.query("select pg_advisory_lock(hashtextextended('caredata release', 0)) is null")
    _ = try ReleaseInputs(database)
    let cutID = "cut-" + randomName()
    let cut = ReleaseCut(id: cutID, database: database)
    try cut.request(configuration)
    let regime = try await cut.wait(cutPatience, partitions: configuration.layout.partitions)
    let computation = DatasetComputation(
      database: database, connect: { [url = configuration.databaseURL] in try Self.connect(url) },
      workers: ProcessInfo.processInfo.activeProcessorCount)
    return try Self.compute(parts, organisations, regime: regime, computation).map { release in
      try send(release, cutID: cutID, ReleaseRegister(database))
    }
  }

  private func send(
    _ release: Release, cutID: String, _ register: ReleaseRegister
  ) throws -> (outcome: Outcome, isNew: Bool) {
    let isNew = try register.entry(release.id) == nil
    let now = Date()
    if isNew { try register.append(Self.entry(release, cutID: cutID, at: now)) }
    try files.write(release)
    if try !register.isDelivered(release.id) {
      try ReleaseTopics(configuration: configuration.kafka, layout: configuration.layout).publish(release, at: now)
      try register.markDelivered(release.id)
    }
    let dataset = release.definition.name
    let outcome = Outcome(
      release: release.id, dataset: dataset, rows: release.table.rows.count,
      file: files.path(dataset: dataset, release: release.id), sha256: release.sha256)
    return (outcome, isNew)
  }

  /// Inputs and data as one state of the database holds them. Whether an objection is contradicted is looked up in that
  /// same state, and remembered whatever comes of it.
  /// - Throws: ``ReleaseError/objectionsViolated(_:)``, and what ``ReleaseInputs`` throws.
  static func compute(
    _ parts: [Part], _ organisations: OrganisationHierarchy, regime: String = "", _ computation: DatasetComputation
  ) throws -> [Release] {
    let database = computation.database
    let (check, releases) = try database.transaction {
      try database.execute("set transaction isolation level repeatable read, read only")
      let check = try ObjectionCheck(database)
      guard check.violating.isEmpty else { return (check, [Release]?.none) }
      let inputs = try ReleaseInputs(database)
      let all = try computation.cells(
        parts.map { .init($0.definition, excluded: CodeSet($0.exclusions.codes)) }, recordKey: PersonRecordKey.of)
      let releases = zip(parts, all).map { part, cells in
        Release(
          definition: part.definition, exclusions: part.exclusions, table: cells.published(organisations),
          inputs: inputs, regime: regime)
      }
      return (check, releases)
    }
    try check.store(in: database, at: Date())
    guard let releases else { throw ReleaseError.objectionsViolated(check.violating) }
    return releases
  }

  static func entry(_ release: Release, cutID: String, at time: Date) -> RegisterEntry {
    RegisterEntry(
      releaseID: release.id, dataset: release.definition.name,
      definition: hexadecimal(SHA256Digest.hash(release.definition.digest + release.exclusions.digest)),
      inputs: release.inputs.text, cutID: cutID,
      rows: Int64(release.table.rows.count), sha256: release.sha256,
      createdAt: time.microseconds,
      audience: .init(recipients: release.definition.recipients, regime: release.regime))
  }

  private static func connect(_ url: String) throws -> Connection {
    let database = try Connection(url)
    let schema = StageName.publication.schema
    let isThere = try database.query("select to_regclass($1) is not null", [.text("\(schema).rejected_objection")])
    guard isThere.bool(0, 0) else { throw ReleaseError.notSetUp }
    try database.execute("set search_path to \(schema)")
    return database
  }
}

/// The record key of a person, for ever: made of the person id, which never leaves publication, so that nobody else can
/// work it out.
enum PersonRecordKey {
  static func of(_ person: Token16) -> Int {
    Int(SHA256Digest.hash(Array("caredata record key".utf8) + person.bytes)[0]) % RecordKey.modulus
  }
}
