import ArgumentParser
import Foundation

struct ReleaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "Publish datasets.", subcommands: [Create.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Release datasets from everything that is admitted and balanced.",
      discussion: """
        Refused while an extract is still under way, while the national list of objections is missing or too old, while \
        a rejected objection waits, and when a fact of an objector is found. All objections acknowledged before are \
        honoured. The same inputs and definition give the same bytes: releasing twice is no new release. Several datasets \
        are counted in one pass, of one state of the data.
        """)

    @OptionGroup var installation: InstallationOptions

    @Flag(help: "Print the releases as JSON, one object a line.")
    var json = false

    @Flag(help: "Release every dataset that is defined.")
    var all = false

    @Argument(help: "Names of the datasets, for example condition-prevalence.")
    var datasets: [String] = []

    func validate() throws {
      guard all == datasets.isEmpty else { throw ValidationError("name datasets, or say --all") }
    }

    func run() async throws {
      let output = try PublicationProgram.release(
        all ? ["--all"] : datasets, try await installation.installation(), json: json)
      print(output)
    }
  }
}

/// The publication program's one-shot release: it holds the facts, the keys and the register.
enum PublicationProgram {
  /// - Parameter datasets: their names, or `--all`.
  static func release(_ datasets: [String], _ target: Installation, json: Bool) throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let (process, output) = try ChildStart.alone {
      let process = Process()
      process.executableURL = URL(
        fileURLWithPath: (own as NSString).deletingLastPathComponent + "/caredata-publication")
      process.arguments = ["release"] + datasets + (json ? ["--json"] : [])
      process.environment = target.environment
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      return (process, output)
    }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw ExitCode(process.terminationStatus) }
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }
}
