import Clinical
import Testing

private struct Holder<Value> {
  let value: Value
  let optional: Value?
}

private final class Reference<Value> {
  let value: Value
  init(_ value: Value) { self.value = value }
}

/// All texts that printing, interpolating, dumping or reflecting a value gives, alone and inside other values.
private func everyText<Value: Hashable>(of value: Value) -> [String] {
  let holder = Holder(value: value, optional: value)
  var texts = [
    String(describing: value), String(reflecting: value), "\(value)", "\(Optional(value) as Any)", "\([value])",
    "\(["key": value])", "\(Set([value]))", "\(holder)", String(reflecting: holder),
    "\(Result<Value, Never>.success(value))",
    String(describing: value as Any),
  ]
  for subject in [value as Any, [value], holder, Reference(value)] {
    var dumped = ""
    dump(subject, to: &dumped)
    texts.append(dumped)
  }
  var printed = ""
  print(value, [value], separator: " ", to: &printed)
  texts.append(printed)
  texts += Mirror(reflecting: value).children.map { "\($0.label ?? "") \($0.value)" }
  return texts
}

struct RedactionTests {
  private struct Plain: Hashable { let digits = "9434765919" }

  @Test func `the check notices a value that prints itself`() {
    #expect(everyText(of: Plain()).filter { $0.contains("9434765919") }.count == everyText(of: Plain()).count)
  }

  @Test func `an NHS number never prints`() throws {
    let texts = try everyText(of: NHSNumber(validating: "943 476 5919"))
    #expect(
      texts.allSatisfy { !$0.contains("9434765919") && !$0.contains("943 476") && $0.contains("<redacted NHS number>") }
    )
  }

  @Test func `a date of birth never prints`() throws {
    let texts = try everyText(of: DateOfBirth(validating: "1924-03-05", notAfter: CalendarDate(day: 0)))
    let forms = ["1924-", "-03-05", "-16738"]
    #expect(
      texts.allSatisfy { text in !forms.contains { text.contains($0) } && text.contains("<redacted date of birth>") })
  }

  @Test func `a postcode never prints`() throws {
    let texts = try everyText(of: Postcode(validating: "SW1A 1AA"))
    #expect(texts.allSatisfy { !$0.contains("SW1A") && !$0.contains("1AA") && $0.contains("<redacted postcode>") })
  }

  @Test func `faults name the rule, not the value`() {
    let values = NHSNumber.Fault.allCases.map { "\($0)" } + Postcode.Fault.allCases.map { "\($0)" }
    #expect(values.allSatisfy { $0.allSatisfy(\.isLetter) })
  }
}
