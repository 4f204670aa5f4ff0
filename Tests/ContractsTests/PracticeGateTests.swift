import Contracts
import Testing

@Suite struct PracticeGateTests {
  private let gate = PracticeGate()
  private static let today: Int32 = 20_000

  /// The enrolment after these changes, each made on its day.
  private func enrolment(_ changes: [(PracticeGate.Change, Int32)]) throws -> PracticeEnrolment? {
    var held: PracticeEnrolment?
    for (change, day) in changes {
      let next = try gate.enrolment(of: "A81001", after: held, change, on: day, at: Int64(day))
      try gate.check(next, after: held)
      held = next
    }
    return held
  }

  private static let active: [(PracticeGate.Change, Int32)] = [
    (.announce(wave: "pilot"), today - 70), (.notify(on: today - 60), today - 65), (.activate, today - 4),
  ]

  @Test("a practice goes the whole way, and each state is what its dates say")
  func wholeWay() throws {
    let changes = Self.active + [(.suspend, Self.today - 3), (.activate, Self.today - 2)]
    let expected: [PracticeGate.State] = [.announced, .notifying, .active, .suspended, .active]
    for count in 1...changes.count {
      let held = try enrolment(Array(changes.prefix(count)))
      #expect(gate.state(of: held, on: changes[count - 1].1) == expected[count - 1])
    }
    let active = try #require(try enrolment(changes))
    #expect(active.wave == "pilot" && active.activeFrom == Self.today - 2 && !active.hasSuspendedOn)
    #expect(gate.reasonToRefuse(active, on: Self.today) == nil)
  }

  @Test("the notice period ends on its last day, not before", arguments: [(55, false), (56, true), (57, true)])
  func noticePeriod(days: Int32, isOver: Bool) throws {
    let held = try enrolment([(.announce(wave: ""), Self.today), (.notify(on: Self.today), Self.today)])
    #expect(gate.state(of: held, on: Self.today + days) == (isOver ? .ready : .notifying))
    let change = { try gate.enrolment(of: "A81001", after: held, .activate, on: Self.today + days, at: 1) }
    if isOver { _ = try change() } else { #expect(throws: PracticeGate.Refusal.noticePeriodNotOver) { try change() } }
  }

  @Test("a day of notice that is moved starts the notice period again")
  func noticeMoved() throws {
    let held = try enrolment([
      (.announce(wave: ""), Self.today - 100), (.notify(on: Self.today - 90), Self.today - 90),
      (.notify(on: Self.today - 10), Self.today - 10),
    ])
    #expect(gate.state(of: held, on: Self.today) == .notifying)
  }

  @Test("only an active organisation's extracts are accepted")
  func onlyActive() throws {
    #expect(gate.reasonToRefuse(nil, on: Self.today) == "organisation_not_enrolled")
    var reasons: [String] = []
    for count in 1...3 {
      let day = count == 3 ? Self.today : Self.today - 30
      reasons.append(gate.reasonToRefuse(try enrolment(Array(Self.active.prefix(count))), on: day) ?? "-")
    }
    #expect(reasons == ["organisation_announced", "organisation_notifying", "-"])
    let suspended = try enrolment(Self.active + [(.suspend, Self.today)])
    #expect(gate.reasonToRefuse(suspended, on: Self.today) == "organisation_suspended")
    let withdrawn = try enrolment(Self.active + [(.withdraw(erase: false), Self.today)])
    #expect(gate.reasonToRefuse(withdrawn, on: Self.today) == "organisation_withdrawn")
    let notified = try enrolment(Array(Self.active.prefix(2)))
    #expect(gate.reasonToRefuse(notified, on: Self.today) == "organisation_ready", "ready is not yet active")
  }

  @Test("whoever has left comes back by being announced anew, and may ask for erasure once")
  func leaving() throws {
    let left = Self.active + [(.withdraw(erase: false), Self.today)]
    for change in [PracticeGate.Change.activate, .notify(on: Self.today), .withdraw(erase: false)] {
      #expect(throws: PracticeGate.Refusal.withdrawn) { try enrolment(left + [(change, Self.today + 1)]) }
    }
    let erased = left + [(.withdraw(erase: true), Self.today + 1)]
    #expect(try enrolment(erased)?.withdrawnOn == Self.today)
    #expect(throws: PracticeGate.Refusal.withdrawn) {
      try enrolment(erased + [(.withdraw(erase: true), Self.today + 2)])
    }
    let back = try #require(try enrolment(erased + [(.announce(wave: ""), Self.today + 2)]))
    #expect(!back.hasNotifiedOn && !back.hasActiveFrom && !back.erase, "the notice period has to pass again")
  }

  @Test("an enrolment from elsewhere is believed only as far as its own dates carry it")
  func foreign() {
    let tooEarly = PracticeEnrolment.with {
      $0.state = .active
      $0.notifiedOn = 100
      $0.activeFrom = 155
    }
    #expect(throws: PracticeGate.Refusal.noticePeriodNotOver) { try gate.check(tooEarly, after: nil) }
    let bare = PracticeEnrolment.with { $0.state = .active }
    #expect(throws: PracticeGate.Refusal.notNotified) { try gate.check(bare, after: nil) }
    let shifted = PracticeEnrolment.with {
      $0.state = .active
      $0.notifiedOn = 100
      $0.activeFrom = 156
    }
    #expect(throws: Never.self) { try gate.check(shifted, after: nil) }
    let held = PracticeEnrolment.with {
      $0.state = .notifying
      $0.announcedOn = 1
      $0.notifiedOn = 120
    }
    #expect(throws: PracticeGate.Refusal.datesInconsistent) { try gate.check(shifted, after: held) }
    #expect(gate.state(of: shifted, on: 155) == .notifying, "a day to come is not yet today")
    #expect(gate.state(of: shifted, on: 156) == .active)
  }
}
