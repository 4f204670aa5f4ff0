import Foundation
import Fuzzing

/// Gives hostile files to `caredata submit --dry-run`, one process for each extract.
struct FuzzedFiles {
  private let workspace: Workspace
  private let seed: UInt64

  init(_ workspace: Workspace, seed: UInt64) {
    self.workspace = workspace
    self.seed = seed
  }

  private struct Summary: Decodable {
    let rows: Int
    let patients: Int
    let entries: Int
    let rejected: [String: Int]
    let findings: [String: Int]
  }

  /// Faults; none when each extract was read, or refused in one line.
  func run(_ count: Int) throws -> [String] {
    var fuzzer = FileFuzzer(seed: seed)
    var (read, refused, rows, bytes) = (0, 0, 0, 0)
    var kinds: Set<String> = []
    var faults: [String] = []
    let start = ContinuousClock.now
    for number in 1...count {
      let files = fuzzer.next(rows: 100)
      bytes += files.files.reduce(0) { $0 + $1.bytes.count }
      let answer = try submit(files)
      let fault: String?
      if answer.code == 0 {
        let summary = try? JSONDecoder().decode(Summary.self, from: answer.output)
        rows += summary?.rows ?? 0
        read += 1
        fault =
          summary.map { $0.patients <= $0.rows && $0.rejected.values.reduce(0, +) <= $0.patients } == true
          ? Self.leak(answer.output) : "was read without a sound summary"
      } else {
        refused += 1
        fault = Self.fault(ofRefusal: answer)
        kinds.insert(String(decoding: answer.errors, as: UTF8.self).split(separator: ":").last.map(String.init) ?? "")
      }
      if let fault {
        faults.append("file extract \(number) of seed \(seed), \(files.source) \(files.format): \(fault)")
      }
    }
    let seconds = (ContinuousClock.now - start).inSeconds
    print(
      """
      \(count) extracts of files (\(bytes >> 20) MB) in \(Int(seconds)) s: \(read) read with \(rows) rows, \
      \(refused) refused in \(kinds.count) ways
      """)
    return faults
  }

  private static func leak(_ output: Data) -> String? {
    String(decoding: output, as: UTF8.self).contains(HostileValues.canary) ? "its values are repeated" : nil
  }

  private static func fault(ofRefusal answer: Answer) -> String? {
    if answer.code != 1 { return "ended with code \(answer.code)" }
    let lines = String(decoding: answer.errors, as: UTF8.self).split(separator: "\n")
    if lines.count != 1 || !answer.output.isEmpty { return "was not refused in one line" }
    return leak(answer.errors)
  }

  private struct Answer {
    /// 128 and the signal, when it was one.
    let code: Int32
    let output: Data
    let errors: Data
  }

  private func submit(_ files: FuzzFiles) throws -> Answer {
    let folder = workspace.path("files")
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for file in files.files { try Data(file.bytes).write(to: URL(fileURLWithPath: "\(folder)/\(file.name)")) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: workspace.program("caredata"))
    process.arguments = [
      "submit", "--dry-run", "--json", "--source", files.source, "--format", files.format, "--organisation",
      files.organisation, "--period", "2026-10", folder,
    ]
    let (output, errors) = (workspace.path("files.out"), workspace.path("files.err"))
    for path in [output, errors] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: errors)
    try process.run()
    process.waitUntilExit()
    let code = process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
    return Answer(
      code: code, output: try Data(contentsOf: URL(fileURLWithPath: output)),
      errors: try Data(contentsOf: URL(fileURLWithPath: errors)))
  }
}
