import Clinical
import Contracts
import Cryptography
import Foundation
import KeyRing
import StageKit
import SwiftProtobuf
import Synchronization
import Testing

@testable import Ingestion
@testable import caredata

/// The promise the whole system stands on, for thousands of people who each object, withdraw, move, lose and regain
/// their number in an order of their own, while stages crash and messages are delivered again.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ObjectionPropertyTests {
  private struct Outcome {
    var oracle: Oracle
    var people: [Person]
    var facts: [Token16: String]
    var tokens: RecordTokens
    /// Records that were linked or published although they must not be, by the event after which they were found.
    var violations: [(event: Int, records: Set<Token16>)] = []
    /// Records that should be published at the end and are not.
    var missing: Set<Token16> = []
    var checks = 0
    /// Messages that linkage had to put aside for their key.
    var parked = 0
  }

  /// - Parameters:
  ///   - told: what the system is told in the place of an event; the oracle hears what has happened.
  ///   - planted: a fault, after every event.
  private func run(
    _ timeline: Timeline, seed: UInt64, keys: KeyInstallation, told: (Event) -> Event? = { $0 },
    planted: (Pipeline) throws -> Void = { _ in }
  ) async throws -> Outcome {
    let pipeline = try await Pipeline(keys: keys)
    try pipeline.enrol(Place.allCases.map(\.organisation))
    var random = SplitMix64(seed: seed &+ 1)
    var people: [Person] = []
    var outcome = Outcome(oracle: Oracle(people: timeline.people), people: [], facts: [:], tokens: pipeline.tokens)
    var lists = 0
    for (index, event) in timeline.events.enumerated() {
      if case .extract(_, let sent) = event { people = sent }
      let listDay = CalendarDate.today.day - 5 + Int32(min(lists, 5))
      if case .list = event { lists += 1 }
      outcome.oracle.take(event, at: index)
      if let event = told(event) { try send(event, index, listDay: listDay, pipeline, timeline) }
      try pipeline.move(&random, steps: random.below(3))
      try planted(pipeline)
      if random.below(4) == 0 { try pipeline.crash(&random) }
      // Now and then everything has arrived: then, too, nothing may be there that must not be.
      if timeline.rests.contains(index) || random.below(6) == 0 {
        try pipeline.settle()
        let wrong = try found(pipeline).subtracting(outcome.oracle.allowed(people, pipeline.tokens))
        if !wrong.isEmpty { outcome.violations.append((index, wrong)) }
        outcome.checks += 1
      }
    }
    try pipeline.settle()
    let allowed = outcome.oracle.allowed(people, pipeline.tokens)
    let found = try found(pipeline)
    if !found.isSubset(of: allowed) {
      outcome.violations.append((timeline.events.count, found.subtracting(allowed)))
    }
    outcome.facts = try pipeline.facts()
    outcome.missing = allowed.subtracting(outcome.facts.keys)
      .subtracting(outcome.oracle.uncertain(people, pipeline.tokens))
    outcome.people = people
    outcome.parked = pipeline.parked
    return outcome
  }

  private func found(_ pipeline: Pipeline) throws -> Set<Token16> {
    try pipeline.linked().union(pipeline.facts().keys)
  }

  private func send(
    _ event: Event, _ index: Int, listDay: Int32, _ pipeline: Pipeline, _ timeline: Timeline
  ) throws {
    func objection(_ submission: String, _ sequence: Int, _ expected: Int, _ person: Int) -> Objection {
      Objection.with {
        $0.submissionID = submission
        $0.sequence = UInt32(sequence)
        $0.expected = UInt32(expected)
        $0.nhsNumber = numbers(timeline.people)[person]
      }
    }
    switch event {
    case .requests(let requests):
      try pipeline.send(
        try requests.enumerated().map { place, request in
          var said = objection("request-\(index)", place + 1, requests.count, request.person)
          said.type = request.type
          said.decision = request.decision
          if let day = request.day { said.day = day }
          said.origin = "patient"
          return ("\(request.person)", try ObjectionMessage.with { $0.objection = said }.serializedBytes())
        }, to: .objections)
    case .list(let listed):
      let people = listed.indices.filter { listed[$0] }
      var messages: [(key: String, value: [UInt8])] = []
      for (place, person) in people.enumerated() {
        var entry = objection("list-\(index)", place + 1, people.count, person)
        entry.type = .objectionType2
        entry.decision = .dissent
        entry.origin = "national"
        messages.append(("\(person)", try ObjectionMessage.with { $0.objection = entry }.serializedBytes()))
      }
      let list = ObjectionMessage.with {
        $0.nationalList.submissionID = "list-\(index)"
        $0.nationalList.expected = UInt32(people.count)
        $0.nationalList.drawnAt = Int64(listDay) * 86_400_000_000
        $0.nationalList.whole = true
        $0.nationalList.confirmed = true
      }
      messages.append(("list", try list.serializedBytes()))
      try pipeline.send(messages, to: .objections)
    case .leave(let place): try pipeline.leave(place.organisation)
    case .newRoutingKey: try pipeline.replaceRoutingKey()
    case .newLinkageKey: try pipeline.replaceLinkageKey()
    case .extract(let place, let people):
      try pipeline.send(try extract(place, people, index), to: .extracts)
    }
  }

  private func extract(
    _ place: Place, _ people: [Person], _ index: Int
  ) throws -> [(key: String, value: [UInt8])] {
    let present = people.filter { $0.presence[place.rawValue] != .absent }
    let id = "\(place.organisation)-\(index)"
    let submittedAt = Int64(index + 1) * 1_000_000
    var manifest = Manifest.with {
      $0.state = .opened
      $0.extractID = id
      $0.organisation = place.organisation
      $0.source = place.source
      $0.period = Place.period
      $0.submittedAt = submittedAt
      $0.specification = "1"
      $0.expectedRecords = UInt32(present.count)
    }
    var messages = [(id, try ExtractMessage.with { $0.manifest = manifest }.serializedBytes() as [UInt8])]
    let content = CalendarDate(year: 2025, month: 1, day: 1)!.day + Int32(index % 600)
    for (sequence, person) in present.enumerated() {
      let record = person.record(at: place, in: id, sequence + 1, submittedAt: submittedAt, content: content)
      messages.append((person.reference, try ExtractMessage.with { $0.record = record }.serializedBytes()))
    }
    manifest.state = .closed
    messages.append((id, try ExtractMessage.with { $0.manifest = manifest }.serializedBytes()))
    return messages
  }

  private func numbers(_ count: Int) -> [String] {
    if let numbers = Self.numbers.withLock({ $0[count] }) { return numbers }
    var random = SplitMix64(seed: 0)
    let numbers = (0..<count).map { Person.make($0, &random).nhsNumber }
    Self.numbers.withLock { $0[count] = numbers }
    return numbers
  }

  private static let numbers = Mutex<[Int: [String]]>([:])

  // MARK: The promise

  /// So many people times these seeds are as many interleavings.
  private static let people = 1_500

  @Test(arguments: [11, 12] as [UInt64])
  func `no record of anybody who objects is linked or published, and all others are`(seed: UInt64) async throws {
    print("seed \(seed)")
    let timeline = Timeline(seed: seed, people: Self.people, rounds: 6)
    let keys = try TestPostgres.keys()
    let outcome = try await run(timeline, seed: seed, keys: keys)
    print(
      "\(timeline.events.count) events, \(outcome.checks) checks under way, \(outcome.facts.count) facts, "
        + "\(outcome.oracle.objectors().count) of \(timeline.people) people object to everything at the end")
    #expect(outcome.violations.isEmpty)
    #expect(outcome.missing.isEmpty && outcome.parked > 0)
    #expect(outcome.oracle.objectors().count > timeline.people / 20)
    #expect(outcome.facts.count > timeline.people / 4)

    // With the objections deleted from the input, all records of everybody are there, and those of people who never
    // objected are what they were.
    let unheard = try await run(timeline, seed: seed, keys: keys) { $0.withoutObjections }
    let everybody = Set(
      unheard.people.flatMap { person in
        Place.allCases.filter { person.presence[$0.rawValue] != .absent }.map { $0.recordID(person, unheard.tokens) }
      })
    #expect(Set(unheard.facts.keys) == everybody)
    let indifferent = outcome.oracle.neverObjected()
    #expect(indifferent.count > timeline.people / 20)
    for no in indifferent {
      for place in Place.allCases {
        let id = place.recordID(outcome.people[no], outcome.tokens)
        #expect(outcome.facts[id] == unheard.facts[id])
      }
    }
  }

  @Test func `a release waits behind records that came under a former linkage key`() async throws {
    let timeline = Timeline(seed: 15, people: 40, rounds: 1)
    let pipeline = try await Pipeline(keys: try TestPostgres.keys())
    try pipeline.enrol(Place.allCases.map(\.organisation))
    for (index, event) in timeline.events.prefix(4).enumerated() {
      try send(event, index, listDay: CalendarDate.today.day, pipeline, timeline)
    }
    try pipeline.moveToLinkage()
    try pipeline.replaceLinkageKey()
    try pipeline.send([("cut", try ObjectionMessage.with { $0.cut.cutID = "cut" }.serializedBytes())], to: .objections)
    try pipeline.moveToLinkage()
    #expect(throws: StageWait.self) { try pipeline.stepLinkage() }
    #expect(try pipeline.facts().isEmpty)
    try pipeline.reencrypt()
    try pipeline.settle()
    #expect(try pipeline.parked > 0 && !pipeline.facts().isEmpty)
    #expect(try pipeline.reasons(cut: "later").isEmpty)
  }

  @Test func `an objection that is dropped on its way is found`() async throws {
    let seed: UInt64 = 13
    let timeline = Timeline(seed: seed, people: 60, rounds: 3)
    var oracle = Oracle(people: timeline.people)
    for (index, event) in timeline.events.enumerated() {
      oracle.take(event, at: index)
    }
    let silenced = try #require(oracle.objectors().first)
    let keys = try TestPostgres.keys()
    let whole = try await run(timeline, seed: seed, keys: keys)
    #expect(whole.violations.isEmpty && whole.missing.isEmpty)
    let outcome = try await run(timeline, seed: seed, keys: keys) { $0.silencing(silenced) }
    let theirs = Set(Place.allCases.map { $0.recordID(outcome.people[silenced], outcome.tokens) })
    let last = try #require(outcome.violations.last)
    #expect(last.event == timeline.events.count && !last.records.isEmpty && last.records.isSubset(of: theirs))
  }

  @Test func `an objector's record that nobody recognises after another was taken back is found`() async throws {
    let seed: UInt64 = 14
    let timeline = Timeline(seed: seed, people: 300, rounds: 4)
    let keys = try TestPostgres.keys()
    let whole = try await run(timeline, seed: seed, keys: keys)
    #expect(whole.violations.isEmpty && whole.missing.isEmpty)
    let outcome = try await run(timeline, seed: seed, keys: keys, planted: { try $0.forgetWitnesses() })
    #expect(!outcome.violations.isEmpty && outcome.missing.isEmpty)
  }
}
