import Clinical
import Contracts

@testable import caredata

/// Resources as texts, and what the connector makes of them.
struct FHIRFixture {
  let files = ExtractFixture()

  static let patient = #"{"resourceType":"Patient","id":"p1"}"#
  static let dissent = #"{"system":"http://snomed.info/sct","code":"827241000000103"}"#
  static let asthma = #"{"system":"http://snomed.info/sct","code":"195967001"}"#

  /// A Condition of patient p1 unless `rest` says otherwise.
  static func condition(
    _ id: String = "c1", codings: String = asthma, subject: String = "Patient/p1", rest: String = ""
  ) -> String {
    """
    {"resourceType":"Condition","id":"\(id)","subject":{"reference":"\(subject)"},\
    "code":{"coding":[\(codings)]}\(rest.isEmpty ? "" : ",")\(rest)}
    """
  }

  static func observation(_ rest: String, codings: String = asthma, id: String = "o1") -> String {
    """
    {"resourceType":"Observation","id":"\(id)","status":"final","subject":{"reference":"Patient/p1"},\
    "code":{"coding":[\(codings)]}\(rest.isEmpty ? "" : ",")\(rest)}
    """
  }

  static func bundle(_ resources: [String], type: String = "collection") -> String {
    let entries = resources.map { "{\"resource\":\($0)}" }.joined(separator: ",\n")
    return "{\"resourceType\":\"Bundle\",\"type\":\"\(type)\",\"entry\":[\(entries)]}"
  }

  func reader(
    _ resources: [String], source: ExtractSource = .gp, organisation: String = "A81001", memory: Int = 1 << 20
  ) throws -> ExtractReader {
    try read(text: Self.bundle(resources), source: source, organisation: organisation, memory: memory)
  }

  func read(
    text: String, name: String = "extract.json", source: ExtractSource = .gp, organisation: String = "A81001",
    memory: Int = 1 << 20
  ) throws -> ExtractReader {
    try read(path: files.write(name, text), source: source, organisation: organisation, memory: memory)
  }

  func read(
    path: String, source: ExtractSource = .gp, organisation: String = "A81001", memory: Int = 1 << 20
  ) throws -> ExtractReader {
    try ExtractReader(
      source: source, organisation: organisation, path: path, format: .fhir,
      resources: SortResources(memory: memory, temporaryDirectory: "/tmp"))
  }

  /// The only record.
  func record(
    _ resources: [String], source: ExtractSource = .gp, organisation: String = "A81001"
  ) throws -> PatientRecord {
    let records = try reader(resources, source: source, organisation: organisation).all()
    guard records.count == 1 else { throw ClientError("\(records.count) records") }
    return records[0]
  }

  func line(_ resources: [String], source: ExtractSource = .gp) -> String? {
    errorLine(files) { _ = try reader(resources, source: source) }
  }

  func line(text: String, name: String = "extract.json") -> String? {
    errorLine(files) { _ = try read(text: text, name: name) }
  }
}

extension Entry {
  /// "snomed 195967001 2026-01-02 = 5.5 mmol/L #1", for comparison.
  var line: String {
    var line = "\(system) \(code)"
    if hasDay { line += " \(CalendarDate(day: day).iso)" }
    if hasEndDay { line += " to \(CalendarDate(day: endDay).iso)" }
    if hasValue { line += " = \(value)" }
    if !unit.isEmpty { line += " \(unit)" }
    if encounter > 0 { line += " #\(encounter)" }
    return line
  }
}
