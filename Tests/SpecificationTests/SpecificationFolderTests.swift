import Clinical
import Contracts
import Testing

@testable import Specification

@Suite struct SpecificationFolderTests {
  private let fixture = SpecificationFixture()

  static let version = """
    version: "1"
    title: A version
    effective_from: 2026-01
    schedule: {due_by_day: 14}
    exclusions: collection
    reference_sets:
      diabetes: {title: Diabetes, lists: [{file: lists/diabetes.csv}]}
    sources:
      gp:
        coverage: [snapshot, increment]
        look_back: {since: 1995-01-01}
        fields: {nhs_number: required, postcode: optional}
        entry_date: required
        collect: {sets: [diabetes]}
      hospital:
        coverage: [increment]
        look_back: {months: 24}
        fields: {nhs_number: mandatory}
        entry_date: mandatory
        collect: {systems: [icd10, admission_method]}

    """
  static let exclusions = """
    exclusions:
      hiv:
        title: HIV
        statutory: false
        lists: [{file: lists/hiv.csv, system: icd10}]
        uses: [{purpose: collection, from: 2026-01-01, until: 2026-06-01}, {purpose: collection, from: 2026-06-01}]

    """

  private func load(
    _ version: String = Self.version, exclusions: String = Self.exclusions
  ) throws -> Specifications {
    fixture.write("1.yaml", version)
    fixture.write("exclusions.yaml", exclusions)
    fixture.write("lists/diabetes.csv", "code,term,system\nC10..,Diabetes,read2\n73211009,Diabetes,snomed\n")
    fixture.write("lists/hiv.csv", "code,term\nB20,HIV\n")
    return try Specifications.load(directory: fixture.folder)
  }

  private func replacing(_ old: String, _ new: String) -> String {
    Self.version.replacingOccurrences(of: old, with: new)
  }

  @Test func `a folder is read whole`() throws {
    let specifications = try load()
    let version = try #require(specifications.versions["1"])
    #expect(version.title == "A version")
    #expect(version.exclusionPurpose == "collection")
    let gp = try #require(version.sources[.gp])
    #expect(gp.fields == [.nhsNumber: .required, .postcode: .optional])
    #expect(gp.entryDate == .required)
    #expect(gp.codes.contains(try ClinicalCode(system: .read2, normalising: "C10")))
    #expect(!gp.codes.contains(try ClinicalCode(system: .ctv3, normalising: "C10")))
    let hospital = try #require(version.sources[.hospital])
    #expect(hospital.codes.systems == [.icd10, .admissionMethod])
    #expect(hospital.lookBack.earliest(Period("2026-10")!).iso == "2024-10-01")
    #expect(specifications.exclusions.lists.map(\.name) == ["hiv"])
    #expect(specifications.titles == ["1": ["diabetes": "Diabetes"]])
    #expect(specifications.terms[try ClinicalCode(system: .icd10, normalising: "B20")] == "HIV")
  }

  @Test func `the digest is that of the file and its lists`() throws {
    let before = try #require(try load().versions["1"]).digest
    #expect(try load().versions["1"]?.digest == before)
    #expect(try load(Self.version + "# changed\n").versions["1"]?.digest != before)
    let exclusions = try load().exclusionsDigest
    _ = try load()
    fixture.write("lists/diabetes.csv", "code,term,system\nC10..,Diabetes,read2\n")
    let after = try Specifications.load(directory: fixture.folder)
    #expect(after.versions["1"]?.digest != before)
    #expect(after.exclusionsDigest == exclusions)
  }

  @Test func `the version in force for a period is the last one that took effect`() throws {
    _ = try load()
    fixture.write(
      "2a.yaml", replacing("\"1\"", "2a").replacingOccurrences(of: "from: 2026-01\n", with: "from: 2026-07\n"))
    let specifications = try Specifications.load(directory: fixture.folder)
    #expect(specifications.newest(for: Period("2025-12")!)?.version == nil)
    #expect(specifications.newest(for: Period("2026-06")!)?.version == "1")
    #expect(specifications.newest(for: Period("2026-07")!)?.version == "2a")
    #expect(specifications.inOrder.map(\.version) == ["1", "2a"])
    fixture.write("3.yaml", replacing("\"1\"", "3"))
    #expect(
      fixture.faults { _ = try Specifications.load(directory: fixture.folder) } == [
        "3.yaml: takes effect in the same month as version 1; one version is in force for a period"
      ])
  }

  @Test func `all faults of all files are named at once, with their lines`() {
    let version = """
      version: "12345"
      titel: A version
      effective_from: 2026-13
      schedule: {due_by_day: 31}
      exclusions: research
      reference_sets:
        diabetes: {title: Diabetes, lists: [{file: lists/none.csv}]}
        Unused: {title: "", lists: []}
        open: {title: Open, lists: [{file: lists/hiv.csv}, {file: lists/hiv.csv, system: icd9}, {rf2: lists/hiv.csv}]}
      sources:
        dentist: {}
        gp:
          coverage: [snapshot, snapshot, all]
          look_back: {since: 1995-02-30, months: 3}
          fields: {nhs_number: required, name: required, sex: wanted}
          collect: {sets: [diabetes, open, asthma, diabetes], systems: [icd10, dmd]}
        hospital:
          coverage: []
          look_back: {months: 0}
          fields: none
          entry_date: required
          collect: {}
      """
    let exclusions = """
      exclusions:
        hiv:
          title: HIV
          statutory: maybe
          lists: [{file: lists/bad.csv}]
          uses:
            - {purpose: collection, from: 2026-01-01}
            - {purpose: collection, from: 2026-06-01, until: 2026-01-01}
            - {purpose: collection, from: 2025-06-01, until: 2026-01-02}
            - {purpose: collection, from: 2020-06-01, until: 2021-01-02}
            - {from: 20260101}
      """
    fixture.write("lists/bad.csv", "code,system\nB2,icd10\nC10..,read2\nXaZ8,snomed\n")
    let known = "known are read2, ctv3, snomed, dmd, icd10, opcs4"
    #expect(
      fixture.faults { _ = try load(version, exclusions: exclusions) } == [
        "1.yaml, line 1: title is missing",
        "1.yaml, line 1: version: '12345' is not 1 to 4 letters or digits",
        "1.yaml, line 1: version: '12345' is not what the file is called",
        "1.yaml, line 2: 'titel' is not known; known are version, title, effective_from, schedule, reference_sets, "
          + "sources, exclusions",
        "1.yaml, line 3: effective_from: '2026-13' is not a month of the form YYYY-MM",
        "1.yaml, line 4: schedule.due_by_day: '31' is not a whole number from 1 to 28",
        "1.yaml, line 5: exclusions: no list is used for purpose 'research'; exclusions.yaml has lists for collection",
        "1.yaml, line 7: lists/none.csv cannot be read; files are looked for below \(fixture.folder)",
        "1.yaml, line 8: reference_sets.Unused is collected from no source; name it under collect: or leave it out",
        "1.yaml, line 8: reference_sets.Unused.lists is empty",
        "1.yaml, line 8: reference_sets.Unused.title is not a text",
        "1.yaml, line 8: reference_sets.Unused: 'Unused' is no name; names have lower-case letters, digits, - and _",
        "1.yaml, line 9: reference_sets.open.lists.refset is missing",
        "1.yaml, line 9: reference_sets.open.lists.system: 'icd9' is not known; \(known)",
        "1.yaml, line 11: 'dentist' is not known in sources; known are gp, hospital, community",
        "1.yaml, line 13: sources.gp.coverage: 'all' is not known; known are snapshot, increment",
        "1.yaml, line 13: sources.gp.coverage: 'snapshot' stands there twice",
        "1.yaml, line 13: sources.gp.entry_date is missing",
        "1.yaml, line 14: sources.gp.look_back has one of since and months",
        "1.yaml, line 15: 'name' is not known in sources.gp.fields; known are nhs_number, date_of_birth, sex, postcode, "
          + "ethnic_category, practice, registered_from, registered_to",
        "1.yaml, line 15: sources.gp.fields.sex: 'wanted' is not known; known are mandatory, required, optional",
        "1.yaml, line 16: sources.gp.collect.sets: 'asthma' is not known; known are diabetes, Unused, open",
        "1.yaml, line 16: sources.gp.collect.sets: 'diabetes' stands there twice",
        "1.yaml, line 16: sources.gp.collect.systems: 'dmd' is not known; known are read2, ctv3, snomed, icd10, opcs4, "
          + "admission_method, community_team, discharge_method",
        "1.yaml, line 18: sources.hospital.coverage is empty",
        "1.yaml, line 19: sources.hospital.look_back.months: '0' is not a whole number from 1 to 1200",
        "1.yaml, line 20: sources.hospital.fields is not a mapping",
        "1.yaml, line 22: sources.hospital.collect: neither sets nor systems",
        "exclusions.yaml, line 4: exclusions.hiv.statutory: 'maybe' is not known; known are true, false",
        "exclusions.yaml, line 8: exclusions.hiv.uses: until 2026-01-01 is not after from 2026-06-01",
        "exclusions.yaml, line 9: exclusions.hiv.uses: another use for 'collection' overlaps the one from 2025-06-01",
        "exclusions.yaml, line 11: exclusions.hiv.uses.from: '20260101' is not a date of the form YYYY-MM-DD",
        "exclusions.yaml, line 11: exclusions.hiv.uses.purpose is missing",
        "lists/bad.csv, line 2: 'B2' has not the length of a icd10 code",
        "lists/bad.csv, line 4: 'XaZ8' has a character that no snomed code has in that place",
        "lists/hiv.csv, line 1: the header does not say which system the codes are of; say it with system: (read2, "
          + "ctv3, snomed, dmd, icd10, opcs4)",
      ])
  }

  @Test(arguments: [
    ("title: A\ntitle: B\n", "1.yaml, line 1: 'title' stands there twice"),
    ("title: [\n", "1.yaml, line 2: no YAML: did not find expected node content"),
    ("", "1.yaml: the file is empty"),
    ("- a\n", "1.yaml, line 1: the document is not a mapping"),
  ]) func `a file that cannot be understood is a fault`(text: String, expected: String) {
    #expect(fixture.faults { _ = try load(text) } == [expected])
  }

  @Test func `a folder without versions or exclusions is a fault`() {
    #expect(
      fixture.faults { _ = try Specifications.load(directory: fixture.folder) } == [
        "\(fixture.folder): there is no version in it; a version is a file like 1.yaml",
        "exclusions.yaml: cannot be read",
      ])
    #expect(
      fixture.faults { _ = try Specifications.load(directory: fixture.folder + "/none") } == [
        "none: is not a folder that can be read"
      ])
  }

  @Test func `a version that would be overlooked is a fault`() throws {
    _ = try load()
    fixture.write(".1.yaml", "what an editor leaves")
    fixture.write("2.yml", Self.version)
    #expect(
      fixture.faults { _ = try Specifications.load(directory: fixture.folder) } == [
        "2.yml: is not read; let it end in .yaml"
      ])
  }

  @Test func `an official reference set is read where a list may stand`() throws {
    fixture.write(
      "lists/refset.txt",
      "id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId\n"
        + "m1\t20250101\t1\t999000011000000103\t999004371000000100\t63487001\n")
    let exclusions = Self.exclusions.replacingOccurrences(
      of: "{file: lists/hiv.csv, system: icd10}", with: "{rf2: lists/refset.txt, refset: \"999004371000000100\"}")
    let list = try #require(try load(exclusions: exclusions).exclusions.lists.first)
    #expect(list.codes.codes.map(\.code) == ["63487001"])
  }
}
