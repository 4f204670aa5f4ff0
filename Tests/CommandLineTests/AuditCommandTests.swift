import ArgumentParser
import Cryptography
import Foundation
import Testing

@testable import Audit
@testable import caredata

@Suite struct AuditCommandTests {
  private final class Folder {
    let path: String
    init() {
      var template = Array("/tmp/caredata-audit-XXXXXX".utf8CString)
      precondition(mkdtemp(&template) != nil)
      path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private func verify(_ arguments: String...) async throws {
    let command = try AuditCommand.Verify.parse(arguments)
    try await command.run()
  }

  @Test func `verify passes an untouched log and fails a changed one, and a noted head must be in it`() async throws {
    let folder = Folder()
    let log = AuditLog(path: folder.path + "/audit.log")
    let noted = try log.append(event: .keyCreated, details: ["service": "ingestion"])
    try log.append(event: .personExplained)
    try await verify("--state", folder.path)
    try await verify("--file", log.path, "--head", noted.hash, "--count", "1")
    await #expect(throws: AuditFault.self) {
      try await verify("--file", log.path, "--head", noted.hash, "--count", "2")
    }
    await #expect(throws: AuditError.self) { try await verify("--file", folder.path + "/other") }
    for bad in [["--head", "abc"], ["--count", "1"], ["--head", noted.hash.uppercased() + "0"]] {
      #expect(throws: (any Error).self) { try AuditCommand.Verify.parse(bad) }
    }
    let text = try String(contentsOfFile: log.path, encoding: .utf8)
    let handle = try #require(FileHandle(forWritingAtPath: log.path))
    try handle.write(contentsOf: Data(text.replacing("ingestion", with: "ingestioN").utf8))
    try handle.close()
    await #expect(throws: AuditFault.self) { try await verify("--state", folder.path) }
  }

  @Test func `a person can be looked for by who knows the token, and the log does not show it`() throws {
    let token = Token16(high: 0x0123_4567_89AB_CDEF, low: 7)
    let digest = AuditSubject.digest(token)
    #expect(digest.count == 32 && !digest.contains(token.hex.prefix(8)))
    #expect(digest != AuditSubject.digest(Token16(high: 0x0123_4567_89AB_CDEF, low: 8)))
    #expect(Token16(hex: token.hex) == token && Token16(hex: token.hex.uppercased()) == token)
    for bad in ["", "0", token.hex + "0", String(token.hex.dropLast()) + "g", "+" + token.hex.dropFirst()] {
      #expect(Token16(hex: bad) == nil)
    }
  }

  @Test func `text that goes into the log is not blank, not long, and holds no NHS number`() throws {
    try GivenText.check("A. Reader", option: "--by")
    try GivenText.check("ticket 1234567890 of 2026-10-05", option: "--reason")
    for bad in [
      "", "  ", String(repeating: "a", count: 501), "for 9990000018", "for 999 000 0018, asked", "999-000-0018",
    ] {
      #expect(throws: ValidationError.self) { try GivenText.check(bad, option: "--purpose") }
    }
  }

  @Test func `without a place for the log there is none`() throws {
    let folder = Folder()
    #expect(throws: ClientError.self) { try AuditPlace.log(state: folder.path + "/none") }
    #expect(try AuditPlace.log(state: folder.path).path == folder.path + "/audit.log")
  }
}
