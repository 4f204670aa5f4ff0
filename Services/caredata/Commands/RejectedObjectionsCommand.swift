import ArgumentParser
import Foundation
import Postgres

struct RejectedObjectionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rejected",
    abstract: "Objections that could not be read: where they lie, and what was done about them.",
    discussion: "While one waits, `release create` refuses every release.",
    subcommands: [List.self, Resolve.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Those that wait; with --all also those resolved.")
    @OptionGroup var installation: InstallationOptions
    @Flag(help: "Also what is resolved, with name and reason.")
    var all = false

    func run() async throws {
      let database = try Connection(try await installation.installation().configuration.databaseURL)
      defer { database.close() }
      let rows = try RejectedObjections(database: database).rows(includesResolved: all)
      guard !rows.isEmpty else { return print("no objection waits") }
      var table = TextTable("place", "stage", "reason", "rejected", "resolved")
      for row in rows {
        let resolution = row.resolution.map { "\($0.at) by \($0.by): \($0.reason)" } ?? "waits"
        table.row([row.place.text, row.stage, row.code, row.rejectedAt, resolution])
      }
      print(table.render())
    }
  }

  struct Resolve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say that a rejected objection has been looked into: sent again rightly, or none at all.")
    @OptionGroup var installation: InstallationOptions
    @Option(help: ArgumentHelp("Who has looked into it.", valueName: "name"))
    var by: String
    @Option(help: ArgumentHelp("What was found and done, without anything about the patient.", valueName: "text"))
    var reason: String
    @Argument(help: ArgumentHelp("Where it lies, as `objections rejected` prints it.", valueName: "place"))
    var place: String

    func validate() throws {
      try GivenText.check(by, option: "--by")
      try GivenText.check(reason, option: "--reason")
      guard RejectedPlace(place) != nil else { throw ValidationError("A place is topic/partition/offset.") }
    }

    func run() async throws {
      guard let place = RejectedPlace(place) else { return }
      let target = try await installation.installation()
      let database = try Connection(target.configuration.databaseURL)
      defer { database.close() }
      try target.audit().append(
        event: .objectionResolved, by: by, details: ["place": place.text, "reason": reason])
      try RejectedObjections(database: database).resolve(place, by: by, reason: reason)
      print("\(place.text): resolved")
    }
  }
}
