import Audit
import Foundation
import Testing

extension WholeSystem {
  @Suite struct AuditProcessTests {
    @Test func `processes that log at once leave one chain, and none acts where it cannot log`() throws {
      let folder = TestFolder.make("audit")
      defer { TestFolder.remove(folder) }
      let files = FileManager.default
      try "NHSNumber\n9990000018\n".write(toFile: folder + "/in.csv", atomically: true, encoding: .utf8)
      _ = files.createFile(
        atPath: folder + "/salt", contents: Data("mackerel\n".utf8), attributes: [.posixPermissions: 0o600])
      func start(_ name: String) throws -> SpawnedProcess {
        try SpawnedProcess(
          "caredata",
          [
            "pseudonymise", "open", "--input", folder + "/in.csv", "--fields", "NHSNumber", "--salt-file",
            folder + "/salt", "--output", "\(folder)/\(name).csv", "--by", name,
          ], environment: ["CAREDATA_AUDIT_FILE": folder + "/audit.log"], output: "\(folder)/\(name).txt")
      }
      let names = (0..<16).map { "clerk-\($0)" }
      for process in try names.map(start) { #expect(try process.finish() == 0, "\(process.text)") }
      let log = AuditLog(path: folder + "/audit.log")
      var seen: [String] = []
      try log.verify { seen.append($0.by) }
      #expect(seen.sorted() == names.sorted())

      try files.setAttributes([.posixPermissions: 0o644], ofItemAtPath: log.path)
      let refused = try start("late")
      #expect(try refused.finish() != 0 && refused.text.contains("chmod 600"), "\(refused.text)")
      #expect(!files.fileExists(atPath: folder + "/late.csv"))
    }
  }
}
