import Clinical
import Contracts
import Cryptography
import Foundation

@testable import Ingestion

/// The national list and answers of the check service from their messages to what is stated about people.
struct TestNational {
  let reading: TestReading
  static let day: Int64 = 86_400_000_000
  let today = Int64(CalendarDate.today.day)

  init() throws { reading = try TestReading() }

  static let people = ["9990000018", "9990000026", "9990000034", "9990000042", "9990000050", "9990000069"]

  func entries(
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

  func list(
    _ submission: String, of expected: Int, drawnAt: Int64, whole: Bool = true, confirmed: Bool = false
  ) -> ObjectionMessage {
    ObjectionMessage.with {
      $0.nationalList.submissionID = submission
      $0.nationalList.expected = UInt32(expected)
      $0.nationalList.drawnAt = drawnAt
      $0.nationalList.whole = whole
      $0.nationalList.confirmed = confirmed
    }
  }

  func list(
    _ submission: String, of expected: Int, daysAgo: Int64, whole: Bool = true, confirmed: Bool = false
  ) -> ObjectionMessage {
    list(submission, of: expected, drawnAt: (today - daysAgo) * Self.day, whole: whole, confirmed: confirmed)
  }

  /// Returns the receipts.
  @discardableResult
  func send(_ messages: [ObjectionMessage]) throws -> [Receipt] {
    var intake = Intake()
    for message in messages where try reading.take(message, &intake) != nil { throw Rejected() }
    try reading.store(&intake)
    let receipts = try reading.ingestion.database.query("select value from outbox where topic = 'caredata.receipts'")
    let sent = try (0..<receipts.count).map { try Receipt(serializedBytes: receipts.bytes($0, 0)) }
    try reading.ingestion.database.execute("delete from outbox where topic = 'caredata.receipts'")
    return sent
  }

  struct Rejected: Error {}

  @discardableResult
  func load(
    _ submission: String, _ people: [Int], daysAgo: Int64, confirmed: Bool = false
  ) throws -> [Receipt] {
    try send(
      entries(people, of: submission)
        + [list(submission, of: people.count, daysAgo: daysAgo, confirmed: confirmed)])
  }

  @discardableResult
  func answer(
    _ submission: String, _ people: [Int], withdrawn: [Int], daysAgo: Int64, confirmed: Bool = false
  ) throws -> [Receipt] {
    try send(
      entries(people, of: submission, withdrawn: withdrawn) + [
        list(submission, of: people.count + withdrawn.count, daysAgo: daysAgo, whole: false, confirmed: confirmed)
      ])
  }

  /// People under whose token the national list says dissent.
  func objecting() throws -> [Int] {
    let rows = try reading.ingestion.database.query(
      "select token from statement where not retracted and decision = 1 and organisation = 'national'")
    let tokens = Set((0..<rows.count).compactMap { Token16(bytes: rows.bytes($0, 0)) })
    return Self.people.indices.filter { tokens.contains(reading.tokens.routingToken(nhsNumber: Self.people[$0])) }
  }

  /// Rows of a table.
  func count(_ table: String) throws -> Int64 {
    try reading.ingestion.database.query("select count(*) from \(table)").int(0, 0)
  }
}
