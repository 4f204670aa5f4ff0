import Contracts
import Foundation
import Testing

@testable import caredata

extension WholeSystem.Semantics {
  /// One person at a practice and a hospital.
  private struct PersonAtBoth {
    let practice: String
    let hospital: String
    let number: String
    var gp: TestExtract
    var care: TestExtract

    init(_ connector: Connector, _ entries: [TestExtract.Entry] = [.diabetes]) throws {
      practice = try connector.enrolled(.gp)
      hospital = try connector.enrolled(.hospital)
      number = connector.newNumber()
      gp = TestExtract(
        organisation: practice, patients: [.init(ref: "P1", nhsNumber: number, entries: entries)])
      care = TestExtract(
        source: .hospital, organisation: hospital,
        patients: [.init(ref: "H1", nhsNumber: number, entries: [.init(date: "2026-10-05", code: "E119")])])
    }

    func sources(_ connector: Connector) throws -> [Int] {
      try connector.published([practice, hospital]).records.map(\.source).sorted()
    }
  }

  @Test func `an objection after publication withdraws, and the next release is without the person`() throws {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    // 13 are published as 15, 12 as 10.
    let numbers = (1...13).map { _ in connector.newNumber() }
    try connector.submit(
      TestExtract(
        organisation: practice,
        patients: numbers.enumerated().map { .init(ref: "P\($0)", nhsNumber: $1, entries: [.diabetes]) }))
    let before = try rows(of: practice, in: connector.release().csv)
    #expect(before.contains { $0.contains("diabetes") && $0.contains(",15,") })

    try connector.object([TestObjection(nhsNumber: numbers[4])])
    let after = try rows(of: practice, in: connector.release().csv)
    #expect(after.contains { $0.contains("diabetes") && $0.contains(",10,") })
    #expect(!after.contains { $0.contains("diabetes") && $0.contains(",15,") })
    #expect(try connector.published([practice]).records.count == 12)
    let facts = try connector.count(
      """
      select count(*) from publication.record where organisation = $1 and state <> 1
        and num_nonnulls(year_of_birth, sex, practice, area, ethnic_category, registered_from, codes, days) > 0
      """, [.text(practice)])
    #expect(facts == 0)
  }

  private func rows(of practice: String, in csv: [UInt8]) -> [Substring] {
    String(decoding: csv, as: UTF8.self).split(whereSeparator: \.isNewline).filter { $0.contains(practice) }
  }

  @Test func `type 1 does not touch hospital records, type 2 does`() throws {
    let connector = try SharedSystem.connector
    let byType1 = try PersonAtBoth(connector, [.diabetes, .type1Dissent])
    let byType2Code = try PersonAtBoth(connector, [.diabetes, .type2Dissent])
    let byList = try PersonAtBoth(connector)
    let all = [byType1, byType2Code, byList]
    try connector.submit(all.map(\.care))
    try connector.submit(all.map(\.gp))
    try connector.object([TestObjection(nhsNumber: byList.number)])
    try connector.release()
    #expect(try byType1.sources(connector) == [2])
    #expect(try byType2Code.sources(connector) == [])
    #expect(try byList.sources(connector) == [])
  }

  @Test func `a type 1 objection sent as a list covers what the practice sends`() throws {
    let connector = try SharedSystem.connector
    let person = try PersonAtBoth(connector)
    try connector.submit([person.gp, person.care])
    try connector.object([TestObjection(nhsNumber: person.number, type: 1)])
    try connector.release()
    #expect(try person.sources(connector) == [2])
  }

  @Test func `a withdrawn objection lets the records of later extracts pass, not those of earlier ones`() throws {
    let connector = try SharedSystem.connector
    var person = try PersonAtBoth(connector)
    try connector.submit([person.gp, person.care])
    try connector.object([TestObjection(nhsNumber: person.number, date: "2020-06-01")])
    try connector.release()
    #expect(try person.sources(connector) == [])

    try connector.object([TestObjection(nhsNumber: person.number, decision: "withdrawn", date: "2022-06-01")])
    try connector.release()
    #expect(try person.sources(connector) == [])
    person.gp.period = "2026-11"
    try connector.submit(person.gp)
    #expect(try person.sources(connector) == [1])
  }

  @Test func `a withdrawal dated before the dissent, or the same day, changes nothing`() throws {
    let connector = try SharedSystem.connector
    let (earlier, sameDay) = (try PersonAtBoth(connector), try PersonAtBoth(connector))
    for (person, date) in [(earlier, "2019-01-01"), (sameDay, "2020-06-01")] {
      try connector.object([
        TestObjection(nhsNumber: person.number),
        TestObjection(nhsNumber: person.number, decision: "withdrawn", date: date),
      ])
    }
    try connector.submit([earlier.gp, earlier.care, sameDay.gp, sameDay.care])
    #expect(try earlier.sources(connector) == [])
    #expect(try sameDay.sources(connector) == [])
  }

  @Test func `a type 1 dissent and its later withdrawal in one extract let the record pass`() throws {
    let connector = try SharedSystem.connector
    let person = try PersonAtBoth(connector, [.diabetes, .type1Dissent, .type1Withdrawn])
    try connector.submit(person.gp)
    #expect(try person.sources(connector) == [1])
  }

  /// Fail closed: what the practice recorded before it was let in is an objection all the same.
  @Test func `a dissent in a refused extract counts`() throws {
    let connector = try SharedSystem.connector
    var person = try PersonAtBoth(connector)
    try connector.submit([person.gp, person.care])
    let refused = TestExtract(
      organisation: connector.newOrganisation(.gp),
      patients: [.init(ref: "P9", nhsNumber: person.number, entries: [.type2Dissent])])
    #expect(try connector.submit(refused).status == .refused)
    try connector.release()
    #expect(try person.sources(connector) == [])
    person.gp.period = "2026-11"
    try connector.submit(person.gp)
    #expect(try person.sources(connector) == [])
  }

  /// A designed limit: an erasure is final for what had been admitted. Who was erased because another's objection
  /// carried their number comes back with what their organisations submit from then on.
  @Test func `records erased through a wrongly assigned number come back when they are submitted again`() throws {
    let connector = try SharedSystem.connector
    var person = try PersonAtBoth(connector)
    try connector.submit([person.gp, person.care])
    let other = try connector.enrolled(.gp)
    var wrong = TestExtract(
      organisation: other,
      patients: [.init(ref: "P5", nhsNumber: person.number, born: "1939-09-09", entries: [.type2Dissent])])
    try connector.submit(wrong)
    try connector.release()
    #expect(try person.sources(connector) == [])
    wrong.patients[0].nhsNumber = connector.newNumber()
    try connector.submit(wrong)
    try connector.release()
    #expect(try person.sources(connector) == [])
    person.gp.patients[0].entries.append(.asthma)
    person.care.period = "2026-11"
    try connector.submit([person.gp, person.care])
    #expect(try person.sources(connector) == [1, 2])
  }
}
