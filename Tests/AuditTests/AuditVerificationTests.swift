import Foundation
import Testing

@testable import Audit

@Suite struct AuditVerificationTests {
  @Test func `an untouched log is in order, also an empty one`() throws {
    let test = try TestLog(lines: 20)
    #expect(try test.fault() == nil)
    let empty = TestLog()
    _ = FileManager.default.createFile(atPath: empty.path, contents: nil, attributes: [.posixPermissions: 0o600])
    #expect(try empty.log.verify().count == 0)
  }

  @Test(arguments: [0, 2, 4]) func `a removed line is found: the first, one in the middle, the last`(_ place: Int)
    throws
  {
    let test = try TestLog(lines: 5)
    test.lines.remove(at: place)
    let fault = try #require(try test.fault())
    #expect(fault.kind == (place == 4 ? .head : .outOfOrder))
    #expect(fault.line == (place == 4 ? 4 : Int64(place + 1)))
  }

  @Test func `lines in another order, twice, or of another log are found`() throws {
    let test = try TestLog(lines: 5)
    let lines = test.lines
    for (left, right) in [(0, 1), (1, 3), (3, 4)] {
      test.lines.swapAt(left, right)
      #expect(try test.fault()?.kind == .outOfOrder)
      #expect(try test.fault()?.line == Int64(left + 1))
      test.lines = lines
    }
    for place in 0..<5 {
      test.lines.insert(lines[place], at: place)
      #expect(try test.fault()?.kind == .outOfOrder)
      test.lines = lines
    }
    let other = try TestLog(lines: 5)
    for place in 0..<5 {
      test.lines.insert(other.lines[place], at: place)
      #expect(try test.fault() != nil)
      test.lines = lines
      test.lines[place] = other.lines[place]
      #expect(try test.fault() != nil)
      test.lines = lines
    }
    test.lines.insert([], at: 2)
    // An empty line is one, too.
    test.bytes = lines[0] + [0x0A, 0x0A] + lines[1...].flatMap { $0 + [0x0A] }
    #expect(try test.fault()?.kind == .altered)
    test.lines = lines
    #expect(try test.fault() == nil)
  }

  @Test func `a line that was altered and given a right hash breaks the one behind it`() throws {
    let test = try TestLog(lines: 5)
    let entry = try #require(AuditEntry(line: test.lines[2]))
    let forged = AuditEntry(
      number: 3, time: entry.time, user: "somebody", by: entry.by, event: entry.event, details: entry.details,
      previous: entry.previous)
    test.lines[2] = forged.bytes
    #expect(try test.fault() == AuditFault(.outOfOrder, line: 4, "line 4 does not follow from the line before it"))
  }

  /// Every byte in one way, and every seventh in the others, so that all ways meet all parts of a line.
  @Test func `any change of one byte, of log or head, is found`() throws {
    let test = try TestLog(lines: 3)
    func change(_ path: ReferenceWritableKeyPath<TestLog, [UInt8]>) throws {
      let bytes = test[keyPath: path]
      for place in bytes.indices {
        let others: [UInt8] = [bytes[place] ^ 0x20, bytes[place] ^ 0x80, 0x0A, 0x00]
        let values = [bytes[place] ^ 1] + (place % 7 == 0 ? others : [others[place % 4]])
        for value in values where value != bytes[place] {
          var changed = bytes
          changed[place] = value
          test[keyPath: path] = changed
          if try test.fault() == nil { Issue.record("byte \(place) became \(value) and nobody saw it") }
        }
      }
      test[keyPath: path] = bytes
      #expect(try test.fault() == nil)
    }
    try change(\.bytes)
    try change(\.headBytes)
  }

  @Test func `a byte that was removed or added is found`() throws {
    let test = try TestLog(lines: 2)
    let bytes = test.bytes
    for place in bytes.indices {
      var changed = bytes
      changed.remove(at: place)
      test.bytes = changed
      if try test.fault() == nil { Issue.record("byte \(place) was removed and nobody saw it") }
      changed = bytes
      changed.insert([0x20, 0x0A, bytes[place]][place % 3], at: place)
      test.bytes = changed
      if try test.fault() == nil { Issue.record("a byte was added at \(place) and nobody saw it") }
    }
  }

  @Test func `a log that was cut together with its head, or written anew, shows against a head noted elsewhere`() throws
  {
    let test = try TestLog(lines: 5)
    let noted = try test.log.verify()
    let lines = test.lines
    try test.log.append(event: .keyRotated)
    #expect(try test.fault(noted: noted.hash) == nil)
    #expect(try test.fault(noted: noted.hash, count: 5) == nil)
    #expect(try test.fault(noted: noted.hash, count: 4)?.kind == .noted)
    #expect(try test.fault(noted: String(repeating: "a", count: 64))?.kind == .noted)
    // Cut, and the head made to fit.
    test.lines = Array(lines.prefix(3))
    let third = try #require(AuditEntry(line: lines[2]))
    test.headBytes = AuditHead(count: 3, hash: third.hash).file
    #expect(try test.fault() == nil)
    #expect(try test.fault(noted: noted.hash)?.kind == .noted)
    // Everything gone.
    let other = try TestLog(lines: 5)
    #expect(try other.fault(noted: noted.hash, count: 5)?.kind == .noted)
  }

  @Test func `a log without line ends is no reason to read all of it into memory`() throws {
    let test = try TestLog(lines: 1)
    test.bytes += [UInt8](repeating: 0x7B, count: 300_000)
    #expect(try test.fault()?.kind == .altered)
  }
}
