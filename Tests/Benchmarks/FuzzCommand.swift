import ArgumentParser
import Foundation
import Fuzzing

/// Hostile messages and files against the programs as they are shipped.
struct FuzzCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fuzz",
    abstract: "Sends hostile messages to ingestion and hostile files to `caredata submit --dry-run`.",
    discussion: """
      Messages are made from sound ones by changing fields and damaging bytes, in Protobuf and JSON; the same seed makes \
      the same ones. The service runs alone on a broker and a database of its own. Exit code 1 unless it is still running \
      at the end, has not grown, and every message and every entry is accounted for; and unless every extract of files is \
      read, or refused in one line that repeats nothing of it.
      """)

  @Option(help: "Messages to send.")
  var messages = 1_000_000

  @Option(help: "Extracts of CSV or FHIR files to read.")
  var files: Int?

  @Option(help: "The seed of everything.")
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Folder for state and logs; made anew.", valueName: "dir"))
  var directory = "/tmp/caredata-fuzz"

  func run() async throws {
    print("seed \(seed)")
    let workspace = try Workspace(directory: directory)
    let installation = try PipelineBenchmark(workspace, patients: 50, seed: seed)
    defer { installation.stop() }
    try installation.pause()
    var faults = try FuzzedMessages(workspace, installation.environment, seed: seed).run(messages)
    faults += try FuzzedFiles(workspace, seed: seed).run(files ?? max(messages / 500, 8))
    guard faults.isEmpty else {
      print("\n\(faults.count) faults, the first of them:\n\(faults.prefix(20).joined(separator: "\n"))")
      throw ExitCode(1)
    }
    print("\neverything is accounted for")
  }
}
