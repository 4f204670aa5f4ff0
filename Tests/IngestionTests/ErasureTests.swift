import Clinical
import Contracts
import Foundation
import StageKit
import Testing

@testable import Ingestion

struct ErasureTests {
  private let ingestion: TestIngestion

  init() throws { ingestion = try TestIngestion() }

  private func patients(_ count: Int, content: UInt64 = 1) -> [TestPatient] {
    (1...count).map { TestPatient(ref: "p\($0)", token: UInt64($0), content: content) }
  }

  private func erase() throws {
    let erasure = Erasure(
      admission: ingestion.admission, manifests: ingestion.manifests, receipts: ingestion.receipts)
    while try erasure.next(ingestion.database) {}
  }

  private func emitted(_ id: String, _ state: String = "balanced") throws {
    try ingestion.database.query(
      "update extract set state = $2 where extract_id = $1", [.text(id), .text(state)])
  }

  @Test func `leaving with erasure retracts every record id once, above every version it had, with a receipt`() throws {
    try ingestion.submit("e1", at: 100, patients(3))
    try emitted("e1")
    _ = try ingestion.outbox()
    try ingestion.enrol([.withdraw(erase: true)])
    try erase()
    let outbox = try ingestion.outbox()
    let retractions = try outbox.envelopes(.retraction)
    #expect(Set(retractions.map(\.key)) == Set((1...3).map { TestIngestion.routingToken(UInt64($0)) }))
    for (_, envelope) in retractions {
      #expect(try Header(serializedBytes: envelope.header).versionTime == 101)
    }
    let receipt = try #require(try outbox.receipts().first)
    #expect(receipt.status == .erased && receipt.retractions == 3 && receipt.organisation == "A81001")
    try erase()
    #expect(try ingestion.outbox().isEmpty, "done once")
  }

  @Test func `leaving without erasure takes nothing back`() throws {
    try ingestion.submit("e1", at: 100, patients(3))
    try emitted("e1")
    _ = try ingestion.outbox()
    try ingestion.enrol([.withdraw(erase: false)])
    try erase()
    #expect(try ingestion.outbox().isEmpty)
    try ingestion.open("e2", at: 200, expected: 1)
    #expect(try ingestion.outbox().receipts().map(\.reason) == ["organisation_withdrawn"])
    try ingestion.enrol([.withdraw(erase: true)])
    try erase()
    #expect(try ingestion.outbox().receipts().map(\.retractions) == [3], "it may still be asked for afterwards")
  }

  @Test func `erasure waits for what is being sent, and refuses what was not admitted yet`() throws {
    try ingestion.submit("e1", at: 100, patients(2))
    try ingestion.open("e2", at: 200, expected: 2)
    try ingestion.stage("e2", at: 200, [(1, TestPatient(ref: "p1", token: 1))])
    _ = try ingestion.outbox()
    try ingestion.enrol([.withdraw(erase: true)])
    try erase()
    #expect(try ingestion.outbox().isEmpty, "e1 is still on its way")
    try emitted("e1", "emitted")
    try erase()
    #expect(try ingestion.outbox().isEmpty, "e1 has not arrived")
    try emitted("e1")
    try erase()
    let receipts = try ingestion.outbox().receipts()
    #expect(receipts.map(\.status) == [.refused, .erased])
    #expect(receipts.first?.reason == "organisation_withdrawn")
  }

  @Test func `what was submitted before the erasure loses against it, what comes after a new enrolment does not`()
    throws
  {
    try ingestion.submit("e1", at: 100, patients(2))
    try emitted("e1")
    try ingestion.enrol([.withdraw(erase: true)])
    try erase()
    _ = try ingestion.outbox()
    try ingestion.enrol([.announce(wave: ""), .notify(on: CalendarDate.today.day - 60), .activate])
    try ingestion.submit("late", at: 90, patients(2, content: 5))
    #expect(try ingestion.outbox().receipts().map(\.status) == [.superseded])
    try ingestion.submit("new", at: 10_000, patients(2))
    #expect(try ingestion.outbox().receipts().map(\.status) == [.admitted])
  }

  @Test func `an enrolment that may not follow is answered with a refusal and changes nothing`() throws {
    let enrolment = PracticeEnrolment.with {
      $0.organisation = "B82002"
      $0.state = .active
      $0.changedAt = 9
      $0.notifiedOn = CalendarDate.today.day - 10
      $0.activeFrom = CalendarDate.today.day
    }
    let receipt = try ingestion.database.transaction { try ingestion.practices.store(enrolment, ingestion.database) }
    #expect(receipt.status == .enrolmentRefused && receipt.reason == "notice_period_not_over")
    #expect(try ingestion.practices.reasonToRefuse("B82002", ingestion.database) == "organisation_not_enrolled")
    let tooSoon = PracticeEnrolment.with {
      $0.organisation = "A81001"
      $0.state = .announced
      $0.announcedOn = 1
      $0.changedAt = 50
    }
    _ = try ingestion.database.transaction { try ingestion.practices.store(tooSoon, ingestion.database) }
    let said = try #require(try ingestion.outbox().first { $0.topic == "caredata.practices" })
    let again = try PracticeEnrolment(serializedBytes: said.value)
    #expect(again.state == .active && again.changedAt == 51, "what is in force is the newest message again")
    let stored = try #require(try ingestion.practices.held("A81001", ingestion.database))
    let confirmed = try ingestion.database.transaction { try ingestion.practices.store(stored, ingestion.database) }
    #expect(confirmed.status == .enrolmentStored, "delivered again it is simply confirmed")
  }
}
