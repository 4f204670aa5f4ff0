import Clinical
import Contracts
import Cryptography
import Datasets
import Foundation
import Fuzzing
import Kafka
import KeyRing
import Postgres
import Specification
import StageKit
import SwiftProtobuf
import Synchronization
import Testing

@testable import Linkage
@testable import Publication
@testable import caredata

/// Who is one person, what they are called and what is released does not depend on the order in which records come, on
/// batches, partitions, the number of instances, or on what crashes.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct OrderOfArrivalTests {
  private typealias Message = (partition: Int32, key: [UInt8], value: [UInt8])

  /// What came of it.
  private struct Outcome: Equatable {
    /// By live record: person and rank.
    var persons: [Token16: String] = [:]
    var facts: [String] = []
    var releases: [String] = []
  }

  private struct Conditions {
    let instances: Int
    let partitions: Int
    let batch: Int
    let seed: UInt64
    /// Of ten writes to the tables, how many fail as by a crash.
    var crashes = 0.0
    /// A planted fault: who has joined a person once stays there.
    var isGreedy = false
  }

  private static let seed: UInt64 = 31
  private static let runs = Atomic(0)

  /// What pseudonymisation and ingestion send for some hundred people, with objections in between.
  private func sent() async throws -> (pipeline: Pipeline, records: [Message], receipts: [Message]) {
    let world = FaultyExtracts(seed: Self.seed, people: 260)
    let pipeline = try await Pipeline(keys: try TestPostgres.keys())
    try pipeline.enrol(Set(world.extracts.map(\.extract.organisation)).sorted())
    let list =
      try ObjectionMessage.with {
        $0.nationalList.submissionID = "list"
        $0.nationalList.drawnAt = Int64(CalendarDate.today.day) * 86_400_000_000
        $0.nationalList.whole = true
        $0.nationalList.confirmed = true
      }.serializedBytes() as [UInt8]
    try pipeline.send([("list", list)], to: .objections)
    for (place, (extract, records)) in world.extracts.enumerated() {
      if place == world.extracts.count / 2 { try object(world, pipeline) }
      try pipeline.send(try messages(extract, records), to: .extracts)
    }
    try pipeline.settle()
    return (
      pipeline, try pipeline.messages(in: .pseudonymised), try pipeline.messages(in: .receipts)
    )
  }

  private func object(_ world: FaultyExtracts, _ pipeline: Pipeline) throws {
    let messages = try world.objections.enumerated().map { place, objection in
      let message = ObjectionMessage.with {
        $0.objection.submissionID = "requests"
        $0.objection.sequence = UInt32(place + 1)
        $0.objection.expected = UInt32(world.objections.count)
        $0.objection.nhsNumber = objection.number
        $0.objection.type = objection.type
        $0.objection.decision = .dissent
        $0.objection.day = 20_000
        $0.objection.origin = "patient"
      }
      return ("\(place)", try message.serializedBytes() as [UInt8])
    }
    try pipeline.send(messages, to: .objections)
  }

  private func messages(
    _ extract: FaultyExtracts.Extract, _ records: [PatientRecord]
  ) throws -> [(key: String, value: [UInt8])] {
    var manifest = Manifest.with {
      $0.state = .opened
      $0.extractID = extract.id
      $0.organisation = extract.organisation
      $0.source = extract.source
      $0.period = extract.period
      $0.submittedAt = 1_000_000
      $0.specification = "1"
      $0.expectedRecords = UInt32(records.count)
    }
    var messages = [(extract.id, try ExtractMessage.with { $0.manifest = manifest }.serializedBytes() as [UInt8])]
    for record in records {
      messages.append((record.patientRef, try ExtractMessage.with { $0.record = record }.serializedBytes()))
    }
    manifest.state = .closed
    messages.append((extract.id, try ExtractMessage.with { $0.manifest = manifest }.serializedBytes()))
    return messages
  }

  // MARK: One order

  private func run(
    _ conditions: Conditions, _ records: [Message], _ receipts: [Message], _ pipeline: Pipeline
  ) throws -> Outcome {
    let run = Self.runs.add(1, ordering: .relaxed).newValue
    let configuration = try pipeline.apart(prefix: "order\(run).", partitions: conditions.partitions)
    var random = FuzzRandom(seed: conditions.seed)
    try plant(records.shuffled(using: &random), in: .pseudonymised, configuration)
    try plant(receipts, in: .receipts, configuration)

    let schema = "linkage_order_\(run)"
    let setup = try StageNode<LinkageStage>(configuration, schema: schema)
    if conditions.isGreedy { try setup.database.execute(Self.greedy) }
    if conditions.crashes > 0 { try setup.database.execute(Self.crashing(conditions.crashes)) }
    let seeds = (0..<conditions.instances).map { _ in random.next() }
    let failures = Mutex<[any Error]>([])
    DispatchQueue.concurrentPerform(iterations: conditions.instances) { instance in
      do {
        try self.link(instance, conditions, seed: seeds[instance], configuration, schema)
      } catch {
        failures.withLock { $0.append(error) }
      }
    }
    if let failure = failures.withLock(\.first) { throw failure }
    try setup.work()
    let publication = try StageNode<PublicationStage>(configuration, schema: "publication_order_\(run)")
    for topic in publication.input { _ = try publication.step(topic) }
    try publication.work()
    return try outcome(setup.database, publication.database)
  }

  /// What concerns everybody goes to every partition, a record to that of its id.
  private func plant(_ messages: [Message], in topic: Topic, _ configuration: StageConfiguration) throws {
    let producer = try Producer(configuration.kafka)
    defer { producer.close() }
    let layout = configuration.layout
    for message in messages {
      let kind = topic == .pseudonymised ? try message.value.withUnsafeBytes { try EnvelopeView($0).kind } : .record
      let isSpread = kind == .withdrawal || kind == .reinstatement
      if isSpread, message.partition != 0 { continue }
      let partitions = isSpread ? Array(0..<Int32(layout.partitions)) : [layout.partition(of: message.key)]
      for partition in partitions {
        try producer.send(topic: layout.name(topic), partition: partition, key: message.key, value: message.value)
      }
    }
    try producer.flush()
  }

  /// Its share of the partitions, with crashes: in a transaction, and behind one, before the offsets are stored.
  private func link(
    _ instance: Int, _ conditions: Conditions, seed: UInt64, _ configuration: StageConfiguration, _ schema: String
  ) throws {
    var random = FuzzRandom(seed: seed)
    let own = (0..<Int32(conditions.partitions)).filter { Int($0) % conditions.instances == instance }
    let node = try StageNode<LinkageStage>(configuration, schema: schema, partitions: own, batch: conditions.batch)
    try node.database.query("select setseed($1)", [.double(Double(random.below(1_000)) / 1_000)])
    while true {
      do {
        if try !node.isBehind(.pseudonymised) { return try node.work() }
        try node.stepOnce(.pseudonymised)
        if random.below(8) == 0 { try node.work() }
        if conditions.crashes > 0, random.below(20) == 0 {
          try node.restart(redelivered: Int64(random.below(2 * conditions.batch + 1)))
        }
      } catch let error as PostgresError where error.sqlState == Self.crash {
        continue
      }
    }
  }

  private static let crash = "XX999"

  private static func crashing(_ share: Double) -> String {
    """
    create function crash() returns trigger language plpgsql as $$ begin
      if random() < \(share) then raise exception 'planted' using errcode = '\(crash)'; end if;
      return null;
    end $$;
    create trigger crash after insert or update or delete on standing for each statement execute function crash();
    create trigger crash after insert or delete on lookup for each statement execute function crash();
    create trigger crash after insert or update on observation for each statement execute function crash();
    create trigger crash after insert on outbox for each statement execute function crash();
    """
  }

  private static let greedy = """
    create function stay() returns trigger language plpgsql as $$ begin
      if old.person <> old.smallest then new.person := old.person; end if;
      return new;
    end $$;
    create trigger stay before update on standing for each row execute function stay();
    create function once() returns trigger language plpgsql as $$ begin
      return case when not exists (select from lookup where token = new.token and holder = new.holder) then new end;
    end $$;
    create trigger once before insert on lookup for each row execute function once();
    """

  private func outcome(_ linkage: Connection, _ publication: Connection) throws -> Outcome {
    var outcome = Outcome()
    let persons = try linkage.query("select record_id, encode(person_id, 'hex') || ' ' || rank from live_observation")
    for row in 0..<persons.count { outcome.persons[Token16(bytes: persons.bytes(row, 0))!] = persons.text(row, 1) }
    let facts = try publication.query(
      """
      select concat_ws('|', encode(record_id, 'hex'), encode(person_id, 'hex'), year_of_birth, sex, area, codes, days)
      from record where state = 1 order by record_id
      """)
    outcome.facts = (0..<facts.count).map { facts.text($0, 0) }
    let folder = try DatasetFolder.load(directory: Pipeline.project + "/compose/datasets")
    let lists = try Specifications.load(directory: Pipeline.project + "/compose/specification").exclusions
    let computation = DatasetComputation(
      database: publication, connect: { fatalError("one connection") }, workers: 1)
    for definition in folder.definitions {
      let exclusions = try AppliedExclusions(lists, purpose: definition.exclusionPurpose, on: .today)
      let release = try Releaser.compute(
        [.init(definition: definition, exclusions: exclusions)], folder.library.organisations, computation)[0]
      outcome.releases.append(release.sha256)
      // So few people would look alike once small counts are hidden.
      var demanding = definition
      demanding.minimumRank = 4
      let part = DatasetPlan.Part(demanding, excluded: CodeSet(exclusions.codes))
      let cells = try publication.transaction { try computation.cells([part], recordKey: PersonRecordKey.of) }
      outcome.releases.append("\(cells[0].cells)")
    }
    return outcome
  }

  // MARK: The promise

  private static let steady = Conditions(instances: 1, partitions: 3, batch: 10_000, seed: 1)

  @Test func `in twenty orders, on one to four instances, in batches of 1 to 10,000 and through crashes`() async throws
  {
    print("seed \(Self.seed)")
    let (pipeline, records, receipts) = try await sent()
    let steady = try run(Self.steady, records, receipts, pipeline)
    let persons = Set(steady.persons.values.map { $0.prefix(32) }).count
    let held = try records.filter { try $0.value.withUnsafeBytes { try EnvelopeView($0).kind } == .retraction }.count
    print("\(records.count) messages, \(held) held back, \(steady.persons.count) live records of \(persons) people")
    #expect(persons > 200 && steady.persons.count > 2 * persons && held > 10)
    #expect(steady.facts.count == steady.persons.count && steady.releases.count == 24)
    for order in 0..<20 {
      let conditions = Conditions(
        instances: [1, 2, 4][order % 3], partitions: [4, 7, 12][order / 3 % 3],
        batch: [1, 10_000, 7, 60, 500][order % 5], seed: UInt64(order) + 100, crashes: order % 4 == 0 ? 0 : 0.04)
      let found = try run(conditions, records, receipts, pipeline)
      #expect(found == steady, "\(conditions)")
    }
  }

  @Test func `that who has joined a person once stays there is found`() async throws {
    let (pipeline, records, receipts) = try await sent()
    let steady = try run(Self.steady, records, receipts, pipeline)
    let found = try (0..<3).map { order in
      try run(
        Conditions(instances: 1, partitions: 3, batch: 60, seed: UInt64(order), isGreedy: true), records, receipts,
        pipeline)
    }
    #expect(found.allSatisfy { $0.persons != steady.persons && $0.facts != steady.facts })
    #expect(found.contains { $0.releases != steady.releases })
  }
}
