import Clinical
import Testing

struct ClinicalCodeTests {
  @Test(arguments: [
    (ClinicalCode.System.read2, "9Nu0", "9Nu0."), (.read2, "9Nu0.", "9Nu0."), (.read2, "C10E.00", "C10E."),
    (.read2, "43C3.11", "43C3."), (.read2, " C10 ", "C10.."), (.read2, "H33z.", "H33z."), (.read2, "1", "1...."),
    (.ctv3, "XaZ8a", "XaZ8a"), (.ctv3, "A788.", "A788."), (.ctv3, "1434", "1434."),
    (.snomed, "44054006", "44054006"), (.snomed, "827241000000103", "827241000000103"),
    (.icd10, "E11.9", "E119"), (.icd10, "e119", "E119"), (.icd10, "E11", "E11"), (.icd10, "R02X", "R02"),
    (.icd10, "R02.X", "R02"), (.icd10, "E119D", "E119"), (.icd10, "G590A", "G590"), (.icd10, "R02XD", "R02"),
    (.icd10, "G01A", "G01"), (.icd10, "M45X9", "M45X9"), (.icd10, "M4596", "M4596"), (.icd10, "J849 ", "J849"),
    (.icd10, "E10.35D", "E1035"),
    (.opcs4, "W23.2", "W232"), (.opcs4, "w232", "W232"), (.opcs4, "Z921", "Z921"),
  ])
  func `codes come out in the one form of their system`(system: ClinicalCode.System, text: String, code: String) throws
  {
    let normalised = try ClinicalCode(system: system, normalising: text)
    #expect(normalised.code == code)
    #expect(normalised.system == system)
    #expect(try ClinicalCode(system: system, normalising: normalised.code) == normalised)
  }

  @Test(arguments: [
    (ClinicalCode.System.read2, "", ClinicalCode.Fault.missing), (.snomed, "  ", .missing),
    (.read2, "9Nu0.0", .length), (.read2, "9Nu0.000", .length), (.read2, ".9Nu", .characters),
    (.read2, "9N.0.", .characters),
    (.read2, "9Nu-.", .characters), (.read2, "C10E.0-", .characters), (.read2, "9Nué", .characters),
    (.ctv3, "XaZ8900", .length), (.ctv3, "Xa 89", .characters), (.ctv3, ".....", .characters),
    (.snomed, "44054", .length), (.snomed, "1234567890123456789", .length), (.snomed, "4405400x", .characters),
    (.snomed, "04405400", .characters), (.snomed, "-4405400", .characters), (.snomed, "44054007", .checkDigit),
    (.icd10, "E1", .length), (.icd10, "E11.9.1", .characters), (.icd10, "111", .characters),
    (.icd10, "EE1", .characters),
    (.icd10, "E11Z", .characters), (.icd10, "E119Z", .characters), (.icd10, "E11.", .characters),
    (.icd10, "E119999", .length),
    (.opcs4, "W23", .length), (.opcs4, "W2321", .length), (.opcs4, "W23X", .characters), (.opcs4, "1234", .characters),
  ])
  func `each fault is told apart`(system: ClinicalCode.System, text: String, fault: ClinicalCode.Fault) {
    #expect(throws: fault) { try ClinicalCode(system: system, normalising: text) }
  }

  @Test func `Read and CTV3 codes that differ by case are different codes`() throws {
    #expect(
      try ClinicalCode(system: .ctv3, normalising: "XaZ8a") != ClinicalCode(system: .ctv3, normalising: "XaZ8A"))
    #expect(
      try ClinicalCode(system: .read2, normalising: "9Nu0.") != ClinicalCode(system: .read2, normalising: "9NU0."))
  }

  @Test func `the same characters in two systems are different codes`() throws {
    let read = try ClinicalCode(system: .read2, normalising: "43C3.")
    let ctv3 = try ClinicalCode(system: .ctv3, normalising: "43C3.")
    #expect(read != ctv3)
    #expect("\(read)" == "read2 43C3.")
  }

  @Test(arguments: [
    "827241000000103", "827261000000102", "881561000000100", "881581000000109", "999004351000000109",
    "999004361000000107", "999004371000000100", "999004381000000103", "1955841000000104", "1955851000000101",
    "44054006", "195967001", "38341003", "13645005",
  ])
  func `identifiers pass Verhoeff and no identifier one digit or one swap away does`(text: String) throws {
    #expect(try ClinicalCode(system: .snomed, normalising: text).code == text)
    let digits = Array(text.utf8)
    for index in digits.indices {
      for digit in UInt8(ascii: "0")...UInt8(ascii: "9") where digit != digits[index] {
        var changed = digits
        changed[index] = digit
        #expect(throws: ClinicalCode.Fault.self) {
          try ClinicalCode(system: .snomed, normalising: String(decoding: changed, as: UTF8.self))
        }
      }
      guard index > 0, digits[index] != digits[index - 1] else { continue }
      var swapped = digits
      swapped.swapAt(index, index - 1)
      #expect(throws: ClinicalCode.Fault.self) {
        try ClinicalCode(system: .snomed, normalising: String(decoding: swapped, as: UTF8.self))
      }
    }
  }

  @Test(arguments: ["751689013", "827241000000119", "123020", "12345097"])
  func `a valid identifier of something other than a concept is refused`(text: String) {
    #expect(throws: ClinicalCode.Fault.partition) { try ClinicalCode(system: .snomed, normalising: text) }
  }

  @Test func `a long identifier without room for its namespace is refused`() {
    #expect(throws: ClinicalCode.Fault.length) { try ClinicalCode(system: .snomed, normalising: "10000109") }
  }

  @Test func `random bytes never stop the program`() {
    var seed: UInt64 = 7
    var accepted = 0
    for round in 0..<20_000 {
      let bytes = (0..<round % 12).map { _ in
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(seed >> 40 & (round % 3 == 0 ? 0xFF : 0x7F))
      }
      let text = String(decoding: bytes, as: UTF8.self)
      for system in ClinicalCode.System.allCases where (try? ClinicalCode(system: system, normalising: text)) != nil {
        accepted += 1
      }
      _ = try? Postcode(validating: text)
      _ = try? OrganisationCode(validating: text)
      _ = try? NHSNumber(validating: text)
      _ = try? EthnicCategory(validating: text)
    }
    #expect(accepted > 0)
  }
}

struct AdmissionMethodTests {
  @Test func `emergencies are 21 to 25, 28 and 2A to 2D, and nothing else is`() throws {
    let known = [
      "11", "12", "13", "21", "22", "23", "24", "25", "28", "2A", "2B", "2C", "2D", "31", "32", "81", "82", "83", "98",
      "99",
    ]
    let emergencies = try known.filter { try AdmissionMethod(validating: $0).isEmergency }
    #expect(emergencies == ["21", "22", "23", "24", "25", "28", "2A", "2B", "2C", "2D"])
  }

  @Test func `lower case and padding are brought into form`() throws {
    #expect(try AdmissionMethod(validating: " 2a ").text == "2A")
    #expect(try AdmissionMethod(validating: "2a") == AdmissionMethod(validating: "2A"))
  }

  @Test(arguments: ["2", "26", "27", "29", "2E", "14", "10", "33", "80", "84", "97", "A2", "2é", "211"])
  func `unknown codes are refused`(text: String) {
    #expect(throws: AdmissionMethod.Fault.unknownCode) { try AdmissionMethod(validating: text) }
    #expect(throws: AdmissionMethod.Fault.missing) { try AdmissionMethod(validating: "") }
  }
}
