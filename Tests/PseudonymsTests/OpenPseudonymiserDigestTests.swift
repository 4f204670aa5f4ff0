import Testing

@testable import Pseudonyms

@Suite struct OpenPseudonymiserDigestTests {
  private static let published = "ED72F814B7905F3D3958749FA90FE657C101EC657402783DB68CBE3513E76087"

  @Test func `the published test vector comes out`() throws {
    let digest = try OpenPseudonymiserDigest(fields: ["DOB", "NHSNumber"], salt: "mackerel")
    #expect(try digest.digest(["29.11.1973", "943 476 5919"]) == Self.published)
    // And again from the same instance.
    #expect(try digest.digest(["29.11.1973", "943 476 5919"]) == Self.published)
  }

  @Test func `the order of the fields given does not matter, spaces and line ends neither`() throws {
    let digest = try OpenPseudonymiserDigest(fields: ["NHSNumber", "DOB"], salt: "mackerel")
    #expect(try digest.digest(["9434765919", "29.11.1973"]) == Self.published)
    #expect(try digest.digest(["\t943 476 5919\r\n", " 29.11. 1973"]) == Self.published)
    // No other kind of space is stripped, as by the original.
    #expect(try digest.digest(["943\u{A0}476 5919", "29.11.1973"]) != Self.published)
  }

  @Test func `names are sorted without regard to case`() throws {
    func of(_ fields: [String], _ values: [String]) throws -> String {
      try OpenPseudonymiserDigest(fields: fields, salt: "s").digest(values)
    }
    #expect(try of(["Alpha", "zeta"], ["1", "2"]) == of(["a"], ["12"]))
    #expect(try of(["zeta", "Alpha"], ["2", "1"]) == of(["a"], ["12"]))
    #expect(try of(["Zeta", "alpha"], ["2", "1"]) == of(["a"], ["12"]))
    #expect(try of(["a1", "a_1", "aB"], ["2", "1", "3"]) == of(["a"], ["123"]))
  }

  @Test func `a missing, blank or padded salt is refused, and so are names that cannot be sorted`() {
    for salt in [nil, "", " ", " mackerel", "mackerel\n"] {
      #expect(throws: PseudonymsError.self) { try OpenPseudonymiserDigest(fields: ["DOB"], salt: salt) }
    }
    for fields in [[], [""], ["DOB", "dob"], ["DOB", "DOB"], ["NHS Number"], ["NHS-Number"], ["Größe"]] {
      #expect(throws: PseudonymsError.self) { try OpenPseudonymiserDigest(fields: fields, salt: "s") }
    }
  }

  @Test func `where a field is blank there is no digest, and the next one is right again`() throws {
    let digest = try OpenPseudonymiserDigest(fields: ["DOB", "NHSNumber"], salt: "mackerel")
    for values in [["29.11.1973", ""], ["", "9434765919"], [" \t", "9434765919"], ["", ""]] {
      #expect(throws: PseudonymsError("a field is blank")) { try digest.digest(values) }
    }
    #expect(try digest.digest(["29.11.1973", "943 476 5919"]) == Self.published)
  }

  /// What its documentation warns of is so.
  @Test func `the weak points are what they are said to be`() throws {
    let two = try OpenPseudonymiserDigest(fields: ["a", "b"], salt: "s")
    #expect(try two.digest(["1", "23"]) == two.digest(["12", "3"]))
    #expect(try two.digest(["29.11.1973", "1"]) != two.digest(["29/11/1973", "1"]))
    // Who has the salt finds the number by trying.
    let one = try OpenPseudonymiserDigest(fields: ["NHSNumber"], salt: "s")
    let wanted = try one.digest(["9990000018"])
    let found = try (9_990_000_000...9_990_000_100).first { try one.digest(["\($0)"]) == wanted }
    #expect(found == 9_990_000_018)
  }

  @Test(arguments: [
    ("19731129", "19730101"), ("29/11/1973", "19730101"), ("29.11.1973", "19730101"), ("29/11/73", "19730101"),
    ("29.11.73", "19730101"), ("01.01.29", "20290101"), ("01.01.30", "19300101"), ("29.02.2000", "20000101"),
  ])
  func `a date is rounded down to the first of January`(text: String, rounded: String) {
    #expect(RoundedDate.firstOfYear(text) == rounded)
  }

  @Test func `what is no date of these forms is not rounded`() {
    for text in [
      "", "1973-11-29", "29.11/1973", "29-11-1973", "31.02.1973", "29.02.1900", "29.13.1973", "00.11.1973", "1973112",
      "1.1.1973", "29.11.197", "29.11.19733", "+9.11.1973", "00000101", "01010001", "29.11.0000", "ab.cd.efgh",
    ] {
      #expect(RoundedDate.firstOfYear(text) == nil, "\(text)")
    }
  }

  @Test func `a rounded date gives the digest that it gives elsewhere`() throws {
    let digest = try OpenPseudonymiserDigest(fields: ["DOB", "NHSNumber"], salt: "mackerel")
    let rounded = try #require(RoundedDate.firstOfYear("29.11.1973"))
    let expected = "61A5E3E43A8071EB118CF2297D01E43B4548026058FC7C43AB196BC8D53F40EB"
    #expect(try digest.digest([rounded, "943 476 5919"]) == expected)
  }
}
