import Clinical
import Foundation
import Specification
import Testing

@testable import Pseudonymisation

extension AttributePolicy {
  /// The one in compose/policy.
  static let shipped = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../compose/policy/attributes.yaml").standardizedFileURL.path
    return try! AttributePolicy.load(file: file)
  }()

  static func years(_ under: YearOfBirth, _ over: YearOfBirth, attributes: Set<Attribute> = [.yearOfBirth]) -> Self {
    AttributePolicy(
      attributes: attributes, under: .init(age: 1, year: under), over: .init(age: 90, year: over),
      monthOnly: .init(daysAfterBirth: 28, admissionMethods: [], codes: CodeSet()))
  }
}

struct YearOfBirthTests {
  private func year(_ born: String, on day: String, _ policy: AttributePolicy = .shipped) -> UInt32 {
    YearOfBirth(policy, on: CalendarDate(iso: day)!).year(bornOn: CalendarDate(iso: born)!.day)
  }

  @Test(
    arguments: [
      // Over 90 from the 91st birthday on.
      ("1935-10-31", "2026-10-31", 1935), ("1934-12-31", "2026-10-31", 1935), ("1895-01-01", "2026-10-31", 1935),
      ("1935-11-01", "2026-10-31", 1935), ("1936-01-01", "2026-10-31", 1936),
      ("1935-12-31", "2026-12-31", 1936), ("1936-01-01", "2026-12-31", 1936), ("1937-01-01", "2026-12-31", 1937),
      // Under 1 until the first birthday.
      ("2025-10-31", "2026-10-31", 2025), ("2025-11-01", "2026-10-31", 2025), ("2026-01-01", "2026-10-31", 2025),
      ("2026-10-31", "2026-10-31", 2025), ("2026-01-31", "2026-01-31", 2025), ("2025-12-31", "2026-12-31", 2025),
      ("2026-01-01", "2026-12-31", 2026), ("2026-12-31", "2026-12-31", 2026),
      // Everybody else has their own.
      ("1981-10-31", "2026-10-31", 1981), ("2024-02-29", "2026-10-31", 2024), ("1969-12-31", "2026-10-31", 1969),
    ] as [(String, String, UInt32)])
  func `the youngest and the oldest share a year, others have their own`(born: String, day: String, year: UInt32) {
    #expect(self.year(born, on: day) == year)
  }

  /// With `dropped`, who is concerned is visible.
  @Test(
    arguments: [
      ("1935-10-31", "2026-10-31", true), ("1935-11-01", "2026-10-31", false),
      ("2025-10-31", "2026-10-31", false), ("2025-11-01", "2026-10-31", true),
      // Born on 29 February: a year older on 1 March.
      ("2028-02-29", "2029-02-28", true), ("2028-02-29", "2029-03-31", false), ("2028-02-28", "2029-02-28", false),
      ("1936-02-29", "2027-02-28", false), ("1936-02-29", "2027-03-31", true), ("1936-02-28", "2027-02-28", true),
      // Ages on 29 February.
      ("2027-02-28", "2028-02-29", false), ("2027-03-01", "2028-02-29", true),
      ("1937-02-28", "2028-02-29", true), ("1937-03-01", "2028-02-29", false),
    ])
  func `ages are full years, and a birthday on 29 February is on 1 March in other years`(
    born: String, day: String, isDropped: Bool
  ) {
    #expect(year(born, on: day, .years(.dropped, .dropped)) == (isDropped ? 0 : UInt32(born.prefix(4))))
  }

  @Test func `a policy may keep the year at either end`() {
    #expect(year("1910-03-01", on: "2026-10-31", .years(.common, .kept)) == 1910)
    #expect(year("2026-03-01", on: "2026-10-31", .years(.common, .kept)) == 2025)
    #expect(year("1910-03-01", on: "2026-10-31", .years(.kept, .common)) == 1935)
    #expect(year("2026-03-01", on: "2026-10-31", .years(.kept, .common)) == 2026)
  }

  /// All births of 130 years, at ends of months of every kind: nobody under 1 or over 90 has a year of their own.
  @Test func `no year tells the youngest from each other, nor the oldest`() {
    func age(_ born: CalendarDate, _ day: CalendarDate) -> Int {
      day.year - born.year - ((day.month, day.dayOfMonth) < (born.month, born.dayOfMonth) ? 1 : 0)
    }
    for month in ["2025-12", "2026-01", "2026-02", "2026-10", "2027-02", "2028-02"] {
      let day = Period(month)!.last
      let rule = YearOfBirth(.shipped, on: day)
      var (young, old): (Set<UInt32>, Set<UInt32>) = ([], [])
      var latest: UInt32 = 0
      for born in stride(from: CalendarDate(iso: "1896-01-01")!.day, through: day.day, by: 1) {
        let (date, year) = (CalendarDate(day: born), rule.year(bornOn: born))
        switch age(date, day) {
        case ..<1: young.insert(year)
        case 91...: old.insert(year)
        default: #expect(Int(year) == date.year)
        }
        #expect(year >= latest, "who is younger has no earlier year")
        latest = year
      }
      #expect(young.count == 1 && old.count == 1)
    }
  }
}
