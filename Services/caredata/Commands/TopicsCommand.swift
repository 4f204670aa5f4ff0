import ArgumentParser
import Contracts
import Foundation
import Kafka

struct TopicsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topics", abstract: "The topics of the system on a Kafka cluster.", subcommands: [Apply.self])

  struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Create the topics that are missing, with partitions, retention and cleanup policy.",
      discussion: """
        Existing topics are left as they are. A keyed topic with another partition count is refused: its keys would \
        move to other partitions and overtake their own past. (`caredata up` makes its topics itself.)
        """)

    @OptionGroup var installation: InstallationOptions

    @Option(help: "Copies of each partition.")
    var replicationFactor = 3

    @Option(help: ArgumentHelp("Dataset definitions; default: compose/datasets of this project.", valueName: "dir"))
    var datasets: String?

    @Flag(help: "Say what would be done, and do nothing.")
    var dryRun = false

    func run() async throws {
      let target = try await installation.installation()
      let topics = Topic.all(datasets: try DatasetsFolder.names(try ProjectFolder.datasets.locate(datasets)))
      let admin = try Admin(target.kafka)
      let existing = try admin.partitionCounts()
      var missing: [NewTopic] = []
      for topic in topics {
        let name = target.layout.name(topic)
        guard let partitions = existing[name] else {
          missing.append(
            NewTopic(
              name: name, partitions: target.layout.partitions, replicationFactor: replicationFactor,
              configuration: topic.settings))
          continue
        }
        guard partitions == target.layout.partitions else {
          throw ClientError(
            "\(name) has \(partitions) partitions, not \(target.layout.partitions): changing a keyed topic is refused")
        }
      }
      for topic in missing { print("\(dryRun ? "would create" : "creating") \(topic.name)") }
      if !dryRun { try admin.createTopics(missing) }
      print("\(topics.count) topics, \(missing.count) \(dryRun ? "missing" : "created")")
    }
  }
}

extension Topic {
  /// Broker settings: a rejected message must fit although it is described by more than it holds.
  var settings: [String: String] {
    var settings = ["cleanup.policy": cleanup.rawValue, "max.message.bytes": "1048576"]
    if cleanup == .delete { settings["retention.ms"] = "\(Int64(retentionDays) * 86_400_000)" }
    return settings
  }
}
