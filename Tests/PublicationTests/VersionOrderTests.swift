import Testing

@testable import Publication

@Suite struct VersionOrderTests {
  @Test func `versions compare by time, then digest, then retraction`() {
    let ascending = [
      VersionOrder.none,
      VersionOrder(time: 0, digest: 0, rank: .record),
      VersionOrder(time: 1, digest: 5, rank: .record),
      VersionOrder(time: 1, digest: 5, rank: .corrected),
      VersionOrder(time: 1, digest: 6, rank: .record),
      VersionOrder(time: 2, digest: 0, rank: .corrected),
      VersionOrder(time: 2, digest: 1, rank: .record),
    ]
    for (lower, higher) in zip(ascending, ascending.dropFirst()) { #expect(lower < higher) }
  }

  @Test func `a higher version replaces a lower one whole`() {
    var change = record(1, time: 100, stamp: 5)
    change.merge(record(1, time: 200, stamp: 9, extract: extract("x2"), facts: facts([(1, "H33..", 1, 0)])))
    #expect(change.order.time == 200)
    #expect(change.extract.id == "x2")
    #expect(change.stamp == 9)
    #expect(change.facts?.clinical.codes == ["H33.."])
  }

  @Test func `the higher assignment wins whatever the version`() {
    var change = record(1, time: 200, person: 1, assignment: 4)
    change.merge(record(1, time: 100, person: 2, assignment: 5))
    #expect(change.order.time == 200)
    #expect(change.personID == token(2))
    #expect(change.assignment == 5)
  }

  @Test func `a retraction of the same version keeps it accounted to its extract`() {
    var change = record(1, extract: extract("x1"))
    var retraction = change.retracted()
    retraction.extract = extract("x2")
    change.merge(retraction)
    #expect(change.state == .retracted)
    #expect(change.facts == nil)
    #expect(change.isCounted)
    #expect(change.extract.id == "x1")
    var reversed = retraction
    reversed.merge(record(1, extract: extract("x1")))
    #expect(reversed.state == .retracted)
    #expect(reversed.isCounted)
    #expect(reversed.extract.id == "x1")
  }

  @Test func `a batch holds each record once`() {
    let reduced = batch(record(1), record(2), record(1, time: 200), record(1).retracted(), record(2)).records.changes
    #expect(reduced.map(\.recordID) == [token(1), token(2)])
    #expect(reduced.map(\.order.time) == [200, 100])
  }

  @Test func `messages merge to the same change in every order`() {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<300 {
      var messages = History.messages(of: 1, using: &generator)
      let expected = Self.merged(messages)
      for _ in 0..<5 {
        messages.shuffle(using: &generator)
        #expect(Self.merged(messages) == expected)
      }
    }
  }

  private static func merged(_ messages: [RecordChange]) -> [RecordChange] { batch(messages).records.changes }
}

/// What may happen to one record in its life.
enum History {
  static func messages(of number: Int, using generator: inout SeededGenerator) -> [RecordChange] {
    var messages: [RecordChange] = []
    var assignment: Int64 = 0
    for version in 1...Int.random(in: 1...3, using: &generator) {
      let extract = extract("x\(version)")
      assignment += 1
      let record = record(
        number, time: Int64(version * 100), stamp: Int64(version * 10 + number), extract: extract,
        person: 3_000 + Int(assignment), assignment: assignment, withdrawal: 1_000 + number % 7,
        facts: facts([(1, "C10..", Int32(version), 0)]))
      messages.append(record)
      if generator.chance(0.3) { messages.append(record.retracted()) }
      if generator.chance(0.2) {
        messages.append(record.retracted(.excluded, rank: .excluded, isCounted: true))
      }
      if generator.chance(0.4) {
        assignment += 1
        var reassigned = record.reassigned(to: 3_000 + Int(assignment), assignment)
        reassigned.extract.id = "x1"
        messages.append(reassigned)
      }
    }
    // A record may be known by its reassignment only.
    if generator.chance(0.1) { return messages.filter { $0.order == .none } }
    return messages
  }
}
