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
    abstract: "Release a dataset: register it, write its file, send it to its subscribers.",
    discussion: """
      Waits until every service has handled everything acknowledged so far, objections included. Refused while \
      a service holds releases back, and when a record contradicts an objection. When nothing has \
      changed since an earlier release, that release is named again and nothing is sent. Reads the definition from \
      CAREDATA_DATASETS_DIRECTORY (compose/datasets) and writes below CAREDATA_RELEASES_DIRECTORY (releases).
      """)

  @Argument(help: "Name of the dataset, for example condition-prevalence.")
  var dataset: String

  @Flag(help: "Print one JSON object: release, dataset, rows, file, sha256.")
  var json = false

  @Option(help: "Seconds to wait for the services.")
  var timeout = 60

  func validate() throws {
    guard timeout > 0 else { throw ValidationError("--timeout must be at least 1") }
  }

  func run() async throws {
    do {
      let directories = ReleaseDirectories()
      let folder = try directories.folder()
      guard let definition = folder[dataset] else {
        throw ReleaseError.noDefinition(dataset: dataset, known: folder.definitions.map(\.name))
      }
      let configuration = try await StageConfiguration.load()
      let lists = try Specifications.load(directory: configuration.specificationDirectory).exclusions
      let releaser = Releaser(
        configuration: configuration, files: ReleaseFiles(directory: directories.releases),
        cutPatience: .seconds(timeout),
        exclusions: try AppliedExclusions(lists, purpose: definition.exclusionPurpose, on: .today),
        organisations: folder.library.organisations)
      let (outcome, isNew) = try await releaser.release(definition)
      print(try json ? Self.json(outcome) : Self.text(outcome, isNew: isNew))
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
