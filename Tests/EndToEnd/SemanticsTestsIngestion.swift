import Contracts
import Foundation
import Kafka
import Specification
import StageKit
import Testing

@testable import caredata

/// What practices and hospitals can rely on: who may send, what is held, what comes back, and that it adds up.
extension WholeSystem.Semantics {
  private func patients(_ connector: Connector, _ count: Int, _ entries: [TestExtract.Entry] = [.diabetes])
    -> [TestExtract.Patient]
  {
    (1...count).map { .init(ref: "P\($0)", nhsNumber: connector.newNumber(), entries: entries) }
  }

  /// Messages of one extract, each changed or left out on its way.
  private func sendByHand(
    _ connector: Connector, _ extract: TestExtract, id: String? = nil, _ change: (inout ExtractMessage) -> Bool
  ) throws -> String {
    let path = try connector.write(extract.files)
    let reader = try ExtractReader(source: extract.source, organisation: extract.organisation, path: path)
    let submittedAt = Date.now.microseconds
    let name = id ?? "by-hand-\(submittedAt)"
    let manifest = Manifest.with {
      $0.extractID = name
      $0.organisation = extract.organisation
      $0.source = extract.source.contract
      $0.period = extract.period
      $0.submittedAt = submittedAt
      $0.specification = "1"
      $0.expectedRecords = UInt32(reader.summary.records)
    }
    var messages: [ExtractMessage] = []
    func add(_ state: Manifest.State) {
      messages.append(
        .with {
          $0.manifest = manifest
          $0.manifest.state = state
        })
    }
    add(.opened)
    var sequence: UInt32 = 0
    while var record = try reader.next()?.record {
      sequence += 1
      record.extractID = name
      record.sequence = sequence
      record.organisation = extract.organisation
      record.source = extract.source.contract
      record.period = extract.period
      record.submittedAt = submittedAt
      record.specification = "1"
      messages.append(.with { $0.record = record })
    }
    add(.closed)
    try connector.send(
      messages.compactMap { message in
        var message = message
        return change(&message) ? message : nil
      })
    return name
  }

  private func receipt(_ connector: Connector, _ id: String, _ status: Receipt.Status) throws -> Receipt {
    let waiter = try ReceiptWaiter(connector.target, from: .beginning)
    let found = try waiter.receipts(for: [id], timeout: .seconds(60)) { $0.status == status }
    return try #require(found[id])
  }

  // MARK: - The gate

  @Test func `an organisation is taken the whole way by hand, and only while it is active its extracts are used`()
    throws
  {
    let connector = try SharedSystem.connector
    let system = connector.system
    let practice = connector.newOrganisation(.gp)
    var extract = TestExtract(organisation: practice, patients: patients(connector, 2))
    func refusal() throws -> String { try connector.submit(extract).reason }
    #expect(try refusal() == "organisation_not_enrolled")
    try system.run(["practices", "announce", practice, "--wave", "leeds"])
    #expect(try refusal() == "organisation_announced")
    let early = try system.start(["practices", "activate", practice])
    #expect(try early.finish() != 0 && early.text.contains("patients have not been told"))
    try system.run(["practices", "notify", "--wave", "leeds"])
    #expect(try refusal() == "organisation_notifying")
    let tooSoon = try system.start(["practices", "activate", "--wave", "leeds"])
    #expect(try tooSoon.finish() != 0 && tooSoon.text.contains("notice period of 56 days"))
    let told = Date(timeIntervalSinceNow: -56 * 86_400).formatted(.iso8601.year().month().day())
    try system.run(["practices", "notify", "--on", told, practice])
    #expect(try system.run(["practices", "show", practice]).contains("ready"))
    #expect(try refusal() == "organisation_ready")
    try system.run(["practices", "activate", practice])
    #expect(try connector.submit(extract).status == .admitted)
    try system.run(["practices", "suspend", practice])
    extract.period = "2026-11"
    #expect(try refusal() == "organisation_suspended")
    #expect(try connector.published([practice]).records.count == 2, "what was admitted stays")
    try system.run(["practices", "activate", practice])
    #expect(try connector.submit(extract).status == .admitted)
    let list = try system.run(["practices", "list", "--wave", "leeds"])
    #expect(list.contains(practice) && list.contains("active") && list.contains(told))
  }

  @Test func `whoever leaves with erasure is nowhere any more, and the receipt says how many records that were`() throws
  {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    let other = try connector.enrolled(.gp)
    for period in ["2026-09", "2026-10"] {
      try connector.submit(TestExtract(organisation: practice, period: period, patients: patients(connector, 3)))
    }
    try connector.submit(TestExtract(organisation: other, patients: patients(connector, 2)))
    let text = try connector.system.run(["practices", "withdraw", "--erase", practice])
    #expect(text.contains("\(practice): 6 records retracted"))
    try connector.release()
    #expect(try connector.published([practice]).records.isEmpty)
    #expect(try connector.published([other]).records.count == 2)
    let late = TestExtract(organisation: practice, patients: patients(connector, 1))
    #expect(try connector.submit(late).reason == "organisation_withdrawn")
  }

  // MARK: - Completeness

  @Test func `a truncated extract is held, nothing of it goes further but its objections, and it can be completed`()
    throws
  {
    let connector = try SharedSystem.connector
    let (practice, hospital) = (try connector.enrolled(.gp), try connector.enrolled(.hospital))
    var people = patients(connector, 4)
    people[1].entries.append(.type2Dissent)
    let care = TestExtract(
      source: .hospital, organisation: hospital,
      patients: [.init(ref: "H1", nhsNumber: people[1].nhsNumber, entries: [.init(date: "2026-10-05", code: "E119")])])
    try connector.submit(care)
    let extract = TestExtract(organisation: practice, patients: people)
    var missing: ExtractMessage?
    let id = try sendByHand(connector, extract) { message in
      guard case .record(let record) = message.content, record.sequence == 3 else { return true }
      missing = message
      return false
    }
    let held = try receipt(connector, id, .held)
    #expect(held.reason == "records_missing" && held.missingSequences == "3" && held.recordsReceived == 3)
    try connector.release()
    #expect(try connector.published([practice]).records.isEmpty)
    #expect(try connector.published([hospital]).records.isEmpty, "the dissent of the held extract counts")
    let shown = try connector.system.start(["receipts", id])
    #expect(try shown.finish() == 2 && shown.text.contains("missing  1, numbers 3"))

    try connector.send([try #require(missing)])
    let admitted = try receipt(connector, id, .admitted)
    #expect(admitted.recordsAdmitted == 4 && admitted.isBalanced)
    try connector.awaitBalance()
    #expect(try connector.published([practice]).records.count == 3)
    #expect(try connector.system.run(["receipts", id]).contains("every record and entry is accounted for"))
  }

  @Test func `the receipt of an extract with every kind of fault adds up to the row`() throws {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    let people: [TestExtract.Patient] = [
      .init(
        ref: "P1", nhsNumber: connector.newNumber(),
        entries: [
          .diabetes, .init(date: "2019-01-01", code: "12345"),
          .init(date: "2019-01-01", system: "read2", code: "ZZZZZ"),
          .init(date: "1950-01-01", code: "44054006"), .init(date: "2026-12-01", code: "44054006"),
          .init(date: "", code: "195967001"), .type1Withdrawn,
        ]),
      .init(ref: "P2", nhsNumber: "9999999999", born: "1890-01-01", postcode: "nowhere", entries: [.asthma]),
      .init(ref: "P3", nhsNumber: "1234567890", born: "2030-01-01", sex: 7, postcode: "ZZ99 3VZ"),
    ]
    let receipt = try connector.submit(TestExtract(organisation: practice, patients: people))
    #expect(receipt.status == .admitted && receipt.recordsAdmitted == 3 && receipt.isBalanced)
    #expect(receipt.entriesReceived == 8 && receipt.entriesAdmitted == 3)
    #expect(
      receipt.entriesDropped == [
        "entry_code_invalid": 1, "entry_outside_reference_sets": 1, "entry_before_birth": 1, "entry_after_period": 1,
        "objection_code": 1,
      ])
    #expect(
      receipt.findings == [
        "nhs_number_sentinel": 1, "nhs_number_invalid": 1, "date_of_birth_out_of_range": 2, "sex_invalid": 1,
        "postcode_invalid": 1, "postcode_pseudo": 1, "entry_without_date": 1,
      ])
    #expect(receipt.specification == "1")
  }

  @Test func `an older period after a newer one adds its entries and does not move the registration back`() throws {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    let number = connector.newNumber()
    let newer = TestExtract(
      organisation: practice, period: "2026-10",
      patients: [.init(ref: "P1", nhsNumber: number, postcode: "LX9 9ZZ", entries: [.diabetes])])
    let older = TestExtract(
      organisation: practice, period: "2026-08",
      patients: [.init(ref: "P1", nhsNumber: number, postcode: "LX8 1AA", entries: [.asthma])])
    try connector.submit(newer)
    #expect(try connector.submit(older).status == .admitted)
    let facts = try connector.published([practice])
    #expect(facts.persons.count == 1 && facts.records.count == 2, "both periods are the same person's")
    #expect(Set(facts.records.map(\.entries)) == ["195967001 17847", "44054006 17930"])
  }

  @Test func `two uploads of one period at once end as the later one, whatever the order of their messages`() throws {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    let people = patients(connector, 6)
    let first = TestExtract(organisation: practice, patients: people)
    var second = first
    second.patients.removeLast(2)
    second.patients[0].entries = [.asthma]
    var messages: [ExtractMessage] = []
    let now = Date.now
    _ = try sendByHand(connector, first, id: "race-1-\(practice)") {
      messages.append($0)
      return false
    }
    Thread.sleep(until: now.addingTimeInterval(0.01))
    _ = try sendByHand(connector, second, id: "race-2-\(practice)") {
      messages.append($0)
      return false
    }
    // Every second message first, so that the two extracts come entangled and their manifests in the wrong order.
    let order = messages.indices.sorted { ($0 % 2, -$0) < ($1 % 2, -$1) }
    try connector.send(order.map { messages[$0] })
    _ = try receipt(connector, "race-2-\(practice)", .admitted)
    try connector.awaitBalance()
    let records = try connector.published([practice]).records
    #expect(records.count == 4 && records.filter { $0.entries == "195967001 17847" }.count == 1)
  }

  // MARK: - Sensitive codes

  @Test
  func `a code that the law restricts leaves a record without identity, unlinked, and under the person's objections`()
    throws
  {
    let connector = try SharedSystem.connector
    let (practice, hospital) = (try connector.enrolled(.gp), try connector.enrolled(.hospital))
    let (restricted, objector) = (connector.newNumber(), connector.newNumber())
    let statutory = TestExtract.Entry(date: "2026-10-06", code: try RestrictedCode.icd10())
    let plain = TestExtract.Entry(date: "2026-10-05", code: "E119")
    try connector.submit(
      TestExtract(
        organisation: practice,
        patients: [.init(ref: "P1", nhsNumber: restricted, entries: [.diabetes])]))
    let receipt = try connector.submit(
      TestExtract(
        source: .hospital, organisation: hospital,
        patients: [
          .init(ref: "H1", nhsNumber: restricted, entries: [plain, statutory]),
          .init(ref: "H2", nhsNumber: objector, entries: [plain, statutory]),
        ]))
    #expect(receipt.recordsDeidentified == 2 && receipt.isBalanced)
    #expect(receipt.entriesExcluded == 4, "the diagnosis and the admission of its encounter, twice")
    let facts = try connector.published([practice, hospital])
    #expect(facts.persons.count == 3, "no hospital record is linked to anybody")
    let unnamed = facts.records.filter { $0.source == 2 }
    #expect(unnamed.count == 2 && unnamed.allSatisfy { $0.yearOfBirth == 0 && $0.sex == 0 && $0.area.isEmpty })
    try connector.object([TestObjection(nhsNumber: objector)])
    try connector.release()
    #expect(try connector.published([hospital]).records.count == 1, "the objection reaches it all the same")
  }

  // MARK: - Replaced numbers

  @Test func `an objection under any number of a chain covers what came under the others, before and after`() throws {
    let connector = try SharedSystem.connector
    let (practice, hospital) = (try connector.enrolled(.gp), try connector.enrolled(.hospital))
    let numbers = (1...3).map { _ in connector.newNumber() }
    let care = { (period: String, number: String) in
      TestExtract(
        source: .hospital, organisation: hospital, period: period,
        patients: [.init(ref: "H1", nhsNumber: number, entries: [.init(date: "2026-09-05", code: "E119")])])
    }
    try connector.submit(
      TestExtract(organisation: practice, patients: [.init(ref: "P1", nhsNumber: numbers[0], entries: [.diabetes])]))
    try connector.submit(care("2026-09", numbers[1]))
    #expect(try connector.published([practice, hospital]).persons.count == 2)
    let list = try connector.write([
      "replaced.csv": "superseded,current\n\(numbers[0]),\(numbers[1])\n\(numbers[1]),\(numbers[2])\n"
    ])
    let text = try connector.system.run(["supersessions", "load", "\(list)/replaced.csv"])
    #expect(text.contains("2 replaced numbers stored"))
    try connector.submit(care("2026-10", numbers[0]))
    try connector.submit(care("2026-11", numbers[2]))
    let facts = try connector.published([hospital])
    #expect(facts.records.count == 3 && facts.persons.count == 2, "the old number is read as the current one")
    try connector.object([TestObjection(nhsNumber: numbers[1])])
    try connector.release()
    #expect(try connector.published([practice, hospital]).records.isEmpty)
  }

  // MARK: - Rejected

  @Test func `what was put aside is listed by its place and can be sent again once the cause is mended`() throws {
    let connector = try SharedSystem.connector
    let practice = connector.newOrganisation(.gp)
    let extract = TestExtract(organisation: practice, patients: patients(connector, 2))
    let refused = try connector.submit(extract)
    #expect(refused.status == .refused)
    _ = try Enrolment(connector.target).enrolMadeUp([practice])
    let plan = try connector.system.run(["rejected", "replay", "--extract", refused.id])
    #expect(plan.contains("would be submitted anew") && plan.contains("nothing was sent"))
    #expect(try connector.published([practice]).records.isEmpty)
    let done = try connector.system.run(["rejected", "replay", "--extract", refused.id, "--execute"])
    #expect(done.contains("2 admitted"))
    try connector.awaitBalance()
    #expect(try connector.published([practice]).records.count == 2)

    var twice = extract
    twice.period = "2026-11"
    let id = try sendByHand(connector, twice) { message in
      if case .record(var record) = message.content, record.sequence == 2 {
        record.patientRef = "P1"
        message.record = record
      }
      return true
    }
    #expect(try receipt(connector, id, .admitted).rejected == ["duplicate_patient": 1])
    var listed = ""
    try awaited("the rejection") {
      listed = try connector.system.run(["rejected", "list", "--extract", id])
      return listed.contains("duplicate_patient")
    }
    #expect(listed.contains("caredata.extracts/") && !listed.contains("P1"))
  }

  @Test func `an extract that nobody can judge is refused with a receipt`() throws {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    let extract = TestExtract(organisation: practice, patients: patients(connector, 1))
    func reason(_ change: @escaping (inout Manifest) -> Void) throws -> String {
      let id = try sendByHand(connector, extract, id: "odd-\(connector.newNumber().suffix(4))-\(practice)") { message in
        guard case .manifest(var manifest) = message.content else { return false }
        change(&manifest)
        message.manifest = manifest
        return true
      }
      return try receipt(connector, id, .refused).reason
    }
    #expect(try reason { $0.specification = "9" } == "specification_unknown")
    #expect(try reason { $0.specification = "../1" } == "specification_malformed")
    #expect(try reason { $0.period = "2026-13" } == "period_malformed")
    #expect(try reason { $0.organisation = "the surgery" } == "organisation_malformed")
    let hospital = try connector.enrolled(.hospital)
    #expect(try reason { $0.organisation = hospital } == "organisation_not_of_source")
  }
}

extension Connector {
  /// Puts messages on the topic `extracts`, spread over its partitions.
  func send(_ messages: [ExtractMessage]) throws {
    let producer = try target.producer()
    defer { producer.close() }
    for (place, message) in messages.enumerated() {
      let partition =
        if case .manifest(let manifest) = message.content { target.layout.partition(ofText: manifest.extractID) } else {
          Int32(place % target.layout.partitions)
        }
      try producer.send(
        topic: target.layout.name(.extracts), partition: partition, key: Array("key \(place)".utf8),
        value: try message.serializedBytes())
    }
    try producer.flush()
  }
}

/// A code of the shipped illustrative list for the Human Fertilisation and Embryology Act.
enum RestrictedCode {
  static func icd10() throws -> String {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../compose/specification").standardizedFileURL.path
    let lists = try Specifications.load(directory: folder).exclusions.lists.filter(\.isStatutory)
    let code = lists.flatMap { Array($0.codes.codes) }.filter { $0.system == .icd10 }.map(\.code).sorted().first
    return try #require(code)
  }
}
