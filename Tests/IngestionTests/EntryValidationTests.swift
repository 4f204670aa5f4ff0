import Clinical
import Contracts
import Specification
import Testing

@testable import Ingestion

struct EntryValidationTests {
  private func validate(
    _ entries: [Entry], _ specification: SourceSpecification = TestRecord.specification(),
    excluding exclusions: ExclusionRules = ExclusionRules(lists: [])
  ) -> ValidatedRecord {
    TestRecord.validate(TestRecord.gp { $0.entries = entries }, specification, excluding: exclusions)
  }

  private func entry(_ system: CodeSystem, _ code: String, day: Int32? = 20_000, encounter: UInt32 = 0) -> Entry {
    TestRecord.entry(system, code, day: day, encounter: encounter)
  }

  private func code(_ system: ClinicalCode.System, _ text: String) -> ClinicalCode {
    try! ClinicalCode(system: system, category: text)
  }

  private func rules(_ codes: [ClinicalCode], statutory: Bool = false) -> ExclusionRules {
    ExclusionRules(lists: [
      .init(name: "test", title: "", isStatutory: statutory, codes: CodeSet(codes), uses: [])
    ])
  }

  // MARK: Codes

  @Test(
    arguments: [
      (CodeSystem.read2, "9Ndt", "9Ndt."), (.read2, "C10F.00", "C10F."), (.ctv3, "XaZ8A", "XaZ8A"),
      (.icd10, "e11.9", "E119"), (.icd10, "R02X", "R02"), (.icd10, "E119D", "E119"), (.icd10, "M45X9", "M45X9"),
      (.opcs4, "W23.2", "W232"), (.snomed, "44054006", "44054006"),
    ])
  func `a code is brought into the one form of its system`(system: CodeSystem, sent: String, kept: String) {
    #expect(validate([entry(system, sent)]).clinical.entries.map(\.code) == [kept])
  }

  @Test(
    arguments: [
      (CodeSystem.read2, "C10F.0"), (.read2, ""), (.read2, ".C10"), (.ctv3, "X40J5X"), (.snomed, "44054007"),
      (.snomed, "181114011"), (.icd10, "A690)%"), (.icd10, "11E9"), (.opcs4, "W23"),
      (.icd10, "9990000018"), (.opcs4, "LS14AP"),
    ])
  func `what is no code of its system is left out and counted`(system: CodeSystem, sent: String) {
    let result = validate([entry(system, sent), entry(.read2, "C10..")])
    #expect(result.clinical.entries.map(\.code) == ["C10.."])
    #expect(result.notes == [Note(.entryCodeInvalid)])
  }

  @Test(arguments: ["", "9990000018", "LS14AP", "LS1 4AP", "2a", "2Ä"])
  func `text that is no code of an admission or a team does not travel`(code: String) {
    let result = validate([
      entry(.admissionMethod, code), entry(.communityTeam, code), entry(.admissionMethod, "2A"),
      entry(.communityTeam, "15"),
    ])
    #expect(result.notes == [Note(.entryCodeInvalid, count: 2)])
    #expect(result.clinical.entries.map(\.code) == ["2A", "15"])
  }

  @Test func `an admission method that HES does not list is none`() {
    #expect(validate([entry(.admissionMethod, "77")]).notes == [Note(.entryCodeInvalid)])
  }

  @Test func `what the reference sets do not hold is left out and counted`() {
    let codes = CollectedCodes(
      systems: [.communityTeam],
      referenceSets: ["diabetes": CodeSet([code(.read2, "C10.."), code(.icd10, "E11")])])
    let result = validate(
      [
        entry(.read2, "C10.."), entry(.read2, "C10E."), entry(.ctv3, "C10.."), entry(.icd10, "E119"),
        entry(.icd10, "E109"), entry(.communityTeam, "15"), entry(.admissionMethod, "21"),
      ], TestRecord.specification(codes: codes))
    #expect(result.clinical.entries.map(\.code) == ["C10..", "E119", "15"])
    #expect(result.notes == [Note(.entryOutsideReferenceSets, count: 3), Note(.entrySystemNotCollected)])
  }

  @Test func `a code system nobody knows is reported, for a dissent could hide in it`() {
    for system in [CodeSystem.unspecified, .UNRECOGNIZED(42)] {
      let result = validate([entry(.read2, "C10.."), entry(system, "9Nu0.")])
      #expect(result.hasUnknownCodeSystem && result.clinical.entries.count == 1)
      let record = TestRecord.gp { $0.entries = [entry(system, "9Nu0."), entry(.read2, "9Nu0.")] }
      #expect(RecordValidation.decisions(record).hasUnknownCodeSystem)
      #expect(RecordValidation.decisions(record).decisions.count == 1)
    }
  }

  // MARK: Dates

  private static func day(_ iso: String) -> Int32 { CalendarDate(iso: iso)!.day }

  @Test(
    arguments: [
      ("1950-05-31", .entryBeforeBirth), ("1950-06-01", .entryBeforeLookBack), ("1994-12-31", .entryBeforeLookBack),
      ("1995-01-01", nil), ("2026-10-31", nil), ("2026-11-01", .entryAfterPeriod),
    ] as [(String, Reason?)])
  func `dates are judged against birth, look-back window and period`(date: String, reason: Reason?) {
    let result = validate([entry(.read2, "C10..", day: Self.day(date))])
    #expect(result.notes == (reason.map { [Note($0)] } ?? []))
    #expect(result.clinical.entries.isEmpty == (reason != nil))
  }

  @Test func `a look-back window in months begins with the month so long before the period`() {
    let specification = TestRecord.specification(lookBack: .months(4))
    let result = validate(
      [entry(.read2, "C10..", day: Self.day("2026-05-31")), entry(.read2, "C10..", day: Self.day("2026-06-01"))],
      specification)
    #expect(result.clinical.entries.map(\.day) == [Self.day("2026-06-01")])
  }

  @Test func `an entry without date is left out, counted or taken, by its severity`() {
    let undated = [entry(.read2, "C10..", day: nil)]
    let mandatory = validate(undated, TestRecord.specification(entryDate: .mandatory))
    #expect(mandatory.clinical.entries.isEmpty && mandatory.notes == [Note(.entryDateMissing)])
    let required = validate(undated)
    #expect(required.clinical.entries.count == 1 && required.notes == [Note(.entryWithoutDate)])
    #expect(validate(undated, TestRecord.specification(entryDate: .optional)).notes.isEmpty)
  }

  @Test(arguments: [(19_999, false), (20_000, true), (20_757, true), (20_758, false)] as [(Int32, Bool)])
  func `an end before the start or after the period is dropped`(end: Int32, isKept: Bool) {
    var admission = entry(.admissionMethod, "21")
    admission.endDay = end
    let result = validate([admission])
    #expect(result.clinical.entries.first?.hasEndDay == isKept)
    #expect(result.notes.isEmpty == isKept)
  }

  // MARK: Values

  @Test(arguments: [
    (120.5, true), (-5, true), (9_999_999, true), (9_990_000_018, false), (.infinity, false), (.nan, false),
  ])
  func `a value that could be an identifier does not travel`(value: Double, isKept: Bool) {
    var measured = entry(.read2, "2469.")
    measured.value = value
    measured.unit = "mmHg"
    let result = validate([measured])
    #expect(result.clinical.entries.first?.hasValue == isKept)
    #expect(result.clinical.entries.first?.unit == (isKept ? "mmHg" : ""))
  }

  @Test func `a unit outside the closed list does not travel`() {
    let sent = ["mmHg", "9990000018"].map { unit in
      var measured = entry(.read2, "2469.")
      measured.value = 120
      measured.unit = unit
      return measured
    }
    let result = validate(sent)
    #expect(result.clinical.entries.map(\.unit) == ["mmHg", ""] && result.notes == [Note(.entryUnitNotListed)])
  }

  @Test func `an encounter that could be an identifier does not travel, and still ties entries`() {
    let result = validate([entry(.read2, "C10..", encounter: 4_000_000_004), entry(.read2, "H33..", encounter: 7)])
    #expect(result.clinical.entries.map(\.encounter) == [0, 7] && result.notes == [Note(.entryEncounterInvalid)])
    let tied = validate(
      [entry(.read2, "C10..", encounter: 4_000_000_004), entry(.read2, "43C3.", encounter: 4_000_000_004)],
      excluding: rules([code(.read2, "43C3.")]))
    #expect(tied.clinical.entries.isEmpty && tied.excludedEntries == 2)
  }

  // MARK: Sensitive codes

  @Test func `a sensitive code goes, and everything of its encounter with it`() {
    let result = validate(
      [
        entry(.read2, "C10..", encounter: 1), entry(.read2, "43C3.11", encounter: 2),
        entry(.snomed, "44054006", encounter: 2), entry(.read2, "H33.."), entry(.read2, "43C3."),
      ], excluding: rules([code(.read2, "43C3.")]))
    #expect(result.clinical.entries.map(\.code) == ["C10..", "H33.."])
    #expect(result.excludedEntries == 3 && !result.isDeidentified && result.notes.isEmpty)
    #expect(result.identity.nhsNumber == "9990000018")
  }

  @Test func `a category excludes what lies beneath it, another system's code of the same letters it does not`() {
    let rules = rules([code(.icd10, "B20"), code(.read2, "43C3.")])
    let result = validate([entry(.icd10, "B20.4"), entry(.icd10, "B25"), entry(.ctv3, "43C3.")], excluding: rules)
    #expect(result.clinical.entries.map(\.code) == ["B25", "43C3."])
  }

  @Test func `a restricted encounter is restricted although its sensitive code is not collected at all`() {
    let codes = CollectedCodes(systems: [], referenceSets: ["diabetes": CodeSet([code(.read2, "C10..")])])
    let result = validate(
      [entry(.read2, "43C3.", encounter: 3), entry(.read2, "C10..", encounter: 3)],
      TestRecord.specification(codes: codes), excluding: rules([code(.read2, "43C3.")]))
    #expect(result.clinical.entries.isEmpty && result.excludedEntries == 2)
  }

  @Test func `a code that the law restricts empties the identity, after route and objections are known`() {
    let result = validate(
      [entry(.read2, "8C8..", encounter: 1), entry(.read2, "C10.."), entry(.read2, "9Nu0.", day: 19_500)],
      excluding: rules([code(.read2, "8C8..")], statutory: true))
    #expect(result.isDeidentified && result.identity == IdentitySection())
    #expect(!result.clinical.hasRegisteredFrom)
    #expect(result.nhsNumber == "9990000018", "the route stays, so that objections reach the record")
    #expect(result.decisions == [Decision(type: .objectionType1, decision: .dissent, day: 19_500)])
    #expect(result.clinical.entries.map(\.code) == ["C10.."] && result.excludedEntries == 1)
  }

  // MARK: Objections

  @Test(arguments: [(CodeSystem.read2, "9Nu0."), (.read2, "9Nu0"), (.ctv3, "XaZ89"), (.snomed, "827241000000103")])
  func `a Type 1 dissent is taken out of the entries of every code system`(system: CodeSystem, code: String) {
    let result = validate([entry(.read2, "C10.."), entry(system, code, day: 19_500)])
    #expect(result.decisions == [Decision(type: .objectionType1, decision: .dissent, day: 19_500)])
    #expect(result.clinical.entries.map(\.code) == ["C10.."] && result.notes == [Note(.objectionCode)])
  }

  @Test func `XaZ8a withdraws, XaZ8A is another code`() {
    #expect(validate([entry(.ctv3, "XaZ8a")]).decisions.map(\.decision) == [.withdrawn])
    #expect(validate([entry(.ctv3, "XaZ8A")]).decisions.isEmpty)
  }

  @Test func `of several decisions of a type the latest counts, and each type by itself`() {
    let result = validate([
      entry(.read2, "9Nu1.", day: 19_600), entry(.read2, "9Nu0.", day: 19_500),
      entry(.read2, "9Nu4.", day: 19_700), entry(.read2, "9Nu5.", day: 19_700),
    ])
    #expect(
      result.decisions == [
        Decision(type: .objectionType1, decision: .withdrawn, day: 19_600),
        Decision(type: .objectionType2, decision: .dissent, day: 19_700),
      ])
    #expect(result.clinical.entries.isEmpty)
  }

  @Test func `a dissent is read whatever else the specification would do with the entry`() {
    let codes = CollectedCodes(systems: [], referenceSets: [:])
    let record = TestRecord.gp {
      $0.patientRef = ""
      $0.entries = [entry(.read2, "9Nu0.", day: nil), entry(.read2, "9Nu4.", day: 30_000)]
    }
    let result = TestRecord.validate(record, TestRecord.specification(entryDate: .mandatory, codes: codes))
    #expect(result.rejection == .patientRefMissing && result.decisions.count == 2)
  }

  @Test func `entries received are admitted, left out, excluded, or acted on`() {
    let entries = [
      entry(.read2, "C10.."), entry(.read2, "?"), entry(.read2, "43C3.", encounter: 1),
      entry(.read2, "H33..", encounter: 1), entry(.read2, "9Nu0."), entry(.read2, "G20..", day: 30_000),
    ]
    let result = validate(entries, excluding: rules([code(.read2, "43C3.")]))
    let left = result.notes.filter(\.reason.isOfLeftOutEntries).reduce(0) { $0 + Int($1.count) }
    #expect(result.clinical.entries.count + left + Int(result.excludedEntries) == entries.count)
  }
}
