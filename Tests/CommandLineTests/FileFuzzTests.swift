import Foundation
import Fuzzing
import Testing

@testable import caredata

/// A seeded part of the files that `caredata-benchmarks fuzz` makes, against the readers in this process.
struct FileFuzzTests {
  private static let seed: UInt64 = 20_261_031

  @Test func `each of 1,000 hostile extracts is read whole, or refused in one line without a value of it`() throws {
    print("seed \(Self.seed)")
    var fuzzer = FileFuzzer(seed: Self.seed)
    var memory = ResidentMemory(bound: 24 << 20)
    var (read, refused, faults) = (0, Set<String>(), [String]())
    var refusals = 0
    for number in 1...1_000 {
      switch FileFuzzCheck.result(of: fuzzer.next(rows: 8)) {
      case .read: read += 1
      case .refused(let line):
        refusals += 1
        refused.insert(String(line.drop { $0 != ":" }))
      case .wrong(let what): faults.append("extract \(number): \(what)")
      }
      memory.sample(ResidentMemory.of(getpid()) ?? 0)
    }
    print("\(read) read, \(refusals) refused in \(refused.count) ways")
    #expect(faults.isEmpty)
    if ResidentMemory.isAlone { #expect(memory.fault == nil) }
    #expect(read > 500 && read + refusals == 1_000 && refused.count > 15)
  }

  @Test func `a value of the file in an error is found`() {
    // The name of an unknown column is shown, beside all that are known: so a canary there passes for a leak.
    let header = GPExtract.patientColumns.joined(separator: ",") + ",\(HostileValues.canary)\n"
    let events = GPExtract.eventColumns.joined(separator: ",") + "\n"
    let files = FuzzFiles(
      source: "gp", organisation: "A81001", format: "csv",
      files: [("patients.csv", Array(header.utf8)), ("events.csv", Array(events.utf8))])
    guard case .wrong(let what) = FileFuzzCheck.result(of: files) else {
      Issue.record("the leak was not found")
      return
    }
    #expect(what.contains("repeats"))
  }

  @Test func `a record too few is found`() {
    var summary = ExtractSummary()
    summary.patients = 3
    summary.entries = 4
    #expect(FileFuzzCheck.fault(summary, records: 3, entries: 4) == nil)
    #expect(FileFuzzCheck.fault(summary, records: 2, entries: 4) != nil)
    #expect(FileFuzzCheck.fault(summary, records: 3, entries: 5) != nil)
  }
}

/// What the reader makes of files, and whether that is allowed.
enum FileFuzzCheck {
  enum Result {
    case read
    case refused(String)
    case wrong(String)
  }

  static func result(of files: FuzzFiles) -> Result {
    let fixture = ExtractFixture()
    for file in files.files { fixture.write(file.name, file.bytes) }
    guard let source = ExtractSource(rawValue: files.source), let format = ExtractFormat(rawValue: files.format) else {
      return .wrong("no such source or format")
    }
    let path = files.files.count == 1 ? "\(fixture.folder)/\(files.files[0].name)" : fixture.folder
    let reader: ExtractReader
    do {
      reader = try ExtractReader(
        source: source, organisation: files.organisation, path: path, format: format,
        resources: SortResources(memory: 1 << 18, temporaryDirectory: "/tmp"))
    } catch {
      return refusal("\(error)".replacing(fixture.folder + "/", with: ""))
    }
    do {
      let records = try reader.all()
      let entries = records.reduce(0) { $0 + $1.entries.count }
      if let fault = fault(reader.summary, records: records.count, entries: entries) { return .wrong(fault) }
      // What is left out is told by name.
      let names = (reader.summary.findings.keys.sorted() + reader.summary.rejected.keys.sorted()).joined()
      return names.contains(HostileValues.canary) ? .wrong("a count repeats a value of the file") : .read
    } catch {
      return .wrong("records were given before the fault was found")
    }
  }

  private static func refusal(_ line: String) -> Result {
    if line.contains(HostileValues.canary) { return .wrong("the error repeats a value of the file") }
    return line.contains("\n") ? .wrong("the error has several lines") : .refused(line)
  }

  static func fault(_ summary: ExtractSummary, records: Int, entries: Int) -> String? {
    if records != summary.records { return "\(records) records given, \(summary.records) counted" }
    return entries != summary.entries ? "\(entries) entries given, \(summary.entries) counted" : nil
  }
}
