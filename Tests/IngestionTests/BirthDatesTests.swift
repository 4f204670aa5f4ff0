import Clinical
import Contracts
import Specification
import Testing

@testable import Ingestion

struct BirthDatesTests {
  private static func day(_ iso: String) -> Int32 { CalendarDate(iso: iso)!.day }

  private func day(_ iso: String) -> Int32 { Self.day(iso) }

  private func validate(
    _ entries: [Entry], born: String = "2026-01-05", _ specification: SourceSpecification = TestRecord.specification(),
    excluding exclusions: ExclusionRules = ExclusionRules(lists: []),
    _ change: (inout PatientRecord) -> Void = { _ in }
  ) -> ValidatedRecord {
    let record = TestRecord.gp {
      $0.dateOfBirth = born
      $0.registeredFrom = "2026-03-01"
      $0.entries = entries
      change(&$0)
    }
    return TestRecord.validate(record, specification, excluding: exclusions)
  }

  private func entry(
    _ code: String, _ system: CodeSystem, _ day: String?, end: String? = nil, encounter: UInt32 = 0
  ) -> Entry {
    var entry = TestRecord.entry(system, code, day: day.map { Self.day($0) }, encounter: encounter)
    if let end { entry.endDay = Self.day(end) }
    return entry
  }

  private func entry(_ day: String?, encounter: UInt32 = 0) -> Entry {
    entry("C10..", .read2, day, encounter: encounter)
  }

  /// Day, end and flag of each entry, as they travel.
  private func dates(_ record: ValidatedRecord) -> [String] {
    record.clinical.entries.map { entry in
      let text = entry.hasDay ? CalendarDate(day: entry.day).iso : "undated"
      let end = entry.hasEndDay ? " to \(CalendarDate(day: entry.endDay).iso)" : ""
      return text + end + (entry.monthOnly ? ", month only" : "")
    }
  }

  // MARK: After birth

  @Test(
    arguments: [
      ("2026-01-05", "2026-01-01, month only"), ("2026-01-31", "2026-01-01, month only"),
      ("2026-02-01", "2026-02-01, month only"),  // the 27th day after birth
      ("2026-02-02", "2026-02-01, month only"), ("2026-02-03", "2026-02-03"), ("2026-10-31", "2026-10-31"),
    ])
  func `an entry up to 28 days after birth carries its month only, a later one its day`(day: String, expected: String) {
    #expect(dates(validate([entry(day)])) == [expected])
  }

  @Test(arguments: [("2024-02-29", "2024-03-28", "2024-03-01, month only"), ("2024-02-29", "2024-03-29", "2024-03-29")])
  func `the days after a birth on 29 February are counted like all others`(born: String, day: String, expected: String)
  {
    #expect(dates(validate([entry(day)], born: born)) == [expected])
  }

  @Test func `the end of such an entry carries its month only, however late it is`() {
    let result = validate([
      entry("21", .admissionMethod, "2026-01-20", end: "2026-03-17", encounter: 1),
      entry("J459", .icd10, "2026-02-10", encounter: 1),
    ])
    #expect(dates(result) == ["2026-01-01 to 2026-03-01, month only", "2026-02-10"])
  }

  @Test func `what is no entry but dated, the registration, is coarse as well`() {
    let newborn = validate([]) {
      $0.registeredFrom = "2026-01-05"
      $0.registeredTo = "2026-02-02"
    }
    #expect(newborn.clinical.registeredFrom == day("2026-01-01") && newborn.clinical.registeredTo == day("2026-02-01"))
    let later = validate([]) { $0.registeredFrom = "2026-02-03" }
    #expect(later.clinical.registeredFrom == day("2026-02-03") && later.notes.isEmpty)
  }

  @Test func `an undated entry stays undated`() {
    #expect(dates(validate([entry(nil), entry("Z380", .icd10, nil)])) == ["undated", "undated"])
  }

  // MARK: Birth episodes

  @Test(
    arguments: [
      ("82", CodeSystem.admissionMethod), ("83", .admissionMethod), ("2C", .admissionMethod), ("Z38.0", .icd10),
      ("P073", .icd10), ("P00", .icd10), ("P96.8", .icd10),
    ])
  func `with a code of birth every entry of the encounter carries its month only`(code: String, system: CodeSystem) {
    // Somebody who is 75: nothing here is close to the day of birth.
    let result = validate(
      [
        entry("Q210", .icd10, "2026-05-17", encounter: 4),
        entry(code, system, "2026-05-16", end: "2026-06-20", encounter: 4),
        entry("Q210", .icd10, "2026-05-18", encounter: 5), entry("2026-05-19"),
      ], born: "1950-06-01")
    #expect(
      dates(result) == [
        "2026-05-01, month only", "2026-05-01 to 2026-06-01, month only", "2026-05-18", "2026-05-19",
      ])
  }

  @Test(arguments: [("21", CodeSystem.admissionMethod), ("31", .admissionMethod), ("O800", .icd10), ("Z370", .icd10)])
  func `an encounter of another kind keeps its days, also one of delivery`(code: String, system: CodeSystem) {
    #expect(dates(validate([entry(code, system, "2026-05-16", encounter: 4)])) == ["2026-05-16"])
  }

  @Test(arguments: ["", "2026-13-01", "2027-01-01", "1890-01-01"])
  func `without a date of birth that can be believed, birth episodes are coarse all the same`(born: String) {
    let result = validate(
      [entry("Z380", .icd10, "2026-05-16", encounter: 1), entry("2026-05-17", encounter: 1), entry("2026-05-18")],
      born: born)
    #expect(dates(result) == ["2026-05-01, month only", "2026-05-01, month only", "2026-05-18"])
  }

  @Test func `a code of birth outside any encounter says it of its own entry`() {
    #expect(
      dates(validate([entry("Z380", .icd10, "2026-05-16"), entry("2026-05-16")])) == [
        "2026-05-01, month only", "2026-05-16",
      ])
  }

  @Test func `a birth episode is one although its code is not collected, not written as HES does, or out of time`() {
    let onlyDiabetes = CollectedCodes(
      systems: [], referenceSets: ["diabetes": CodeSet([try! ClinicalCode(system: .read2, normalising: "C10..")])])
    for (sign, specification) in [
      (entry("Z380", .icd10, "2026-05-16", encounter: 7), TestRecord.specification(codes: onlyDiabetes)),
      (entry("82", .admissionMethod, "2026-05-16", encounter: 7), TestRecord.specification(codes: onlyDiabetes)),
      (entry("2c", .admissionMethod, "2026-05-16", encounter: 7), TestRecord.specification()),
      (entry("82", .admissionMethod, "1990-05-16", encounter: 7), TestRecord.specification()),
      (entry("82", .admissionMethod, "2026-12-16", encounter: 7), TestRecord.specification()),
      (entry("82", .admissionMethod, nil, encounter: 7), TestRecord.specification(entryDate: .mandatory)),
    ] {
      let result = validate([entry("2026-05-17", encounter: 7), sign], born: "1950-06-01", specification)
      #expect(dates(result) == ["2026-05-01, month only"], "\(sign.code)")
    }
  }

  @Test func `an encounter that could be an identifier ties the entries of a birth and does not travel`() {
    let result = validate(
      [entry("2026-05-17", encounter: 4_000_000_004), entry("Z380", .icd10, "2026-05-16", encounter: 4_000_000_004)],
      born: "1950-06-01")
    #expect(dates(result) == ["2026-05-01, month only", "2026-05-01, month only"])
    #expect(result.clinical.entries.map(\.encounter) == [0, 0])
  }

  // MARK: Beside everything else

  @Test func `a date is judged as it came`() {
    let result = validate([
      entry("2026-01-04"), entry("2026-01-05"),  // the first of the month lies before birth, this day does not
      entry("21", .admissionMethod, "2026-01-20", end: "2026-01-19"),
      entry("21", .admissionMethod, "2026-01-20", end: "2026-01-21"),
    ])
    #expect(result.notes == [Note(.entryEndDateInvalid), Note(.entryBeforeBirth)])
    #expect(
      dates(result) == [
        "2026-01-01, month only", "2026-01-01, month only", "2026-01-01 to 2026-01-01, month only",
      ])
    let since = TestRecord.specification(lookBack: .since(CalendarDate(iso: "2026-01-10")!))
    let judged = validate([entry("2026-01-09"), entry("2026-01-10")], since)
    #expect(judged.notes == [Note(.entryBeforeLookBack)] && dates(judged) == ["2026-01-01, month only"])
  }

  @Test func `a record without identity is coarse as any other`() {
    let restricted = ExclusionRules(lists: [
      .init(
        name: "test", title: "", isStatutory: true,
        codes: CodeSet([try! ClinicalCode(system: .read2, normalising: "8C8..")]), uses: [])
    ])
    let result = validate([entry("8C8..", .read2, "2026-01-09"), entry("2026-01-09")], excluding: restricted)
    #expect(result.isDeidentified && !result.identity.hasBirthDay && dates(result) == ["2026-01-01, month only"])
  }

  @Test func `a date of birth that is not collected protects all the same`() {
    var fields = TestRecord.fields
    fields[.dateOfBirth] = nil
    let result = validate([entry("2026-01-09"), entry("2026-01-01")], TestRecord.specification(onlyFields: fields))
    #expect(!result.identity.hasBirthDay)
    #expect(dates(result) == ["2026-01-01, month only", "2026-01-01, month only"])
  }

  /// Sent by a connector that coarsens at the practice.
  @Test func `a month is taken as one, and lies before a day only where all of it does`() {
    func month(_ day: String?) -> Entry {
      var entry = entry(day)
      entry.monthOnly = true
      return entry
    }
    let result = validate(
      [month("2026-01-01"), month("2025-12-31"), month("2026-09-17"), month(nil), month("2026-11-01")])
    #expect(dates(result) == ["2026-01-01, month only", "2026-09-01, month only", "undated"])
    #expect(result.notes == [Note(.entryWithoutDate), Note(.entryBeforeBirth), Note(.entryAfterPeriod)])
  }

  @Test func `no day is so far away that it cannot be judged`() {
    for day in [Int32.min, .min + 30, -719_162, -1, 0, .max - 30, .max] {
      for isMonthOnly in [false, true] {
        for born in ["", "1895-01-01", "2026-10-31"] {
          var hostile = TestRecord.entry(.icd10, "Z380", day: day, encounter: 1)
          hostile.endDay = .max
          hostile.monthOnly = isMonthOnly
          #expect(validate([hostile], born: born).clinical.entries.isEmpty)
        }
      }
    }
  }

  @Test func `another day of the same month is no other content, another month is`() throws {
    let reading = try TestReading()
    func digest(_ day: String) throws -> [Token] {
      var intake = Intake()
      let record = TestRecord.gp {
        $0.dateOfBirth = "2026-01-05"
        $0.registeredFrom = ""
        $0.entries = [entry(day)]
      }
      #expect(try reading.take(record, &intake) == nil)
      return intake.records.values.flatMap(\.self).map { Token(bytes: $0.contentDigest.bytes) }
    }
    #expect(try digest("2026-01-09").count == 1)
    #expect(try digest("2026-01-09") == digest("2026-01-10"))
    #expect(try digest("2026-01-09") != digest("2026-02-01"))
    #expect(try digest("2026-03-09") != digest("2026-03-10"))
  }

  private struct Token: Equatable { let bytes: [UInt8] }

  /// Two thousand records of random entries: what travels tells the month of a protected day and nothing more.
  @Test func `no protected day is in what travels, and every other is`() {
    var generator = SeededGenerator(seed: 31)
    for _ in 0..<2_000 {
      let born = day("2025-11-20") + Int32.random(in: 0...60, using: &generator)
      let entries = (0..<Int.random(in: 1...8, using: &generator)).map { place -> Entry in
        let isSign = Int.random(in: 0...5, using: &generator) == 0
        return TestRecord.entry(
          .icd10, isSign ? "Z380" : "Q21\(place)", day: born + Int32.random(in: 0...80, using: &generator),
          encounter: UInt32.random(in: 0...3, using: &generator))
      }
      let signs = Set(entries.filter { $0.code == "Z380" }.map(\.encounter)).subtracting([0])
      let result = validate(entries, born: CalendarDate(day: born).iso)
      #expect(result.clinical.entries.count == entries.count)
      for (sent, kept) in zip(entries, result.clinical.entries) {
        let isProtected = sent.day - born <= 28 || sent.code == "Z380" || signs.contains(sent.encounter)
        #expect(kept.monthOnly == isProtected)
        #expect(kept.day == (isProtected ? CalendarDate(day: sent.day).firstOfMonth.day : sent.day))
      }
    }
  }
}
