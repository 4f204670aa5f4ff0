import Clinical
import Contracts
import Foundation
import Kafka
import Postgres
import StageKit
import Testing

@testable import caredata

/// Gives all tests of a suite one running system: they use different organisations and people.
struct SharedSystem: SuiteTrait, TestScoping {
  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let folder = TestFolder.make("semantics")
    let system = try RunningSystem(in: folder)
    defer {
      Self.current = nil
      system.clear()
      TestFolder.remove(folder)
    }
    let connector = try await Connector(system, folder: folder)
    try connector.loadNationalList([])
    Self.current = connector
    try await function()
    try system.stop()
  }

  nonisolated(unsafe) fileprivate static var current: Connector?  // the suite is serialised

  /// The connector of the running system.
  static var connector: Connector {
    get throws { try #require(current) }
  }
}

extension Trait where Self == SharedSystem {
  static var sharedSystem: Self { Self() }
}

/// What the tests of meaning do with a running system, within this process: send extracts and objections, wait until
/// they have reached publication, and read what is published.
final class Connector {
  let system: RunningSystem
  let target: Installation
  let database: Connection
  private let folder: String
  private var files = 0
  private var organisations = 0
  private var people = 0
  private var places = 0
  private static let numbers = SyntheticNHSNumbers(seed: 20_261_002, count: 5_000)

  init(_ system: RunningSystem, folder: String) async throws {
    self.system = system
    self.folder = folder
    target = try await Installation(environment: try system.running().environment)
    database = try system.database()
  }

  // MARK: - Names that no other test uses

  /// Not enrolled yet.
  func newOrganisation(_ source: ExtractSource) -> String {
    organisations += 1
    return source == .gp ? "Y\(String(organisations + 10_000))" : "T\(String(organisations + 1_000).suffix(3))"
  }

  func enrolled(_ source: ExtractSource) throws -> String {
    let code = newOrganisation(source)
    try Enrolment(target).enrolMadeUp([code])
    return code
  }

  func newNumber() -> String {
    people += 1
    return Self.numbers[people]
  }

  /// Of one place: whoever has no NHS number is known by it.
  func newPostcode() -> String {
    places += 1
    let letters = Array("ABDEFGHJLNPQRSTUWXYZ")
    return "LX9 \(places / 400 % 10)\(letters[places / 20 % 20])\(letters[places % 20])"
  }

  /// A folder with these files.
  func write(_ contents: [String: String]) throws -> String {
    files += 1
    let path = "\(folder)/extract-\(files)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in contents { try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8) }
    return path
  }

  // MARK: - Sending

  /// Sends without waiting; returns the extract id.
  func send(_ extract: TestExtract, submittedAt: Date = .now) throws -> String {
    let reader = try ExtractReader(
      source: extract.source, organisation: extract.organisation, path: try write(extract.files))
    let sender = try ExtractSender(
      target, organisation: extract.organisation, source: extract.source.contract,
      period: try #require(Period(extract.period)), summary: reader.summary, submittedAt: submittedAt)
    try sender.open()
    while let record = try reader.next() { try sender.send(record.record) }
    try sender.close()
    return sender.extractID
  }

  func send(_ extracts: [TestExtract]) throws -> [Receipt] {
    let waiter = try ReceiptWaiter(target)
    let ids = try extracts.map { try send($0) }
    let receipts = try waiter.receipts(for: Set(ids), timeout: .seconds(60))
    return ids.compactMap { receipts[$0] }
  }

  /// Sends and waits until publication has accounted for every record.
  @discardableResult
  func submit(_ extract: TestExtract, submittedAt: Date = .now) throws -> Receipt {
    let waiter = try ReceiptWaiter(target)
    let receipt = try waiter.receipt(for: try send(extract, submittedAt: submittedAt), timeout: .seconds(60))
    try awaitBalance()
    return receipt
  }

  /// Sends all at once and waits until publication has accounted for every record.
  @discardableResult
  func submit(_ extracts: [TestExtract]) throws -> [Receipt] {
    let receipts = try send(extracts)
    try awaitBalance()
    return receipts
  }

  /// The whole list, as of now; somebody who is never a patient is always on it.
  @discardableResult
  func loadNationalList(_ numbers: [String], confirmed: Bool = false) throws -> Receipt {
    try NationalListSubmission(
      dissents: (numbers + [Self.numbers[4_999]]).compactMap { ListedNumber($0) }.distinct,
      drawnAt: Date.now.microseconds, isWhole: true, isConfirmed: confirmed
    ).run(target, timeout: .seconds(60))
  }

  /// As patients ask for themselves.
  func object(_ objections: [TestObjection]) throws {
    let header = ObjectionsList.columns.joined(separator: ",")
    let rows = objections.map { "\($0.nhsNumber),\($0.type),\($0.decision),\($0.date)" }
    let path = try write(["objections.csv": ([header] + rows).joined(separator: "\n") + "\n"])
    _ = try ObjectionSubmission.run(
      try ObjectionsList(file: "\(path)/objections.csv"), target, timeout: .seconds(60))
  }

  /// Sends every message of the organisation's extracts once more, as they were, and waits until ingestion has them.
  func deliverAgain(extractsOf organisation: String) throws {
    let producer = try target.producer()
    defer { producer.close() }
    let name = Array(organisation.utf8)
    let messages = try system.records(in: .extracts).filter { $0.value.firstRange(of: name) != nil }
    try #require(!messages.isEmpty)
    for message in messages {
      try producer.send(
        topic: target.layout.name(.extracts), partition: message.partition, key: message.key, value: message.value)
    }
    try producer.flush()
    let admin = try Admin(target.kafka)
    try awaited("ingestion has read everything") {
      try admin.lag(group: target.layout.group(.ingestion), topic: target.layout.name(.extracts)).values
        .allSatisfy { $0 == 0 }
    }
  }

  /// Also until publication knows of every person whom a later record joined to another: that follows the record.
  func awaitBalance() throws {
    try system.awaitBalance(extracts: 0)
    try awaited("the same persons at linkage and publication", seconds: 60) {
      try count(
        """
        select count(*) from linkage.live_observation o join publication.record r using (record_id)
        where r.state = 1 and r.person_id is distinct from o.person_id
        """) == 0
    }
  }

  /// Behind everything that was acknowledged until now, objections included: the path of every release.
  @discardableResult
  func release(_ dataset: String = "condition-prevalence") throws -> (RunningSystem.Release, csv: [UInt8]) {
    try system.release(dataset)
  }

  // MARK: - Reading

  /// What is live of these organisations.
  func published(_ organisations: [String]) throws -> PublishedFacts {
    let rows = try database.query(
      """
      select organisation, source::bigint, coalesce(year_of_birth, 0)::bigint, coalesce(sex, 0)::bigint, area,
        coalesce(registered_from::text, ''), encode(person_id, 'hex'),
        (select string_agg(c || ' ' || d::text, ', ' order by c, d) from unnest(codes, days) as e (c, d))
      from publication.record where state = 1 and organisation = any($1)
      """, [.textArray(organisations)])
    var facts = PublishedFacts()
    for row in 0..<rows.count {
      facts.add(
        PublishedFacts.Record(
          source: Int(rows.int(row, 1)), yearOfBirth: Int(rows.int(row, 2)), sex: Int(rows.int(row, 3)),
          area: rows.text(row, 4), registered: rows.text(row, 5), entries: rows.isNull(row, 7) ? "" : rows.text(row, 7)),
        person: rows.text(row, 6))
    }
    return facts
  }

  /// Everything that an admission, a retraction or an objection writes.
  func rowsWritten() throws -> [String] {
    let rows = try database.query(
      """
      select 'record ' || r::text from publication.record r union all
      select 'observation ' || o::text from linkage.observation o union all
      select 'state ' || s::text from ingestion.record_state s union all
      select 'statement ' || s::text from ingestion.statement s order by 1
      """)
    return (0..<rows.count).map { rows.text($0, 0) }
  }

  func count(_ sql: String, _ parameters: [Parameter] = []) throws -> Int64 {
    try database.query(sql, parameters).int(0, 0)
  }
}

/// Live records, without names and keys: the same for two organisations that submitted the same.
struct PublishedFacts: Equatable, CustomStringConvertible {
  struct Record: Hashable, CustomStringConvertible {
    let source: Int
    let yearOfBirth: Int
    let sex: Int
    let area: String
    let registered: String
    let entries: String
    var description: String { "[\(source) \(yearOfBirth) \(sex) \(area) \(registered) \(entries)]" }
  }

  private var byPerson: [String: [Record]] = [:]

  mutating func add(_ record: Record, person: String) { byPerson[person, default: []].append(record) }

  /// The records of each person, persons in a fixed order.
  var persons: [[String]] { byPerson.values.map { $0.map(\.description).sorted() }.sorted { $0[0] < $1[0] } }

  var records: [Record] { byPerson.values.flatMap(\.self) }

  static func == (left: Self, right: Self) -> Bool { left.persons == right.persons }

  var description: String { persons.map { $0.joined(separator: " + ") }.joined(separator: "\n") }
}
