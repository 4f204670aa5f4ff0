import Clinical
import Testing

struct ObjectionCodeTests {
  @Test(arguments: [
    ("9Nu0.", "XaZ89", "827241000000103", ObjectionCode.Kind.type1, ObjectionCode.Decision.dissent),
    ("9Nu1.", "XaZ8a", "827261000000102", .type1, .withdrawn),
    ("9Nu4.", "XaaVL", "881561000000100", .type2, .dissent),
    ("9Nu5.", "XaaVM", "881581000000109", .type2, .withdrawn),
  ])
  func `each code says the same in all three systems`(
    read2: String, ctv3: String, snomed: String, type: ObjectionCode.Kind, decision: ObjectionCode.Decision
  ) throws {
    for (system, code) in [(ClinicalCode.System.read2, read2), (.ctv3, ctv3), (.snomed, snomed)] {
      let found = try #require(ObjectionCode.decision(system: system, code: code))
      #expect(found == (type, decision))
      #expect(try #require(ObjectionCode.decision(ClinicalCode(system: system, normalising: code))) == (type, decision))
    }
  }

  @Test(arguments: ["9Nu0", "9Nu0.00", " 9Nu0. ", "9Nu0.11"])
  func `a dissent is recognised in every way systems write it`(code: String) throws {
    #expect(try #require(ObjectionCode.decision(system: .read2, code: code)) == (.type1, .dissent))
  }

  @Test(arguments: [
    (ClinicalCode.System.ctv3, "XaZ8A"), (.ctv3, "xaz89"), (.read2, "9NU0."), (.read2, "9Nu2."), (.read2, "XaZ89"),
    (.ctv3, "9Nu0."), (.snomed, "827241000000104"), (.snomed, "44054006"), (.icd10, "E119"), (.opcs4, "W232"),
    (.read2, ""),
  ])
  func `other codes say nothing about objections`(system: ClinicalCode.System, code: String) {
    #expect(ObjectionCode.decision(system: system, code: code) == nil)
  }
}

struct ObjectionDecisionTests {
  private func decision(_ decisions: (ObjectionCode.Decision, String?)...) -> ObjectionCode.Decision? {
    let dated = decisions.map { DatedObjectionDecision($0.0, on: $0.1.flatMap { CalendarDate(iso: $0) }) }
    let answers = Set([dated, dated.reversed()].map(\.inForce))
    #expect(answers.count == 1, "the order of arrival decided")
    return answers.first ?? nil
  }

  @Test func `without a decision there is none in force`() {
    #expect(decision() == nil)
  }

  @Test func `the latest date wins`() {
    #expect(decision((.dissent, "2014-01-01"), (.withdrawn, "2015-01-01")) == .withdrawn)
    #expect(decision((.withdrawn, "2014-01-01"), (.dissent, "2015-01-01")) == .dissent)
    #expect(
      decision((.dissent, "2014-01-01"), (.withdrawn, "2015-01-01"), (.dissent, "2015-01-02")) == .dissent)
  }

  @Test func `on the same date the dissent wins`() {
    #expect(decision((.dissent, "2014-01-01"), (.withdrawn, "2014-01-01")) == .dissent)
    #expect(
      decision((.withdrawn, "2014-01-01"), (.dissent, "2014-01-01"), (.withdrawn, "2014-01-01")) == .dissent)
  }

  @Test func `a dissent without a date is in force whatever else is known`() {
    #expect(decision((.dissent, nil)) == .dissent)
    #expect(decision((.dissent, nil), (.withdrawn, "2026-01-01")) == .dissent)
  }

  @Test func `a withdrawal without a date never reinstates`() {
    #expect(decision((.dissent, "2014-01-01"), (.withdrawn, nil)) == .dissent)
    #expect(decision((.dissent, nil), (.withdrawn, nil)) == .dissent)
    #expect(decision((.withdrawn, nil)) == nil)
    #expect(decision((.withdrawn, "2014-01-01"), (.withdrawn, nil)) == .withdrawn)
  }

  @Test func `every order of random decisions gives what a plain restatement of the rule gives`() {
    var seed: UInt64 = 11
    func next(_ bound: UInt64) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((seed >> 33) % bound)
    }
    for _ in 0..<2_000 {
      let dated = (0..<next(6)).map { _ in
        DatedObjectionDecision(
          next(2) == 0 ? .dissent : .withdrawn, on: next(5) == 0 ? nil : CalendarDate(day: Int32(next(3))))
      }
      let dates = dated.compactMap(\.date)
      let onLatest = dated.filter { $0.date != nil && $0.date == dates.max() }.map(\.decision)
      let undatedDissent = dated.contains { $0.date == nil && $0.decision == .dissent }
      let expected: ObjectionCode.Decision? =
        undatedDissent || onLatest.contains(.dissent) ? .dissent : onLatest.first
      #expect(dated.inForce == expected)
      #expect(dated.reversed().inForce == expected)
    }
  }
}

/// Defects found in public implementations of opt-outs (domain.md 2.2), as far as the table of codes decides them.
struct ObjectionCodeDefectTests {
  private static let systems: [ClinicalCode.System] = [.read2, .ctv3, .snomed]

  private func codes(_ decision: ObjectionCode.Decision) -> Set<ClinicalCode> {
    let written: [(ClinicalCode.System, String, ObjectionCode.Decision)] = [
      (.read2, "9Nu0.", .dissent), (.read2, "9Nu1.", .withdrawn), (.read2, "9Nu4.", .dissent),
      (.read2, "9Nu5.", .withdrawn), (.ctv3, "XaZ89", .dissent), (.ctv3, "XaZ8a", .withdrawn),
      (.ctv3, "XaaVL", .dissent), (.ctv3, "XaaVM", .withdrawn), (.snomed, "827241000000103", .dissent),
      (.snomed, "827261000000102", .withdrawn), (.snomed, "881561000000100", .dissent),
      (.snomed, "881581000000109", .withdrawn),
    ]
    return Set(written.filter { $0.2 == decision }.compactMap { try? ClinicalCode(system: $0.0, normalising: $0.1) })
  }

  @Test func `defect 1, dissent and withdrawal both mapped to opted out: no code says both`() {
    let (dissents, withdrawals) = (codes(.dissent), codes(.withdrawn))
    #expect(dissents.count == 6 && withdrawals.count == 6 && dissents.isDisjoint(with: withdrawals))
    #expect(dissents.allSatisfy { ObjectionCode.decision($0)?.decision == .dissent })
    #expect(withdrawals.allSatisfy { ObjectionCode.decision($0)?.decision == .withdrawn })
    #expect(Set(ObjectionCode.dissents) == dissents)
  }

  @Test(arguments: ObjectionCode.Kind.allCases)
  func `defect 4, withdrawal codes absent: every system can take back each type`(type: ObjectionCode.Kind) {
    for system in Self.systems {
      let withdrawals = codes(.withdrawn).filter { $0.system == system }.compactMap(ObjectionCode.decision)
      #expect(withdrawals.contains { $0 == (type, .withdrawn) })
    }
  }
}
