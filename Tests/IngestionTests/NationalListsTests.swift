import Clinical
import Contracts
import Cryptography
import Foundation
import Testing

@testable import Ingestion

/// The national list from its messages to what is stated about people.
struct NationalListsTests {
  private let national: TestNational

  init() throws { national = try TestNational() }

  @Test func `a dissent on the list holds before the list is complete`() throws {
    #expect(try national.send([national.entries([0, 1], of: "l1")[0]]).isEmpty)
    #expect(try national.objecting() == [0])
    #expect(try NationalLists.drawnAt(national.reading.ingestion.database) == nil)
  }

  @Test(arguments: [false, true])
  func `a list is in force when all of it has come, in whatever order`(listFirst: Bool) throws {
    let people = national.entries([0, 1], of: "l1")
    let list = national.list("l1", of: 2, daysAgo: 1)
    let messages = listFirst ? [list] + people : people + [list]
    for message in messages.dropLast() { #expect(try national.send([message]).isEmpty) }
    let receipts = try national.send([messages[2]])
    #expect(receipts.map(\.status) == [.nationalListInForce])
    #expect(receipts[0].drawnAt == (national.today - 1) * TestNational.day && receipts[0].recordsAdmitted == 2)
    #expect(try NationalLists.drawnAt(national.reading.ingestion.database) == (national.today - 1) * TestNational.day)
  }

  @Test func `who is no longer on the list is reinstated, and objects again when on it again`() throws {
    try national.load("l1", [0, 1], daysAgo: 3)
    #expect(try national.load("l2", [1, 2], daysAgo: 2).map(\.status) == [.nationalListInForce])
    #expect(try national.objecting() == [1, 2])
    try national.load("l3", [0, 1, 2], daysAgo: 1)
    #expect(try national.objecting() == [0, 1, 2])
  }

  @Test func `a second list of one day replaces the first`() throws {
    try national.load("l1", [0, 1], daysAgo: 0)
    try national.load("l2", [1, 2], daysAgo: 0)
    #expect(try national.objecting() == [1, 2])
  }

  @Test func `an older list that is delivered again undoes no reinstatement`() throws {
    try national.load("l1", [0, 1], daysAgo: 3)
    try national.load("l2", [1, 2], daysAgo: 2)
    #expect(try national.load("l1", [0, 1], daysAgo: 3).isEmpty)
    #expect(try national.objecting() == [1, 2])
  }

  @Test(arguments: [false, true])
  func `of two lists that come together, the earlier reinstates nobody who is on the later`(inOneBatch: Bool) throws {
    try national.load("l0", [0], daysAgo: 3)
    let earlier = national.entries([0], of: "l1") + [national.list("l1", of: 1, daysAgo: 2)]
    let later = national.entries([0, 1], of: "l2")
    let end = national.list("l2", of: 2, daysAgo: 1)
    if inOneBatch {
      try national.send(later + earlier + [end])
    } else {
      try national.send(later)
      try national.send(earlier)
      #expect(try national.objecting() == [0, 1])
      try national.send([end])
    }
    #expect(try national.objecting() == [0, 1])
    try national.load("l3", [0], daysAgo: 0, confirmed: true)
    #expect(try national.objecting() == [0])
  }

  @Test func `a list that says what is known states nothing`() throws {
    try national.load("l1", [0, 1], daysAgo: 3)
    _ = try national.reading.ingestion.outbox()
    try national.load("l2", [0, 1], daysAgo: 2)
    #expect(try national.reading.ingestion.outbox().envelopes(.objection).isEmpty)
  }

  @Test func `a list cut short reinstates nobody until it is confirmed, and its dissents hold`() throws {
    try national.load("l1", [0, 1, 2], daysAgo: 3)
    let refused = try national.load("l2", [0, 3], daysAgo: 2)
    #expect(refused.map(\.status) == [.nationalListRefused])
    #expect(refused.map(\.reason) == ["list_more_than_1_percent_smaller"])
    #expect(try national.objecting() == [0, 1, 2, 3])
    #expect(try NationalLists.drawnAt(national.reading.ingestion.database) == (national.today - 3) * TestNational.day)
    #expect(try national.load("l3", [0, 3], daysAgo: 2, confirmed: true).map(\.status) == [.nationalListInForce])
    #expect(try national.objecting() == [0, 3])
  }

  @Test func `an empty list is refused until it is confirmed`() throws {
    try national.load("l1", [0], daysAgo: 3)
    #expect(try national.load("l2", [], daysAgo: 2).map(\.reason) == ["list_empty"])
    #expect(try national.objecting() == [0])
    #expect(try national.load("l3", [], daysAgo: 2, confirmed: true).map(\.status) == [.nationalListInForce])
    #expect(try national.objecting().isEmpty)
  }

  @Test func `the answer for some numbers ends objections of those alone, and is no list that may be waited for`()
    throws
  {
    try national.load("l1", [0, 1], daysAgo: 3)
    let receipts = try national.send(
      national.entries([2], of: "a1", withdrawn: [0, 3]) + [national.list("a1", of: 3, daysAgo: 1, whole: false)])
    #expect(receipts.map(\.status) == [.nationalListInForce] && receipts[0].drawnAt == 0)
    #expect(try national.objecting() == [1, 2])
    #expect(try NationalLists.drawnAt(national.reading.ingestion.database) == (national.today - 3) * TestNational.day)
    // Of person 3 nothing was known: the answer must not outweigh what a practice may have recorded.
    let about = try national.reading.ingestion.database.query(
      "select count(*) from statement where token = $1",
      [.bytes(national.reading.tokens.routingToken(nhsNumber: TestNational.people[3]).bytes)])
    #expect(about.int(0, 0) == 0)
  }

  @Test func `to be on the list outweighs a later withdrawal that is recorded elsewhere`() throws {
    try national.load("l1", [0], daysAgo: 3)
    let withdrawn = ObjectionMessage.with {
      $0.objection.submissionID = "s1"
      $0.objection.sequence = 1
      $0.objection.expected = 1
      $0.objection.nhsNumber = TestNational.people[0]
      $0.objection.type = .objectionType2
      $0.objection.decision = .withdrawn
      $0.objection.day = Int32(national.today)
      $0.objection.origin = "patient"
    }
    #expect(try national.send([withdrawn]).map(\.status) == [.objectionsAcknowledged])
    let rows = try national.reading.ingestion.database.query(
      "select decision::bigint, day::bigint from statement where token = $1 and not retracted",
      [.bytes(national.reading.tokens.routingToken(nhsNumber: TestNational.people[0]).bytes)])
    let said = (0..<rows.count).map { row in
      DatedObjectionDecision(
        rows.int(row, 0) == 1 ? .dissent : .withdrawn,
        on: rows.isNull(row, 1) ? nil : CalendarDate(day: Int32(rows.int(row, 1))))
    }
    #expect(said.count == 2 && said.inForce == .dissent)
  }

  @Test func `a national dissent in a submission that cannot be acknowledged is heard`() throws {
    var intake = Intake()
    var message = national.entries([0], of: "l1")[0]
    message.objection.sequence = 9
    #expect(try national.reading.take(message, &intake) == .malformed)
    try national.reading.store(&intake)
    #expect(try national.objecting() == [0])
  }

  @Test func `a new broker hears of the list in force, and of no other`() throws {
    #expect(try NationalLists.restatement(national.reading.ingestion.database) == nil)
    try national.load("l1", [0, 1], daysAgo: 3)
    try national.load("l2", [], daysAgo: 2)
    let receipt = try #require(try NationalLists.restatement(national.reading.ingestion.database))
    #expect(receipt.id == "l1" && receipt.drawnAt == (national.today - 3) * TestNational.day)
  }

  @Test func `what a judged list was made of is not kept`() throws {
    try national.load("l1", [0, 1], daysAgo: 3)
    try national.load("l2", [0, 1], daysAgo: 2)
    let left = try national.reading.ingestion.database.query(
      "select (select count(*) from national_entry), (select count(*) from objection_received)")
    #expect(left.int(0, 0) == 0 && left.int(0, 1) == 2)
  }
}
