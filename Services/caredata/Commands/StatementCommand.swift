import ArgumentParser
import Clinical
import Foundation
import Specification
import StageKit

struct StatementCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "statement",
    abstract: "In plain English, for the public: what is collected and what each objection changes.",
    discussion: """
      Made from the rules in force: the specification, the exclusion lists, CAREDATA_PRACTICES_NOTICE_DAYS and \
      CAREDATA_NATIONAL_LIST_DAYS, of the running installation where there is one.
      """)

  @Option(help: ArgumentHelp("State folder of a running `caredata up`.", valueName: "dir"))
  var state = StateDirectory.defaultPath
  @OptionGroup var folder: SpecificationCommand.Folder
  @Argument(help: "The version; default: the one in force for the present month.")
  var version: String?

  func run() async throws {
    let running = try StateDirectory(path: state).running()?.environment ?? [:]
    let environment = ProcessInfo.processInfo.environment.merging(running) { _, new in new }
    let specifications = try Specifications.load(
      directory: try ProjectFolder.specification.locate(folder.directory, environment: environment))
    print(try await Self.statement(specifications, version, environment, on: .today).text)
  }

  static func statement(
    _ specifications: Specifications, _ version: String?, _ environment: [String: String], on day: CalendarDate
  ) async throws -> PublicStatement {
    // The rules are asked for, not the database or the broker, so these need not be there.
    let absent = ["CAREDATA_DATABASE_URL": "none", "CAREDATA_KAFKA_BOOTSTRAP_SERVERS": "none"]
    let configuration = try await StageConfiguration.load(environment: environment.merging(absent) { own, _ in own })
    return PublicStatement(
      specifications: specifications, version: try specifications.version(version, on: day), day: day,
      noticeDays: configuration.noticeDays, list: configuration.nationalList)
  }
}
