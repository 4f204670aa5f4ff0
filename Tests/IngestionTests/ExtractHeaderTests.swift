import Clinical
import Contracts
import Specification
import Testing

@testable import Ingestion

struct ExtractHeaderTests {
  @Test(arguments: ["A81001-gp-2026-10-1795387100418622-1a5507ed", "scale_10000", "e1", "1234567890", "A:b.c_d-9"])
  func `what names an extract is an id`(text: String) { #expect(ExtractHeader.isExtractID(text)) }

  @Test(
    arguments: [
      "", "9434765919", "RXA-9434765919-x", "RXA-943-476-5919", "943.476.5919", "x943_476_5919", "a b", "ä", "a/b",
      String(repeating: "x", count: 101),
    ])
  func `what is none, or is written as an NHS number, is no id`(text: String) {
    #expect(!ExtractHeader.isExtractID(text))
  }

  @Test func `names of counts are names, everything else is counted together`() {
    let counts: [String: UInt32] = [
      "Condition.note": 1, "value_not_numeric": 2, "943 476 5919": 4, "1950-04-03": 8, "LS1 4AB": 16, "icd-10": 32,
    ]
    let named = ManifestHandling.named(counts)
    #expect(named == ["Condition.note": 1, "value_not_numeric": 2, "icd-10": 32, "other": 28])
  }

  @Test func `a clock that stands still does not switch the exclusions off, one that is ahead is refused`() throws {
    let hiv = try ClinicalCode(system: .icd10, category: "B20")
    let use = ExclusionLists.Use(purpose: "collection", from: CalendarDate(iso: "2014-01-01")!, until: nil)
    let exclusions = ExclusionLists(lists: [
      .init(name: "hiv", title: "", isStatutory: false, codes: CodeSet([hiv]), uses: [use])
    ])
    let specification = ExtractSpecification(
      version: "1", title: "", effectiveFrom: Period("2026-01")!, schedule: .init(dueByDay: 14),
      sources: [.gp: TestRecord.specification()], exclusionPurpose: "collection", digest: "")
    let book = ExtractRuleBook(["1": specification], exclusions, monthOnly: TestRecord.monthOnly)
    func opening(_ submittedAt: Int64) -> ExtractStore.Opening {
      .init(
        extractID: "e1", organisation: "A81001", source: .gp, period: "2026-10", submittedAt: submittedAt,
        specification: "1")
    }
    let rules = try #require(book.rules(opening(0)))
    guard case .excluded = rules.codes.verdict(hiv).decision else {
      Issue.record("nothing is excluded")
      return
    }
    #expect(book.reasonToRefuse(opening(4_000_000_000_000_000)) == "submitted_in_future")
  }
}
