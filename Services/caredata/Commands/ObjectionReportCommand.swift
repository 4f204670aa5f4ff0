import ArgumentParser
import Foundation
import Postgres

struct ObjectionReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "The proof: objections received and applied, records held back, and facts that must not be there.",
    discussion: """
      What ingestion has received and what the objection filter has applied are the same for every organisation and \
      day. Where they are not and nothing is under way, or where publication found a fact of an objector, the line is \
      marked and the exit code is 1. Counts are statements: one objection under two numbers of a person is two.
      """)

  @OptionGroup var installation: InstallationOptions
  @Option(help: ArgumentHelp("Days back, today included.", valueName: "days"))
  var days = 30
  @Flag(help: "Print as JSON.")
  var json = false

  func validate() throws {
    guard 1...36_500 ~= days else { throw ValidationError("--days is from 1 to 36500.") }
  }

  func run() async throws {
    let target = try await installation.installation()
    let database = try Connection(target.configuration.databaseURL)
    defer { database.close() }
    guard try database.has(table: "ingestion.extract") else {
      throw ClientError("ingestion has never run on this database; start it first")
    }
    // Asked first: what is read afterwards may be newer, never older.
    let underWay = try ObjectionReportReader.underWay(target, database)
    var report = try ObjectionReportReader(database: database).read(days: days)
    report.underWay = underWay
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(report), as: UTF8.self))
    } else {
      print(report.text)
    }
    if report.isFailure { throw ExitCode(1) }
  }
}
