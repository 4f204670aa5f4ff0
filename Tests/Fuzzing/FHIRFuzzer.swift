/// Resources as texts, some of them damaged.
extension FileFuzzer {
  mutating func fhir(_ rows: Int, _ isCalm: Bool) -> FuzzFiles {
    var resources: [String] = []
    for number in 0..<rows {
      // A patient may follow what refers to it, or never come.
      let patient = patient(number)
      var own = (0..<random.below(4)).map { clinical(number, $0) }
      if random.isOne(in: 3) { own.append(encounter(number)) }
      own.insert(patient, at: random.below(own.count + 1))
      if !isCalm, random.isOne(in: rows * 2) { own.removeAll { $0 == patient } }
      resources += own
    }
    if !isCalm, random.isOne(in: 3) { resources.append(random.pick(Self.refused)) }
    let isLines = random.isOne(in: 2)
    let text = isLines ? resources.joined(separator: "\n") : bundle(resources, isCalm)
    let bytes = isCalm || random.isOne(in: 2) ? Array(text.utf8) : JSONMutation.mutate(text, &random)
    let source = random.pick([("gp", "A81001"), ("hospital", "RXA"), ("community", "RY1")])
    return FuzzFiles(
      source: source.0, organisation: source.1, format: "fhir",
      files: [(isLines ? "extract.ndjson" : "extract.json", bytes)])
  }

  private static let canary = HostileValues.canary

  private static let refused = [
    #"{"resourceType":"Consent","id":"x"}"#, #"{"resourceType":"Bundle","type":"collection"}"#, #"{"resourceType":7}"#,
    #"{"resourceType":"Observation","subject":{"reference":"Patient/\#(canary)"}}"#,
    #"{"resourceType":"Condition","subject":{"reference":"\#(canary)"},"code":{}}"#,
    #"{"resourceType":"Condition","subject":{"reference":"Patient/p0"},"code":{"coding":[{"system":"urn:\#(canary)","code":"1"}]}}"#,
    #"{"resourceType":"Flag","code":{"coding":[{"code":"9Nu0."}]},"note":"\#(canary)"}"#, #"{"a":1}"#, "[]", "null",
    "7",
    #"{"resourceType":"Patient","id":"p0","gender":"\#(canary)"}"#,
    #"{"resourceType":"Patient","id":"p0","birthDate":"\#(canary)"}"#,
    #"{"resourceType":"Patient","id":"\#(String(repeating: canary, count: 100))"}"#,
    #"{"resourceType":"Binary","data":"\#(String(repeating: canary, count: 200_000))"}"#,
    "{\"a\":" + String(repeating: "[", count: 20_000) + String(repeating: "]", count: 20_000) + "}",
    #"{"resourceType":"Patient","id":"a\u0000b"}"#,
  ]

  private mutating func bundle(_ resources: [String], _ isCalm: Bool) -> String {
    let entries = resources.map { "{\"resource\":\($0)}" }.joined(separator: random.pick([",", ",\n", " , "]))
    let type = isCalm ? "collection" : random.pick(["collection", "searchset", "document", Self.canary])
    return random.isOne(in: 2)
      ? "{\"resourceType\":\"Bundle\",\"type\":\"\(type)\",\"entry\":[\(entries)]}"
      : "{\"entry\":[\(entries)],\"type\":\"\(type)\",\"resourceType\":\"Bundle\"}"
  }

  /// What FHIR's grammar lets a string hold, escaped.
  private mutating func text() -> String {
    random.pick([
      Self.canary, "9990000018", "LS1 4AP", "\\u0041", "\\\"", "é", "\\ud83d\\ude00", "x y", "0", " \\t ",
    ])
  }

  private mutating func patient(_ number: Int) -> String {
    let birth = random.pick(["1950-06-01", "1950", "1950-06", "1950-06-01T12:00:00Z"])
    return """
      {"resourceType":"Patient","id":"p\(number)","name":[{"family":"\(Self.canary)"}],"identifier":[\
      {"system":"https://fhir.nhs.uk/Id/nhs-number","value":"\(text())"},{"value":"\(Self.canary)-\(number)"}],\
      "birthDate":"\(birth)","gender":"\(random.pick(["male", "female", "other", "unknown"]))",\
      "address":[{"use":"home","postalCode":"\(text())"}],\
      "generalPractitioner":[{"identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"A81001"}}]}
      """
  }

  private mutating func clinical(_ number: Int, _ place: Int) -> String {
    let coding = random.pick([
      #"{"system":"http://snomed.info/sct","code":"195967001","display":"\#(Self.canary)"}"#,
      #"{"system":"http://snomed.info/sct","code":"827241000000103"}"#,
      #"{"system":"http://snomed.info/sct","code":"\#(text())"}"#,
      #"{"system":"http://loinc.org","code":"\#(Self.canary)"}"#, #"{"display":"\#(Self.canary)"}"#,
      #"{"system":"http://read.info/readv2","code":"C10.."},{"system":"http://read.info/ctv3","code":"\#(text())"}"#,
    ])
    let value = random.pick([
      "", #","valueQuantity":{"value":5.5,"unit":"\#(text())"}"#, #","valueInteger":-3"#,
      #","valueQuantity":{"value":99999999999,"unit":"mg"}"#, #","valueQuantity":{"value":1e-320,"comparator":"<"}"#,
      #","valueString":"\#(Self.canary)""#, #","component":[{"code":{"coding":[\#(coding)]},"valueInteger":7}]"#,
    ])
    return """
      {"resourceType":"Observation","id":"o\(number)-\(place)","subject":{"reference":"Patient/p\(number)"},\
      "status":"\(random.pick(["final", "entered-in-error", "amended"]))","effectiveDateTime":"2026-0\(1 + number % 9)-11",\
      "encounter":{"reference":"Encounter/e\(number)"},"note":[{"text":"\(Self.canary)"}],\
      "code":{"text":"\(Self.canary)","coding":[\(coding)]}\(value)}
      """
  }

  private mutating func encounter(_ number: Int) -> String {
    """
    {"resourceType":"Encounter","id":"e\(number)","status":"finished","class":{"code":"IMP"},\
    "subject":{"reference":"Patient/p\(number)"},"period":{"start":"2026-01-0\(1 + number % 9)"}}
    """
  }
}
