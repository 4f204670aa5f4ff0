import ArgumentParser
import Clinical
import Datasets
import Foundation
import Specification
import StageKit

@main
struct Publication: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "caredata-publication",
    abstract: "Keeps linked facts and releases disclosure-controlled datasets.",
    subcommands: [Run.self, ReleaseDataset.self], defaultSubcommand: Run.self)
}

/// The stage.
struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the publication service (the default).",
    discussion: "Configured by the environment: CAREDATA_DATABASE_URL, CAREDATA_KAFKA_BOOTSTRAP_SERVERS, …")

  func run() async {
    await StageMain<PublicationStage>.run()
  }
}

struct ReleaseDataset: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release",
    abstract: "Release datasets: register them, write their files, send them to their subscribers.",
    discussion: """
      Waits until every service has handled everything acknowledged so far, objections included. Refused while \
      a service holds releases back, and when a record contradicts an objection. When nothing has \
      changed since an earlier release, that release is named again and nothing is sent. Reads the definition from \
      CAREDATA_DATASETS_DIRECTORY (compose/datasets) and writes below CAREDATA_RELEASES_DIRECTORY (releases).
      """)

  @Argument(help: "Names of the datasets, for example condition-prevalence; several are of one state of the data.")
  var datasets: [String] = []

  @Flag(help: "Release every dataset that is defined.")
  var all = false

  @Flag(help: "Print one JSON object a line: release, dataset, rows, file, sha256.")
  var json = false

  @Option(help: "Seconds to wait for the services.")
  var timeout = 60

  func validate() throws {
    guard timeout > 0 else { throw ValidationError("--timeout must be at least 1") }
    guard all == datasets.isEmpty else { throw ValidationError("name datasets, or say --all") }
    guard Set(datasets).count == datasets.count else { throw ValidationError("a dataset is named twice") }
  }

  func run() async throws {
    do {
      let directories = ReleaseDirectories()
      let folder = try directories.folder()
      let names = folder.definitions.map(\.name)
      let definitions = try (all ? names : datasets).map { name in
        guard let definition = folder[name] else { throw ReleaseError.noDefinition(dataset: name, known: names) }
        return definition
      }
      let configuration = try await StageConfiguration.load()
      let lists = try Specifications.load(directory: configuration.specificationDirectory).exclusions
      let parts = try definitions.map { definition in
        Releaser.Part(
          definition: definition,
          exclusions: try AppliedExclusions(lists, purpose: definition.exclusionPurpose, on: .today))
      }
      let releaser = Releaser(
        configuration: configuration, files: ReleaseFiles(directory: directories.releases),
        cutPatience: .seconds(timeout), organisations: folder.library.organisations)
      for (outcome, isNew) in try await releaser.release(parts) {
        print(try json ? Self.json(outcome) : Self.text(outcome, isNew: isNew))
      }
    } catch let error as ReleaseError {
      throw Self.failure("\(error)", .failure)
    } catch let error as SpecificationFaults {
      throw Self.failure("the definitions cannot be used:\n\(error)", .failure)
    } catch {
      let error = StageError.wrapping(error)
      throw Self.failure("\(error)", ExitCode(error.code.rawValue))
    }
  }

  private static func text(_ outcome: Releaser.Outcome, isNew: Bool) -> String {
    let news = isNew ? "released" : "nothing has changed since release"
    return """
      \(outcome.dataset): \(news) \(outcome.release), \(outcome.rows) rows
      file    \(outcome.file)
      sha256  \(outcome.sha256)
      """
  }

  private static func json(_ outcome: Releaser.Outcome) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(outcome), as: UTF8.self)
  }

  private static func failure(_ text: String, _ code: ExitCode) -> ExitCode {
    FileHandle.standardError.write(Data("caredata release: \(text)\n".utf8))
    return code
  }
}
