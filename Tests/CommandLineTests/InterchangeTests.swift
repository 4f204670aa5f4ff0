import Audit
import Foundation
import Tables
import Testing

@testable import caredata

@Suite struct InterchangeTests {
  private static let published = "ED72F814B7905F3D3958749FA90FE657C101EC657402783DB68CBE3513E76087"
  private static let rounded = "61A5E3E43A8071EB118CF2297D01E43B4548026058FC7C43AB196BC8D53F40EB"

  /// A state folder with a salt and an input file, gone at the end.
  private final class Files {
    let path: String
    var output: String { path + "/out.csv" }
    var log: AuditLog { AuditLog(path: path + "/audit.log") }

    init(_ input: String, salt: String = "mackerel\n", mode: Int = 0o600) throws {
      var template = Array("/tmp/caredata-open-XXXXXX".utf8CString)
      precondition(mkdtemp(&template) != nil)
      path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      try input.write(toFile: path + "/in.csv", atomically: false, encoding: .utf8)
      try salt.write(toFile: path + "/salt", atomically: false, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path + "/salt")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func run(_ arguments: String...) async throws {
      let command = try PseudonymiseCommand.Open.parse(
        [
          "--input", path + "/in.csv", "--salt-file", path + "/salt", "--output", output, "--state", path,
        ] + arguments)
      try await command.run()
    }

    var text: String? { FileManager.default.contents(atPath: output).map { String(decoding: $0, as: UTF8.self) } }
  }

  private let input = """
    NHSNumber,Practice,DOB
    943 476 5919,A81001,29.11.1973
    ,A81002,29.11.1973
    9434765919,"A, B",29.11.1973

    """

  @Test func `the digest of the published vector stands in the new file, and nothing that is not asked for`()
    async throws
  {
    let files = try Files(input)
    try await files.run("--fields", "NHSNumber,DOB", "--keep", "Practice")
    #expect(
      files.text == "digest,Practice\n\(Self.published),A81001\n,A81002\n\(Self.published),\"A, B\"\n")
    let mode = try FileManager.default.attributesOfItem(atPath: files.output)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: files.path).allSatisfy { !$0.hasPrefix(".out") })
  }

  @Test func `dates are rounded down where that is asked for`() async throws {
    let files = try Files(input)
    try await files.run("--fields", "DOB, NHSNumber", "--round-dates", "DOB")
    #expect(files.text == "digest\n\(Self.rounded)\n\n\(Self.rounded)\n")
  }

  @Test func `it is logged before the file is read, without anything of what stands in it`() async throws {
    let files = try Files(input)
    try await files.run("--fields", "NHSNumber,DOB", "--by", "A. Reader")
    var entries: [AuditEntry] = []
    try files.log.verify { entries.append($0) }
    #expect(entries.map(\.event) == ["records.digested"] && entries[0].by == "A. Reader")
    #expect(entries[0].details["fields"] == "NHSNumber,DOB")
    #expect(!entries[0].json.contains("mackerel") && !entries[0].json.contains("A81001"))
    // No log, no file: the log is open to others.
    let closed = try Files(input)
    try closed.log.append(event: .keyCreated)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: closed.log.path)
    await #expect(throws: AuditError.self) { try await closed.run("--fields", "NHSNumber,DOB") }
    #expect(closed.text == nil)
  }

  @Test func `a fault names row and column, never a value, and leaves no file`() async throws {
    func fault(_ input: String, _ arguments: [String]) async throws -> String {
      let files = try Files(input)
      defer { #expect(files.text == nil) }
      do {
        try await files.run(arguments[0], arguments[1], "--round-dates", "DOB")
      } catch { return "\(error)".replacing(files.path, with: "") }
      return "none"
    }
    let fields = ["--fields", "NHSNumber,DOB"]
    #expect(
      try await fault("NHSNumber,DOB\n9434765919,1973-11-29\n", fields).hasPrefix("/in.csv, row 2, column DOB: no date")
    )
    #expect(try await fault("NHSNumber,DOB\n9434765919\n", fields) == "/in.csv, row 2: 1 values for 2 columns")
    #expect(try await fault("NHSNumber,Born\n9434765919,1\n", fields) == "/in.csv, row 1: no column DOB")
    #expect(try await fault("NHSNumber,DOB,DOB\n1,2,3\n", fields) == "/in.csv, row 1: more than one column DOB")
    #expect(try await fault("", fields) == "/in.csv is empty")
  }

  @Test func `a salt that others can read, or that is blank, is refused, and no file is replaced`() async throws {
    for (salt, mode) in [
      ("mackerel", 0o644), ("mackerel", 0o640), ("", 0o600), ("\n", 0o600), ("a\nb\n", 0o600), (" a", 0o600),
    ] {
      let files = try Files(input, salt: salt, mode: mode)
      await #expect(throws: (any Error).self) { try await files.run("--fields", "NHSNumber") }
      #expect(files.text == nil)
    }
    let files = try Files(input)
    try "mine".write(toFile: files.output, atomically: false, encoding: .utf8)
    await #expect(throws: ClientError.self) { try await files.run("--fields", "NHSNumber") }
    #expect(files.text == "mine")
  }

  @Test func `columns that contradict each other are refused`() async throws {
    let files = try Files(input)
    await #expect(throws: (any Error).self) { try await files.run("--fields", "DOB", "--keep", "DOB") }
    await #expect(throws: (any Error).self) { try await files.run("--fields", "DOB", "--round-dates", "Other") }
    await #expect(throws: (any Error).self) { try await files.run("--fields", "DOB", "--keep", "Practice,Practice") }
    await #expect(throws: (any Error).self) { try await files.run("--fields", "") }
  }
}
