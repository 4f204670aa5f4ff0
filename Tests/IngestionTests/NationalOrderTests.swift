import Contracts
import Postgres
import Testing

@testable import Ingestion

/// Lists and answers that come in any order, in parts that interleave, and again: in the end everybody's state is what
/// was drawn last of what speaks of them.
struct NationalOrderTests {
  private struct Submission {
    var id: String
    var drawnAt: Int64
    var isWhole: Bool
    var isConfirmed: Bool
    var dissents: [Int]
    var withdrawn: [Int]

    static func random(_ number: Int, drawnAt: Int64, _ generator: inout SeededGenerator) -> Self {
      let isWhole = Int.random(in: 0..<3, using: &generator) == 0
      let all = TestNational.people.indices.map { ($0, Int.random(in: 0..<(isWhole ? 2 : 3), using: &generator)) }
      return Self(
        id: "s\(number)", drawnAt: drawnAt, isWhole: isWhole, isConfirmed: Int.random(in: 0..<3, using: &generator) > 0,
        dissents: all.filter { $0.1 == 0 }.map(\.0), withdrawn: isWhole ? [] : all.filter { $0.1 == 1 }.map(\.0))
    }

    func messages(_ national: TestNational) -> [ObjectionMessage] {
      [
        national.list(
          id, of: dissents.count + withdrawn.count, drawnAt: drawnAt, whole: isWhole, confirmed: isConfirmed)
      ] + national.entries(dissents, of: id, withdrawn: withdrawn)
    }
  }

  /// The plainest reading. What is refused reinstates nobody.
  private static func plainest(_ submissions: [Submission], refused: Set<String>) -> [Int] {
    TestNational.people.indices.filter { person in
      let words = submissions.compactMap { submission -> (drawnAt: Int64, objects: Bool)? in
        if submission.dissents.contains(person) { return (submission.drawnAt, true) }
        if refused.contains(submission.id) { return nil }
        return submission.isWhole || submission.withdrawn.contains(person) ? (submission.drawnAt, false) : nil
      }
      return words.max { $0.drawnAt < $1.drawnAt }?.objects ?? false
    }
  }

  /// Lets them come in, and returns which were refused.
  private func run(
    _ submissions: [Submission], _ national: TestNational, _ generator: inout SeededGenerator
  ) throws -> Set<String> {
    var queues = submissions.map { $0.messages(national).shuffled(using: &generator) }
    var receipts: [String: Receipt.Status] = [:]
    var sent: [ObjectionMessage] = []
    while !queues.joined().isEmpty {
      var batch: [ObjectionMessage] = []
      for _ in 0...Int.random(in: 0..<4, using: &generator) {
        // Mostly in the order of the submissions, whatever that is.
        let waiting = queues.indices.filter { !queues[$0].isEmpty }.prefix(1 + Int.random(in: 0..<3, using: &generator))
        if let place = waiting.randomElement(using: &generator) { batch.append(queues[place].removeLast()) }
      }
      if Int.random(in: 0..<4, using: &generator) == 0 { batch += sent.suffix(3) }
      let news = try national.send(batch)
      for receipt in news { receipts[receipt.id] = receipt.status }
      sent += batch
      let objecting = try national.objecting()
      // What is judged in the same batch may be newer.
      for message in batch where news.isEmpty && message.objection.decision == .dissent {
        guard receipts[message.objection.submissionID] == nil else { continue }
        let person = TestNational.people.firstIndex(of: message.objection.nhsNumber)!
        #expect(objecting.contains(person), "an objection holds from the moment that it has come")
      }
    }
    #expect(Set(receipts.keys) == Set(submissions.map(\.id)), "each is answered")
    return Set(receipts.filter { $0.value == .nationalListRefused }.keys)
  }

  private func forget(_ national: TestNational) throws {
    try national.reading.ingestion.database.execute(
      """
      truncate national_list, national_entry, national_answer, national_submission, origin_decision, statement,
        submission, objection_received, ended_objection, objection_end, outbox
      """)
  }

  @Test func `whatever the order, what was drawn last counts for everybody`() throws {
    let national = try TestNational()
    var (tellsOrders, tellsTimes, refusals) = (0, 0, 0)
    for seed in 1...40 {
      var generator = SeededGenerator(seed: UInt64(seed))
      try forget(national)
      // Hours apart, none in the future.
      let newest = (national.today - 1) * TestNational.day
      let submissions = (0..<7).map { number in
        Submission.random(number, drawnAt: newest - Int64(number) * 3_600_000_000, &generator)
      }.shuffled(using: &generator)
      let refused = try run(submissions, national, &generator)
      let objecting = try national.objecting()
      #expect(objecting == Self.plainest(submissions, refused: refused), "seed \(seed)")
      for table in ["national_entry", "national_submission"] { #expect(try national.count(table) == 0) }
      // The test would see it if the order of coming counted, or if what is refused did.
      let byComing = submissions.enumerated().map { place, submission in
        var submission = submission
        submission.drawnAt = Int64(place)
        return submission
      }
      if objecting != Self.plainest(byComing, refused: refused) { tellsOrders += 1 }
      if objecting != Self.plainest(submissions, refused: []) { tellsTimes += 1 }
      refusals += refused.count
    }
    #expect(tellsOrders > 10 && tellsTimes > 3 && refusals > 30, "\(tellsOrders) \(tellsTimes) \(refusals)")
  }
}
