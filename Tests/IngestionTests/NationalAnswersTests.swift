import Clinical
import Contracts
import Testing

@testable import Ingestion

/// Answers of the check service beside lists: what was drawn last counts, and what merely repeats the request does not.
struct NationalAnswersTests {
  private let national: TestNational

  init() throws { national = try TestNational() }

  @Test func `an older answer undoes nothing of a newer one`() throws {
    try national.load("l1", [0, 1], daysAgo: 6)
    try national.answer("a2", [2], withdrawn: [0], daysAgo: 2)
    #expect(try national.objecting() == [1, 2])
    // Taken in late: drawn before the other one.
    try national.answer("a1", [0], withdrawn: [2, 3], daysAgo: 4)
    #expect(try national.objecting() == [1, 2])
  }

  @Test func `an older dissent holds until its answer is judged`() throws {
    try national.load("l1", [0, 1], daysAgo: 6)
    try national.answer("a2", [], withdrawn: [0, 2], daysAgo: 2)
    let late = national.entries([0, 2], of: "a1", withdrawn: [3])
    try national.send(Array(late.prefix(2)))
    #expect(try national.objecting() == [0, 1, 2])
    let receipts = try national.send([late[2], national.list("a1", of: 3, daysAgo: 4, whole: false)])
    #expect(receipts.map(\.status) == [.nationalListInForce])
    #expect(try national.objecting() == [1])
  }

  @Test func `a list does not reinstate whom a later answer names`() throws {
    try national.load("l1", [0, 1], daysAgo: 6)
    try national.answer("a1", [2], withdrawn: [], daysAgo: 2)
    try national.load("l2", [0, 1], daysAgo: 3)
    #expect(try national.objecting() == [0, 1, 2])
    try national.load("l3", [0, 1], daysAgo: 1)
    #expect(try national.objecting() == [0, 1])
    #expect(try national.count("national_answer") == 0)
  }

  @Test func `a list does not bring back an objection that a later answer has ended`() throws {
    try national.load("l1", [0, 1], daysAgo: 6)
    try national.answer("a1", [], withdrawn: [0], daysAgo: 2)
    let list = national.entries([0, 1], of: "l2")
    try national.send(list)
    #expect(try national.objecting() == [0, 1])
    #expect(try national.send([national.list("l2", of: 2, daysAgo: 3)]).map(\.status) == [.nationalListInForce])
    #expect(try national.objecting() == [1])
  }

  @Test func `the dissents of an older list end with its refusal, those of a newer one hold`() throws {
    try national.load("l2", [0, 1, 2], daysAgo: 3)
    #expect(try national.load("l1", [0, 3], daysAgo: 5).map(\.reason) == ["older_than_the_list_in_force"])
    #expect(try national.objecting() == [0, 1, 2])
    #expect(try national.load("l3", [0, 4], daysAgo: 2).map(\.reason) == ["list_more_than_1_percent_smaller"])
    #expect(try national.objecting() == [0, 1, 2, 4])
    // Drawn between the two: the refused list was drawn later, and so was what it says of the fifth.
    try national.answer("a1", [], withdrawn: [4], daysAgo: 2, confirmed: true)
    #expect(try national.objecting() == [0, 1, 2])
    #expect(try national.load("l4", [0, 4], daysAgo: 1).map(\.reason) == ["list_more_than_1_percent_smaller"])
    try national.answer("a2", [], withdrawn: [4], daysAgo: 2)
    #expect(try national.objecting() == [0, 1, 2, 4])
  }

  @Test func `of two lists in one batch the later one is in force, whichever was announced first`() throws {
    let later = national.list("l2", of: 1, daysAgo: 1)
    try national.send([later])
    try national.send(
      [national.list("l1", of: 1, daysAgo: 2)] + national.entries([0], of: "l1") + national.entries([1], of: "l2"))
    #expect(try NationalLists.drawnAt(national.reading.ingestion.database) == later.nationalList.drawnAt)
    #expect(try national.objecting() == [1])
  }

  @Test func `an answer that repeats the request ends nothing until it is confirmed`() throws {
    try national.load("l1", [0, 1, 2], daysAgo: 6)
    let refused = try national.answer("a1", [4], withdrawn: [0, 1, 2, 3], daysAgo: 2)
    #expect(refused.map(\.status) == [.nationalListRefused])
    #expect(refused.map(\.reason) == ["answer_ends_more_than_1_percent"])
    #expect(try national.objecting() == [0, 1, 2, 4])
    #expect(
      try national.answer("a2", [4], withdrawn: [0, 1, 2, 3], daysAgo: 2, confirmed: true).map(\.status)
        == [.nationalListInForce])
    #expect(try national.objecting() == [4])
  }

  @Test func `what an answer says of one person needs no confirmation, nor what it says again`() throws {
    try national.load("l1", [0, 1, 2], daysAgo: 6)
    #expect(try national.answer("a1", [1], withdrawn: [0], daysAgo: 3).map(\.status) == [.nationalListInForce])
    #expect(
      try national.answer("a2", [1], withdrawn: [0, 3, 4, 5], daysAgo: 2).map(\.status) == [.nationalListInForce])
    #expect(try national.objecting() == [1, 2])
  }

  @Test func `a dissent outside of a submission outlasts the end of an older submission that says the same`() throws {
    try national.load("l1", [1], daysAgo: 3)
    try national.send(national.entries([0], of: "l0", expected: 2))
    var intake = Intake()
    var message = national.entries([0], of: "l9")[0]
    message.objection.sequence = 9
    #expect(try national.reading.take(message, &intake) == .malformed)
    try national.reading.store(&intake)
    try national.send([
      national.entries([0, 2], of: "l0")[1], national.list("l0", of: 2, daysAgo: 5),
    ])
    #expect(try national.objecting() == [0, 1])
    try national.load("l2", [1], daysAgo: 1)
    #expect(try national.objecting() == [1])
  }

  // MARK: Loads that never end

  @Test func `a list gives up older submissions that are not complete, and says so`() throws {
    try national.send([national.list("l1", of: 2, daysAgo: 4)] + national.entries([0], of: "l1", expected: 2))
    try national.send(
      [national.list("a1", of: 2, daysAgo: 3, whole: false)] + national.entries([1], of: "a1", expected: 2))
    try national.send([national.list("l3", of: 3, daysAgo: 1)] + national.entries([2], of: "l3", expected: 3))
    #expect(try national.objecting() == [0, 1, 2])
    let receipts = try national.load("l2", [3, 4], daysAgo: 2)
    #expect(Set(receipts.map(\.id)) == ["l1", "l2", "a1"])
    #expect(
      receipts.filter { $0.status == .nationalListRefused }.allSatisfy { $0.reason == "older_than_the_list_in_force" })
    #expect(try national.objecting() == [2, 3, 4], "what may still prove newer holds")
    #expect(try national.count("national_submission") == 1)
    // The rest of them comes after all.
    #expect(try national.send([national.entries([0, 5], of: "l1")[1]]).isEmpty)
    #expect(try national.objecting() == [2, 3, 4])
    #expect(try national.send(Array(national.entries([2, 3, 4], of: "l3").dropFirst())).map(\.id) == ["l3"])
    #expect(try national.objecting() == [2, 3, 4])
    #expect(try national.count("national_entry") == 0 && national.count("national_submission") == 0)
  }

  @Test func `what was left of a load keeps nobody objecting whom a later answer speaks of`() throws {
    try national.load("l1", [0], daysAgo: 6)
    try national.send(
      [national.list("a1", of: 2, daysAgo: 4, whole: false)] + national.entries([1], of: "a1", expected: 2))
    #expect(try national.objecting() == [0, 1])
    try national.answer("a2", [], withdrawn: [1], daysAgo: 3)
    #expect(try national.objecting() == [0])
  }

  @Test func `of what came without its header only that is given up which cannot be newer than the list`() throws {
    try national.send(national.entries([0], of: "l1", expected: 2))
    try national.load("l2", [1], daysAgo: 1)
    #expect(try national.objecting() == [0, 1], "its header may be on its way")
    let hour = 3_600_000_000 as Int64
    func received(_ time: Int64) throws {
      try national.reading.ingestion.database.query(
        "update national_submission set first_at = $1 where submission_id = 'l1'", [.int(time)])
    }
    try received(national.today * TestNational.day - hour)
    try national.load("l3", [1], daysAgo: 0)
    #expect(try national.objecting() == [0, 1])
    try received(national.today * TestNational.day - hour - 1)
    #expect(try national.load("l4", [1], daysAgo: 0).map(\.id) == ["l4"])
    #expect(try national.objecting() == [1])
    #expect(try national.count("national_entry") == 0 && national.count("national_submission") == 0)
    // Its header, and the rest.
    let rest = [national.list("l1", of: 2, daysAgo: 2), national.entries([0, 2], of: "l1")[1]]
    #expect(try national.send(rest).isEmpty)
    #expect(try national.objecting() == [1])
    try national.load("l5", [1], daysAgo: 0)
    #expect(try national.count("objection_received") == 1, "of the last list alone")
  }
}
