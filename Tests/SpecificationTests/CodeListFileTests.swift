import Clinical
import Testing

@testable import Specification

@Suite struct CodeListFileTests {
  private let fixture = SpecificationFixture()

  private func codes(
    _ text: String, _ system: ClinicalCode.System? = nil, column: String? = nil
  ) throws -> [String] {
    try CodeListFile.csv(file: fixture.write("list.csv", text), system: system, column: column).codes.codes.inOrder
      .map(\.description)
  }

  private func faults(
    _ text: String, _ system: ClinicalCode.System? = nil, column: String? = nil
  ) -> [String] {
    fixture.faults { _ = try codes(text, system, column: column) }
  }

  @Test(
    arguments: [
      ("code,term,system\nC10..,Diabetes,read2\nC10..,Diabetes,ctv3\n", nil, ["read2 C10..", "ctv3 C10.."]),
      (
        "CTV3ID,CTV3PreferredTermDesc,CTV3Source\n1434,H/O,QOF\nX70M6,\"a, b\",QOF\n", nil,
        ["ctv3 1434.", "ctv3 X70M6"]
      ),
      ("CTV3ID,readterm/CTV3PreferredTermDesc,CTV3Source\nXE0X2,a,b\n", nil, ["ctv3 XE0X2"]),
      ("CTV3Code,Description\r\nE3...,a\r\n", nil, ["ctv3 E3..."]),
      ("code,term\n315051004,a\n", .snomed, ["snomed 315051004"]),
      ("type,id,bnf_code,nm\namp,3408611000001107,03,a\n", nil, ["snomed 3408611000001107"]),
      (
        "code,term,dmd_id,dmd_type,bnf_code\n11711711000001107,a,11711711000001107,VMP,04\n", nil,
        ["snomed 11711711000001107"]
      ),
      ("Disease,Readcode,Medcode,ReadcodeDescr,Category\nHIV,43C3.11,2835.0,a,b\n", nil, ["read2 43C3."]),
      ("Disease,ICD10code,ICD10codeDescr,Category\nHIV,F02.4,a,b\n", nil, ["icd10 F024"]),
      (
        "\u{FEFF}code,system\nQ14,opcs4\nE86X,icd10\n315051004,dmd\n", nil,
        ["snomed 315051004", "icd10 E86", "opcs4 Q14"]
      ),
    ] as [(String, ClinicalCode.System?, [String])])
  func `a list is recognised by its header`(text: String, system: ClinicalCode.System?, expected: [String]) throws {
    #expect(try codes(text, system) == expected)
  }

  @Test func `what the header leaves open is said`() throws {
    #expect(try codes("code,term\nC10..,a\n", .read2) == ["read2 C10.."])
    #expect(try codes("Readcode,term\nXaZ89,a\n", .ctv3) == ["ctv3 XaZ89"])
    #expect(try codes("own,term\nC10..,a\n", .read2, column: "own") == ["read2 C10.."])
    #expect(try codes("CTV3ID,Readcode\nXaZ89,9Nu0.00\n", column: "CTV3ID") == ["ctv3 XaZ89"])
    #expect(try codes("CTV3ID,Readcode\nXaZ89,9Nu0.00\n", .read2) == ["read2 9Nu0."])
  }

  @Test(
    arguments: [
      (
        "code,term\nC10..,a\n", nil, nil,
        "the header does not say which system the codes are of; say it with system: (read2, ctv3, snomed, dmd, icd10, opcs4)"
      ),
      (
        "CTV3ID,a\nC10..,a\n", .snomed, nil,
        "the column 'CTV3ID' holds ctv3 codes, but snomed is declared; leave out system:"
      ),
      ("CTV3ID,Readcode\nC10..,C10..\n", nil, nil, "'CTV3ID' and 'Readcode' hold codes; say which with column:"),
      (
        "code,CTV3ID\n44054006,C10..\n", nil, nil,
        "'code' and 'CTV3ID' both hold codes; say which with column: and, for 'code', its system:"
      ),
      (
        "a,b\n1,2\n", nil, nil,
        "no column is known to hold codes; call it code, with a column system or system: in the specification, or name it with column:"
      ),
      ("a,b\n1,2\n", .read2, "c", "there is no column 'c'; the columns are a, b"),
    ] as [(String, ClinicalCode.System?, String?, String)])
  func `an ambiguous header is a fault`(
    text: String, system: ClinicalCode.System?, column: String?, expected: String
  ) {
    #expect(faults(text, system, column: column) == ["list.csv, line 1: \(expected)"])
  }

  @Test func `all entries that cannot match are named at once, with their lines`() {
    let text = """
      code,term,system
      A690)%,wildcard,icd10
      "C10..","a term
      on two lines",read2
      1.13E+17,rounded,snomed
      827241000000104,check digit,snomed
      827241000000000000,rounded,snomed
      291361018,description,snomed
      9Ndt00x,term code,read2
      ,empty,read2
      C10..,unknown,read3
      C10..,too,many,read2
      C10..,no system,
      .136.,leading dot,read2
      C10..00,term code,ctv3
      """
    let rounded = "a spreadsheet has rounded it: format the column as text"
    #expect(
      faults(text) == [
        "list.csv, line 2: 'A690)%' has a character that no icd10 code has in that place; there are no wildcards: an "
          + "ICD-10 or OPCS-4 category covers what is beneath it, other codes do not",
        "list.csv, line 5: '1.13E+17' has a character that no snomed code has in that place; \(rounded)",
        "list.csv, line 6: '827241000000104' has a wrong check digit",
        "list.csv, line 7: '827241000000000000' has a wrong check digit; \(rounded)",
        "list.csv, line 8: '291361018' identifies a description or a relationship, not a concept",
        "list.csv, line 9: '9Ndt00x' has not the length of a read2 code; a Read v2 code has 5 characters, or 7 with its "
          + "term code",
        "list.csv, line 10: the code is missing",
        "list.csv, line 11: 'read3' is no code system; use read2, ctv3, snomed, dmd, icd10, opcs4",
        "list.csv, line 12: 4 values where the header has 3; a term with a comma stands in quotes",
        "list.csv, line 13: the code system is missing",
        "list.csv, line 14: '.136.' has a character that no read2 code has in that place",
        "list.csv, line 15: 'C10..00' has not the length of a ctv3 code",
      ])
  }

  @Test func `codes are normalised, differ by case, and may be repeated`() throws {
    #expect(try codes("code\n9Ndt\n9Ndt.\n9Ndt.00\n9Ndt.1A\n", .read2) == ["read2 9Ndt."])
    #expect(try codes("code\nXaZ8a\nXaZ8A\n", .ctv3) == ["ctv3 XaZ8A", "ctv3 XaZ8a"])
  }

  @Test func `an empty line is no entry, and no entry is a fault`() throws {
    #expect(try codes("code,term\nC10..,a\n\n", .read2) == ["read2 C10.."])
    #expect(faults("code,term\n\n", .read2) == ["list.csv: the list has no codes"])
    #expect(faults("") == ["list.csv: the file is empty; a header row is expected, for example code,term,system"])
  }

  @Test func `a file that is no CSV or not there is a fault`() {
    #expect(faults("code\n\"C10..\n", .read2) == ["list.csv, line 2: the file ends inside a quoted value"])
    #expect(
      fixture.faults { _ = try CodeListFile.csv(file: fixture.folder + "/none.csv") } == ["none.csv: cannot be read"])
  }

  @Test func `a Readcode without term code could be CTV3`() {
    #expect(
      faults("Readcode\nC10..\n") == [
        "list.csv, line 2: 'C10..' could be a Read v2 or a CTV3 code; say system: read2 or system: ctv3"
      ])
  }

  @Test func `the first term of a code is what it is called`() throws {
    let file = fixture.write("list.csv", "code,term\nC10..00,Diabetes\nC10..11,Sugar\n")
    let list = try CodeListFile.csv(file: file, system: .read2)
    #expect(list.terms == [try ClinicalCode(system: .read2, normalising: "C10.."): "Diabetes"])
  }
}
