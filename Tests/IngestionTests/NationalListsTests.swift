import Clinical
import Contracts
import Cryptography
import Foundation
import Testing

@testable import Ingestion

/// The national list from its messages to what is stated about people.
struct NationalListsTests {
  private let reading: TestReading
  private static let day: Int64 = 86_400_000_000
  private let today = Int64(CalendarDate.today.day)

  init() throws { reading = try TestReading() }

  private static let people = ["9990000018", "9990000026", "9990000034", "9990000042"]

  private func entries(
    _ people: [Int], of submission: String, expected: Int? = nil, withdrawn: [Int] = []
  ) -> [ObjectionMessage] {
    (people + withdrawn).enumerated().map { place, person in
      ObjectionMessage.with {
        $0.objection.submissionID = submission
        $0.objection.sequence = UInt32(place + 1)
        $0.objection.expected = UInt32(expected ?? (people + withdrawn).count)
        $0.objection.nhsNumber = Self.people[person]
        $0.objection.type = .objectionType2
        $0.objection.decision = people.contains(person) ? .dissent : .withdrawn
        $0.objection.day = Int32(today)
        $0.objection.origin = "national"
      }
    }
  }

  private func list(
    _ submission: String, of expected: Int, daysAgo: Int64, whole: Bool = true, confirmed: Bool = false
  ) -> ObjectionMessage {
    ObjectionMessage.with {
      $0.nationalList.submissionID = submission
      $0.nationalList.expected = UInt32(expected)
      $0.nationalList.drawnAt = (today - daysAgo) * Self.day
      $0.nationalList.whole = whole
      $0.nationalList.confirmed = confirmed
    }
  }

  /// Returns the receipts.
  @discardableResult
  private func send(_ messages: [ObjectionMessage]) throws -> [Receipt] {
    var intake = Intake()
    for message in messages { #expect(try reading.take(message, &intake) == nil) }
    try reading.store(&intake)
    let receipts = try reading.ingestion.database.query("select value from outbox where topic = 'caredata.receipts'")
    let sent = try (0..<receipts.count).map { try Receipt(serializedBytes: receipts.bytes($0, 0)) }
    try reading.ingestion.database.execute("delete from outbox where topic = 'caredata.receipts'")
    return sent
  }

  @discardableResult
  private func load(
    _ submission: String, _ people: [Int], daysAgo: Int64, confirmed: Bool = false
  ) throws -> [Receipt] {
    try send(
      entries(people, of: submission)
        + [list(submission, of: people.count, daysAgo: daysAgo, confirmed: confirmed)])
  }

  /// People under whose token the national list says dissent.
  private func objecting() throws -> [Int] {
    let rows = try reading.ingestion.database.query(
      "select token from statement where not retracted and decision = 1 and organisation = 'national'")
    let tokens = Set((0..<rows.count).compactMap { Token16(bytes: rows.bytes($0, 0)) })
    return Self.people.indices.filter { tokens.contains(reading.tokens.routingToken(nhsNumber: Self.people[$0])) }
  }

  @Test func `a dissent on the list holds before the list is complete`() throws {
    #expect(try send([entries([0, 1], of: "l1")[0]]).isEmpty)
    #expect(try objecting() == [0])
    #expect(try NationalLists.drawnAt(reading.ingestion.database) == nil)
  }

  @Test(arguments: [false, true])
  func `a list is in force when all of it has come, in whatever order`(listFirst: Bool) throws {
    let people = entries([0, 1], of: "l1")
    let list = list("l1", of: 2, daysAgo: 1)
    let messages = listFirst ? [list] + people : people + [list]
    for message in messages.dropLast() { #expect(try send([message]).isEmpty) }
    let receipts = try send([messages[2]])
    #expect(receipts.map(\.status) == [.nationalListInForce])
    #expect(receipts[0].drawnAt == (today - 1) * Self.day && receipts[0].recordsAdmitted == 2)
    #expect(try NationalLists.drawnAt(reading.ingestion.database) == (today - 1) * Self.day)
  }

  @Test func `who is no longer on the list is reinstated, and objects again when on it again`() throws {
    try load("l1", [0, 1], daysAgo: 3)
    #expect(try load("l2", [1, 2], daysAgo: 2).map(\.status) == [.nationalListInForce])
    #expect(try objecting() == [1, 2])
    try load("l3", [0, 1, 2], daysAgo: 1)
    #expect(try objecting() == [0, 1, 2])
  }

  @Test func `a second list of one day replaces the first`() throws {
    try load("l1", [0, 1], daysAgo: 0)
    try load("l2", [1, 2], daysAgo: 0)
    #expect(try objecting() == [1, 2])
  }

  @Test func `an older list that is delivered again undoes no reinstatement`() throws {
    try load("l1", [0, 1], daysAgo: 3)
    try load("l2", [1, 2], daysAgo: 2)
    #expect(try load("l1", [0, 1], daysAgo: 3).isEmpty)
    #expect(try objecting() == [1, 2])
  }

  @Test(arguments: [false, true])
  func `of two lists that come together, the earlier reinstates nobody who is on the later`(inOneBatch: Bool) throws {
    try load("l0", [0], daysAgo: 3)
    let earlier = entries([0], of: "l1") + [list("l1", of: 1, daysAgo: 2)]
    let later = entries([0, 1], of: "l2")
    let end = list("l2", of: 2, daysAgo: 1)
    if inOneBatch {
      try send(later + earlier + [end])
    } else {
      try send(later)
      try send(earlier)
      #expect(try objecting() == [0, 1])
      try send([end])
    }
    #expect(try objecting() == [0, 1])
    try load("l3", [0], daysAgo: 0, confirmed: true)
    #expect(try objecting() == [0])
  }

  @Test func `a list that says what is known states nothing`() throws {
    try load("l1", [0, 1], daysAgo: 3)
    _ = try reading.ingestion.outbox()
    try load("l2", [0, 1], daysAgo: 2)
    #expect(try reading.ingestion.outbox().envelopes(.objection).isEmpty)
  }

  @Test func `a list cut short reinstates nobody until it is confirmed, and its dissents hold`() throws {
    try load("l1", [0, 1, 2], daysAgo: 3)
    let refused = try load("l2", [0, 3], daysAgo: 2)
    #expect(refused.map(\.status) == [.nationalListRefused])
    #expect(refused.map(\.reason) == ["list_more_than_1_percent_smaller"])
    #expect(try objecting() == [0, 1, 2, 3])
    #expect(try NationalLists.drawnAt(reading.ingestion.database) == (today - 3) * Self.day)
    #expect(try load("l3", [0, 3], daysAgo: 2, confirmed: true).map(\.status) == [.nationalListInForce])
    #expect(try objecting() == [0, 3])
  }

  @Test func `an empty list is refused until it is confirmed`() throws {
    try load("l1", [0], daysAgo: 3)
    #expect(try load("l2", [], daysAgo: 2).map(\.reason) == ["list_empty"])
    #expect(try objecting() == [0])
    #expect(try load("l3", [], daysAgo: 2, confirmed: true).map(\.status) == [.nationalListInForce])
    #expect(try objecting().isEmpty)
  }

  @Test func `the answer for some numbers ends objections of those alone, and is no list that may be waited for`()
    throws
  {
    try load("l1", [0, 1], daysAgo: 3)
    let receipts = try send(
      entries([2], of: "a1", withdrawn: [0, 3]) + [list("a1", of: 3, daysAgo: 1, whole: false)])
    #expect(receipts.map(\.status) == [.nationalListInForce] && receipts[0].drawnAt == 0)
    #expect(try objecting() == [1, 2])
    #expect(try NationalLists.drawnAt(reading.ingestion.database) == (today - 3) * Self.day)
    // Of person 3 nothing was known: the answer must not outweigh what a practice may have recorded.
    let about = try reading.ingestion.database.query(
      "select count(*) from statement where token = $1",
      [.bytes(reading.tokens.routingToken(nhsNumber: Self.people[3]).bytes)])
    #expect(about.int(0, 0) == 0)
  }

  @Test func `to be on the list outweighs a later withdrawal that is recorded elsewhere`() throws {
    try load("l1", [0], daysAgo: 3)
    let withdrawn = ObjectionMessage.with {
      $0.objection.submissionID = "s1"
      $0.objection.sequence = 1
      $0.objection.expected = 1
      $0.objection.nhsNumber = Self.people[0]
      $0.objection.type = .objectionType2
      $0.objection.decision = .withdrawn
      $0.objection.day = Int32(today)
      $0.objection.origin = "patient"
    }
    #expect(try send([withdrawn]).map(\.status) == [.objectionsAcknowledged])
    let rows = try reading.ingestion.database.query(
      "select decision::bigint, day::bigint from statement where token = $1 and not retracted",
      [.bytes(reading.tokens.routingToken(nhsNumber: Self.people[0]).bytes)])
    let said = (0..<rows.count).map { row in
      DatedObjectionDecision(
        rows.int(row, 0) == 1 ? .dissent : .withdrawn,
        on: rows.isNull(row, 1) ? nil : CalendarDate(day: Int32(rows.int(row, 1))))
    }
    #expect(said.count == 2 && said.inForce == .dissent)
  }

  @Test func `a national dissent in a submission that cannot be acknowledged is heard`() throws {
    var intake = Intake()
    var message = entries([0], of: "l1")[0]
    message.objection.sequence = 9
    #expect(try reading.take(message, &intake) == .malformed)
    try reading.store(&intake)
    #expect(try objecting() == [0])
  }

  @Test func `a new broker hears of the list in force, and of no other`() throws {
    #expect(try NationalLists.restatement(reading.ingestion.database) == nil)
    try load("l1", [0, 1], daysAgo: 3)
    try load("l2", [], daysAgo: 2)
    let receipt = try #require(try NationalLists.restatement(reading.ingestion.database))
    #expect(receipt.id == "l1" && receipt.drawnAt == (today - 3) * Self.day)
  }

  @Test func `what a judged list was made of is not kept`() throws {
    try load("l1", [0, 1], daysAgo: 3)
    try load("l2", [0, 1], daysAgo: 2)
    let left = try reading.ingestion.database.query(
      "select (select count(*) from national_entry), (select count(*) from objection_received)")
    #expect(left.int(0, 0) == 0 && left.int(0, 1) == 2)
  }
}
