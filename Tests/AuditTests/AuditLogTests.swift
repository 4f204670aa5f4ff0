import Foundation
import Testing

@testable import Audit

@Suite struct AuditLogTests {
  @Test func `what was logged is read again in order, with who, when and what`() throws {
    let test = TestLog()
    let first = try test.log.append(
      event: .keyCreated, details: ["service": "ingestion", "purpose": "record", "id": "k1"])
    let second = try test.log.append(event: .personExplained, by: "A. Reader")
    var entries: [AuditEntry] = []
    let head = try test.log.verify { entries.append($0) }
    #expect(head == second && head.count == 2 && first.count == 1)
    #expect(entries.map(\.event) == ["key.created", "person.explained"])
    #expect(entries.map(\.by) == ["", "A. Reader"])
    #expect(entries[0].details == ["service": "ingestion", "purpose": "record", "id": "k1"])
    #expect(entries[0].previous == AuditHead.origin.hash && entries[1].previous == first.hash)
    #expect(entries.allSatisfy { !$0.user.isEmpty })
    let times = try entries.map {
      try Date($0.time, strategy: .iso8601.year().month().day().time(includingFractionalSeconds: true))
    }
    #expect(times.allSatisfy { abs($0.timeIntervalSinceNow) < 60 })
  }

  @Test func `a line is what it was when the format was made`() {
    let entry = AuditEntry(
      number: 7, time: "2026-10-05T09:30:00.000001Z", user: "root", by: "A \"B\" \\", event: "key.created",
      details: ["service": "ingestion", "id": "1"], previous: AuditHead.origin.hash)
    let expected =
      #"{"number":7,"time":"2026-10-05T09:30:00.000001Z","user":"root","by":"A \"B\" \\","event":"key.created","#
      + #""details":{"id":"1","service":"ingestion"},"previous":"\#(String(repeating: "0", count: 64))","hash":"#
      + #""\#(entry.hash)"}"#
    #expect(String(decoding: entry.bytes, as: UTF8.self) == expected)
    #expect(entry.hash == "b426be122867714df3f1f54ab99ed13ca5f248a11d21dcc89538b1772c5b0d84")
    #expect(AuditEntry(line: entry.bytes) == entry)
  }

  @Test func `log and head are closed to others, and a log that is open to them takes nothing and tells nothing`()
    throws
  {
    let test = try TestLog(lines: 1)
    for file in [test.path, test.head] {
      let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
      #expect(mode == 0o600)
      for open in [0o640, 0o604, 0o622] {
        try FileManager.default.setAttributes([.posixPermissions: open], ofItemAtPath: file)
        #expect(throws: AuditError.self) { try test.log.append(event: .keyCreated) }
        #expect(throws: AuditError.self) { try test.log.verify() }
      }
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
    }
    #expect(try test.log.verify().count == 1)
  }

  @Test func `where nothing can be logged there is an error`() throws {
    let test = TestLog()
    #expect(throws: AuditError.self) { try AuditLog(path: test.folder + "/none/audit.log").append(event: .keyCreated) }
    #expect(throws: AuditError.self) { try AuditLog(path: test.folder).append(event: .keyCreated) }
    #expect(throws: AuditError.self) { try AuditLog(path: "/dev/full").append(event: .keyCreated) }
    symlink(test.path, test.folder + "/link")
    #expect(throws: AuditError.self) { try AuditLog(path: test.folder + "/link").append(event: .keyCreated) }
    #expect(throws: AuditError.self) { try test.log.verify() }
    // The head cannot be written: its place is taken by a folder.
    try FileManager.default.createDirectory(atPath: test.head, withIntermediateDirectories: true)
    #expect(throws: AuditError.self) { try test.log.append(event: .keyCreated) }
  }

  @Test func `details that could forge lines, or are too long, are refused before anything is written`() throws {
    let test = TestLog()
    for bad in ["two\nlines", "a\u{1B}[2J", "a\u{202E}b", "\u{2028}", String(repeating: "a", count: 1_001)] {
      #expect(throws: AuditError.self) { try test.log.append(event: .keyCreated, details: ["purpose": bad]) }
      #expect(throws: AuditError.self) { try test.log.append(event: .keyCreated, by: bad) }
    }
    for name in ["", "Purpose", "a b", "a\""] {
      #expect(throws: AuditError.self) { try test.log.append(event: .keyCreated, details: [name: "x"]) }
    }
    let many = Dictionary(uniqueKeysWithValues: (0..<17).map { (String(repeating: "a", count: $0 + 1), 1_000) })
    #expect(throws: AuditError.self) {
      try test.log.append(event: .keyCreated, details: many.mapValues { String(repeating: "x", count: $0) })
    }
    #expect(!FileManager.default.fileExists(atPath: test.path) || test.bytes.isEmpty)
  }

  @Test func `many who append at once leave one chain with every line`() throws {
    let test = TestLog()
    let path = test.path
    let failures = Failures()
    DispatchQueue.concurrentPerform(iterations: 8) { writer in
      for number in 0..<25 {
        do {
          try AuditLog(path: path).append(event: .keyRotated, details: ["id": "\(writer)/\(number)"])
        } catch {
          failures.add("\(error)")
        }
      }
    }
    #expect(failures.all.isEmpty, "\(failures.all)")
    var seen: [String] = []
    #expect(try test.log.verify { seen.append($0.details["id"] ?? "") }.count == 200)
    #expect(Set(seen).count == 200)
    // Each in the order in which it wrote.
    for writer in 0..<8 {
      #expect(seen.filter { $0.hasPrefix("\(writer)/") } == (0..<25).map { "\(writer)/\($0)" })
    }
  }

  private final class Failures: @unchecked Sendable {
    private let lock = NSLock()
    private var texts: [String] = []
    func add(_ text: String) { lock.withLock { texts.append(text) } }
    var all: [String] { lock.withLock { texts } }
  }

  // MARK: - After a crash

  @Test func `a line that a crash cut short is found, and the next entry sets it aside and says so`() throws {
    let test = try TestLog(lines: 3)
    let whole = test.bytes
    let cut = AuditEntry(
      number: 4, time: "2026-10-05T09:30:00.000000Z", user: "root", by: "", event: "key.created", details: [:],
      previous: try test.log.verify().hash
    ).bytes
    for length in [1, 40, cut.count] {
      test.bytes = whole + cut.prefix(length)
      #expect(try test.fault()?.kind == .torn)
      #expect(try test.fault()?.line == 4)
    }
    test.bytes = whole + cut.prefix(40)
    try test.log.append(event: .keyRetired)
    var entries: [AuditEntry] = []
    #expect(try test.log.verify { entries.append($0) }.count == 5)
    #expect(entries[3].event == AuditEvent.lineSetAside.rawValue && entries[3].details == ["bytes": "40"])
    #expect(entries[4].event == AuditEvent.keyRetired.rawValue)
  }

  @Test func `a crash between line and head is mended by the next entry`() throws {
    for count in 1...3 {
      let test = try TestLog(lines: count - 1)
      let before = test.headBytes
      try test.log.append(event: .keyCreated)
      if count == 1 { unlink(test.head) } else { test.headBytes = before }
      #expect(try test.fault() == nil)
      try test.log.append(event: .keyRotated)
      #expect(try test.log.verify().count == count + 1)
    }
  }

  @Test func `nothing is appended to a log whose end is not as it was written`() throws {
    func refused(_ damage: (TestLog) throws -> Void) throws {
      let test = try TestLog(lines: 4)
      try damage(test)
      let bytes = test.bytes
      #expect(throws: AuditError.self) { try test.log.append(event: .keyCreated) }
      let isUntouched = test.bytes == bytes
      #expect(isUntouched)
    }
    try refused { $0.lines.removeLast() }
    try refused { $0.lines.removeLast(2) }
    try refused { $0.bytes = [] }
    try refused { $0.bytes.removeLast(5) }
    try refused { $0.bytes[$0.bytes.count - 100] ^= 1 }
    try refused { $0.lines.append($0.lines[3]) }
    try refused { $0.lines.swapAt(2, 3) }
    try refused { $0.lines.remove(at: 2) }
    try refused { $0.lines.append(Array("{}".utf8)) }
    try refused { unlink($0.head) }
    try refused { $0.headBytes = [] }
    try refused { $0.headBytes[20] ^= 1 }
    try refused { $0.bytes += [UInt8](repeating: 0x20, count: AuditLog.maximumLine) }
  }
}
