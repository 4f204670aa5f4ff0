import ArgumentParser
import Cryptography
import Foundation
import Linking
import Postgres
import StageKit

struct LinkageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "linkage", abstract: "How well records are linked.",
    subcommands: [Report.self, Review.self, Evaluate.self])

  struct Report: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "How many live records are linked to records of other sources, for each group of people.",
      discussion: """
        By source, rank of the link, age, sex, ethnic category, practice and area, and how many records people have. True \
        counts, for operators; for everybody else there is the dataset linkage-quality, under disclosure control.
        """)

    @OptionGroup var installation: InstallationOptions
    @Flag(help: "Print as JSON.")
    var json = false

    func run() async throws {
      let database = try Connection(try await installation.installation().configuration.databaseURL)
      defer { database.close() }
      let report = try LinkageReport.read(database)
      print(try json ? LinkageCommand.encoded(report) : report.text)
    }
  }

  struct Review: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List records that several persons answered, by pseudonym.",
      discussion: """
        They stay by themselves, since nothing tells to which of these persons they belong. Whoever may look into it finds \
        the records by their person id.
        """)

    @OptionGroup var installation: InstallationOptions
    @Option(help: "Persons to list.")
    var limit = 1_000
    @Flag(help: "Print as JSON.")
    var json = false

    func validate() throws {
      guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
    }

    func run() async throws {
      let database = try Connection(try await installation.installation().configuration.databaseURL)
      defer { database.close() }
      let list = try AmbiguousLinks.read(database, limit: limit)
      print(try json ? LinkageCommand.encoded(list) : list.text)
    }
  }

  private static func encoded(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  struct Evaluate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Link the records of a CSV file, and compare the persons found with the true ones.",
      discussion: """
        Runs the passes of linkage on tokens made with keys of the moment, within this process; nothing is stored or sent. \
        Columns: record_id, source (gp, hospital, community), nhs_number, date_of_birth (YYYY-MM-DD), sex (1, 2), \
        postcode, local_id, organisation. Only record_id must be there; any value may be empty. One of 32 hexadecimal \
        digits is taken for the record id of an installation.
        """)

    @Option(help: ArgumentHelp("CSV file with a header row.", valueName: "file"))
    var input: String
    @Option(help: ArgumentHelp("Column that says whose a record is.", valueName: "column"))
    var truth: String?
    @Option(help: ArgumentHelp("New file for record_id,person_id; never replaces one.", valueName: "file"))
    var output: String?
    @Flag(help: "Print the figures as JSON.")
    var json = false

    func validate() throws {
      if let truth, EvaluationRecords.columns.contains(truth) {
        throw ValidationError("--truth \(truth) is what records are linked by")
      }
    }

    func run() async throws {
      let file = try output.map { try NewFile($0) }
      let start = ContinuousClock.now
      let records = try EvaluationRecords(file: input, truth: truth)
      let linkage = try LocalLinkage(records)
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      if let file {
        try file.write(Array("record_id,person_id\n".utf8))
        for (name, person) in zip(records.names, linkage.personIDs(records.names)) {
          var row = CSVRow()
          row.add(name)
          row.add(person.hex)
          row.end()
          try file.write(row.bytes)
        }
        try file.finish()
      }
      let report = EvaluationReport(records, linkage, seconds: seconds)
      print(try json ? LinkageCommand.encoded(report) : report.text)
    }
  }
}
