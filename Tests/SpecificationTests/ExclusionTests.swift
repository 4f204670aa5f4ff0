import Clinical
import Specification
import Testing

@Suite struct ExclusionTests {
  private let day = CalendarDate(year: 2026, month: 3, day: 1)!

  private func code(_ system: ClinicalCode.System, _ text: String) throws -> ClinicalCode {
    try ClinicalCode(system: system, normalising: text)
  }

  @Test("a list counts for its purpose from its first day until the day it ends")
  func datedAndPerPurpose() throws {
    let end = CalendarDate(year: 2026, month: 4, day: 1)!
    let use = ExclusionLists.Use(purpose: "commissioning", from: day, until: end)
    #expect(use.isInForce(for: "commissioning", on: day))
    #expect(!use.isInForce(for: "collection", on: day))
    #expect(!use.isInForce(for: "commissioning", on: CalendarDate(day: day.day - 1)))
    #expect(use.isInForce(for: "commissioning", on: CalendarDate(day: end.day - 1)))
    #expect(!use.isInForce(for: "commissioning", on: end))
  }

  @Test("a code on a statutory list is statutory, whatever else names it")
  func statutoryWins() throws {
    let hiv = try code(.icd10, "B20")
    let use = ExclusionLists.Use(purpose: "collection", from: day, until: nil)
    let lists = ExclusionLists(lists: [
      .init(name: "a", title: "", isStatutory: false, codes: CodeSet([hiv]), uses: [use]),
      .init(name: "b", title: "", isStatutory: true, codes: CodeSet([hiv]), uses: [use]),
    ])
    #expect(lists.rules(for: "collection", on: day).verdict(try code(.icd10, "B20.4")) == .statutory)
    #expect(lists.rules(for: "commissioning", on: day).verdict(hiv) == nil)
    #expect(lists.rules(for: "collection", on: day).names == ["a", "b"])
  }
}
