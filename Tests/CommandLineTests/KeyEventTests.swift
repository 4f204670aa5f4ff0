import Audit
import Foundation
import KeyRing
import Testing

@testable import caredata

/// What is done with keys of a state folder, by the commands as they are.
@Suite struct KeyEventTests {
  private final class Folder {
    let state: StateDirectory
    var log: AuditLog { AuditLog(path: state.auditLog) }

    init() throws {
      var template = Array("/tmp/caredata-events-XXXXXX".utf8CString)
      precondition(mkdtemp(&template) != nil)
      state = StateDirectory(path: String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
      try state.makeKeys(log)
    }

    deinit { try? FileManager.default.removeItem(atPath: state.path) }

    func entries() throws -> [AuditEntry] {
      var entries: [AuditEntry] = []
      try log.verify { entries.append($0) }
      return entries
    }
  }

  @Test func `making, rotating and exporting keys is logged, and making what exists is nothing`() async throws {
    let folder = try Folder()
    #expect(try folder.entries().map(\.event) == Array(repeating: "key.created", count: 3))
    try folder.state.makeKeys(folder.log)
    #expect(try folder.entries().count == 3)
    let arguments = ["--state", folder.state.path, "--service", "pseudonymisation"]
    let rotate = try KeysCommand.Rotate.parse(arguments + ["--purpose", "reverse"])
    try await rotate.run()
    let export = try KeysCommand.ExportPublic.parse(arguments + ["--output", folder.state.path + "/public.json"])
    try export.run()
    let entries = try folder.entries().dropFirst(3)
    #expect(entries.map(\.event) == ["key.rotated", "key.exported"])
    #expect(
      entries.first?.details == ["service": "pseudonymisation", "purpose": "reverse", "version": "2"])
    let ring = try folder.state.keys.ring(of: .pseudonymisation)
    #expect(try ring.active(.reverse).version == 2)
    let identity = try ring.active(.identity).entry.id
    #expect(entries.last?.details["ids"]?.contains(identity) == true)
  }

  @Test func `what cannot be logged is not done`() async throws {
    let folder = try Folder()
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder.log.path)
    let arguments = ["--state", folder.state.path, "--service", "pseudonymisation"]
    let rotate = try KeysCommand.Rotate.parse(arguments + ["--purpose", "reverse"])
    await #expect(throws: AuditError.self) { try await rotate.run() }
    #expect(try folder.state.keys.ring(of: .pseudonymisation).active(.reverse).version == 1)
    let output = folder.state.path + "/public.json"
    let export = try KeysCommand.ExportPublic.parse(arguments + ["--output", output])
    #expect(throws: AuditError.self) { try export.run() }
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test func `a ring that does not open is logged`() throws {
    let (folder, other) = (try Folder(), try Folder())
    let place = folder.state.keys.wrappingKey(of: .publication)
    try FileManager.default.removeItem(atPath: place)
    try FileManager.default.copyItem(atPath: other.state.keys.wrappingKey(of: .publication), toPath: place)
    let list = try KeysCommand.List.parse(["--state", folder.state.path, "--service", "publication"])
    #expect(throws: KeyRingError.self) { try list.run() }
    let last = try folder.entries().last
    #expect(last?.event == "key.unlock-failed" && last?.details == ["service": "publication"])
  }
}
