import Clinical
import Contracts

/// Values that have ended programs before, or would be wrong to believe.
public enum HostileValues {
  /// Stands in every value whose text must never be repeated: in an error, a log or a receipt.
  public static let canary = "CANARY"

  public static let texts = [
    "", " ", "\0", "a\0b", "\u{FEFF}", "\u{202E}evil", "e\u{301}\u{301}\u{301}",
    "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}",
    "А81001", "９９９００００００１８", "'; drop table extract; --", "%s%n%x", "\r\n", "\"", "\"\"", ",", "\t\t", "null", "NaN",
    "-0", "{{7*7}}", "../../etc/passwd", canary, "\(canary) 999 000 0018",
    String(repeating: "x", count: 300), String(repeating: "é", count: 5_000),
    String(repeating: "\u{10FFFF}", count: 70),
  ]

  public static let nhsNumbers = [
    "0000000000", "1111111111", "9999999999", "0123456789", "9990000019", "999 000 0018", "999-000-0018", "99900000180",
    "999000001", "-------", "99900O0018", "٩٩٩٠٠٠٠٠١٨", "9990000018\0", "18446744073709551616",
  ]

  public static let dates = [
    "1894-12-31", "1895-01-01", "9999-12-31", "0000-00-00", "0001-01-01", "10000-01-01", "2026-02-30", "2024-02-29",
    "2023-02-29", "01/06/1950", "1950-6-1", "1950-06-01T00:00:00Z", "-950-06-01", "２０２６-10-01", "2026-10-32",
    "20261001",
  ]

  public static let days: [Int32] = [
    .min, .min + 1, -719_163, -719_162, -27_394, -1, 0, 9_130, 20_000, 20_757, 20_758, 2_932_896, 2_932_897, .max - 1,
    .max,
  ]

  public static let unsigned: [UInt32] = [0, 1, 2, 99_999, 100_000, 2_147_483_647, 2_147_483_648, .max]

  public static let values: [Double] = [
    .nan, .signalingNaN, .infinity, -.infinity, 0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1e7,
    9_999_999.999, -1e7, 9_990_000_018, 19_500_601, 5.5,
  ]

  public static let postcodes = [
    "ZZ99 3VZ", "TBA", "GIR 0AA", "ls14ap", "LS1  4AP", "L51 4AP4", "LS1\u{A0}4AP", "Ｌ Ｓ１",
  ]

  public static let organisations = [
    "A81001", "V81999", "a81001", "RXA", "RY1", "A8100", "A810011", "", "\0", "А81001", "A81001 ", "ZZZ999",
  ]

  public static let periods = [
    "2026-10", "2026-13", "2026-00", "0001-01", "9999-12", "0000-01", "1999-01", "2026-1", "2026-10-01", "", "２０２６-10",
  ]

  public static let specifications = ["1", "2", "99", "abcd", "", "abcde", "\0", "１", "1 "]

  public static let times: [Int64] = [
    .min, -1, 0, 1, 1_793_000_000_000_000, 253_402_300_799_999_999, 253_402_300_800_000_000, .max - 1, .max,
  ]

  public static let extractIDs = [
    "", "\0", "stray-1", "stray-2", "stray-3", "stray 4", "9990000018", "stray-9990000018", "stray-5\n",
    String(repeating: "i", count: 100), String(repeating: "i", count: 101), "ü", "stray-1'--",
  ]

  public static let units = [
    "mmol/L", "MMOL/L", "mg", canary, "µmol/l", "%", "", "\0", "kg/m²", String(repeating: "m", count: 4_000),
  ]

  public static let systems: [CodeSystem] = [
    .unspecified, .read2, .ctv3, .snomed, .icd10, .opcs4, .admissionMethod, .communityTeam, .UNRECOGNIZED(8),
    .UNRECOGNIZED(-1), .UNRECOGNIZED(Int(Int32.max)), .UNRECOGNIZED(Int(Int32.min)),
  ]

  /// Every objection code in its system, and spelled as systems and people spell them.
  public static let objections: [(CodeSystem, String)] = {
    let codes: [(CodeSystem, String)] = [
      (.read2, "9Nu0."), (.read2, "9Nu1."), (.read2, "9Nu4."), (.read2, "9Nu5."), (.ctv3, "XaZ89"), (.ctv3, "XaZ8a"),
      (.ctv3, "XaaVL"), (.ctv3, "XaaVM"), (.snomed, "827241000000103"), (.snomed, "827261000000102"),
      (.snomed, "881561000000100"), (.snomed, "881581000000109"),
    ]
    return codes.flatMap { system, code in
      let bare = String(code.prefix { $0 != "." })
      return [
        code, bare, " \(code) ", "\(bare).", "\(code)00", code.lowercased(), code.uppercased(), "0\(code)", "\(code)\0",
      ]
      .map { (system, $0) } + [(.read2, code), (.snomed, code), (.ctv3, code), (.UNRECOGNIZED(9), code)]
    }
  }()

  /// Collected, not collected, sensitive and restricted codes, and what is none.
  public static let codes: [(CodeSystem, String)] = [
    (.read2, "C10.."), (.read2, "C10"), (.read2, "H33.."), (.read2, "22K.."), (.ctv3, "C10.."), (.snomed, "73211009"),
    (.snomed, "195967001"), (.icd10, "E11.9"), (.icd10, "J45X"), (.icd10, "E119D"), (.opcs4, "W37.1"),
    (.read2, "14X3."),
    (.read2, "SN55."), (.snomed, "19598007"), (.icd10, "B20"), (.icd10, "B24X"), (.icd10, "Z312"), (.opcs4, "Q131"),
    (.snomed, "73211008"), (.snomed, "7321100"), (.snomed, "999999999999999999"), (.read2, "....."),
    (.read2, "C10..00"),
    (.icd10, "E"), (.icd10, "E119999"), (.opcs4, "W37"), (.admissionMethod, "21"), (.admissionMethod, "2A"),
    (.admissionMethod, "99"), (.communityTeam, "01"), (.communityTeam, "C14"), (.communityTeam, "\(canary)"),
  ]
}
