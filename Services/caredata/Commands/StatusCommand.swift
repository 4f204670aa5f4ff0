import ArgumentParser
import Contracts
import Foundation
import Kafka
import Postgres
import StageKit

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Where the stream stands: per stage in, out, rejected, excluded and lag.")

  @OptionGroup var installation: InstallationOptions

  @Flag(help: "Print as JSON.")
  var json = false

  func run() async throws {
    let target = try await installation.installation()
    let status = try StreamStatus.read(target)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      return print(String(decoding: try encoder.encode(status), as: UTF8.self))
    }
    print(status.text)
  }
}

/// Counts of records per stage over all extracts, from the tables in which each stage counts every record once.
struct StreamStatus: Codable {
  struct Stage: Codable {
    var stage: String
    var received: Int64
    var passed: Int64
    var excluded: Int64
    var rejected: Int64
    /// Messages that the stage has yet to read.
    var lag: Int64
  }

  var stages: [Stage] = []
  /// Extracts by state.
  var extracts: [String: Int64] = [:]
  var objections = ObjectionState()
  /// What the national list lacks; nil: nothing, or no list is used.
  var listFault: String?
  /// Greatest age of the national list in days; nil: none is used.
  var listLimitDays: Int?
  /// Of the routing key, where one is under way.
  var keyReplacement: RoutingKeyInUse.Replacement?
  /// Records that linkage has put aside, and whether it waits, for `keys reencrypt`.
  var linkageParked: Int64 = 0
  var linkageWaits = false

  static func read(_ target: Installation) throws -> StreamStatus {
    let database = try Connection(target.configuration.databaseURL)
    defer { database.close() }
    let admin = try Admin(target.kafka)
    var status = StreamStatus()
    for stage in StageName.allCases {
      let rows = try database.query(counts(stage))
      var lag: Int64 = 0
      for topic in Topic.all(datasets: []) where topic.readers.contains(stage) {
        lag += try admin.lag(group: target.layout.group(stage), topic: target.layout.name(topic)).values.reduce(0, +)
      }
      status.stages.append(
        Stage(
          stage: stage.rawValue, received: rows.int(0, 0) + rows.int(0, 1) + rows.int(0, 2), passed: rows.int(0, 0),
          excluded: rows.int(0, 1), rejected: rows.int(0, 2), lag: lag))
    }
    let extracts = try database.query("select state, count(*) from ingestion.extract group by state")
    for row in 0..<extracts.count { status.extracts[extracts.text(row, 0)] = extracts.int(row, 1) }
    status.keyReplacement = try RoutingKeyInUse.replacement(database, partitions: target.layout.partitions)
    if try database.has(table: "linkage.token_version") {
      let rows = try database.query(
        "select target is not null, (select count(*) from linkage.parked) from linkage.token_version")
      (status.linkageWaits, status.linkageParked) = (rows.bool(0, 0), rows.int(0, 1))
    }
    let rule = target.configuration.nationalList
    status.objections = try ObjectionState.read(database)
    status.listLimitDays = rule.maximumDays
    status.listFault = rule.fault(
      drawnAt: status.objections.listDrawnAt, now: Date.now.microseconds)
    return status
  }

  /// Passed, excluded, rejected.
  private static func counts(_ stage: StageName) -> String {
    switch stage {
    case .ingestion:
      """
      select coalesce(sum(admitted), 0)::bigint, 0::bigint, coalesce(sum(expected - admitted), 0)::bigint
      from ingestion.extract where state in ('admitted', 'emitted', 'balanced')
      """
    case .objectionFilter, .pseudonymisation:
      """
      select coalesce(sum(passed), 0)::bigint, coalesce(sum(excluded), 0)::bigint, coalesce(sum(rejected), 0)::bigint
      from \(stage.schema).flow
      """
    case .linkage: StageCounts.linkage
    case .publication: StageCounts.publication
    }
  }

  var text: String {
    var table = TextTable("stage", "in", "out", "excluded", "rejected", "lag")
    for stage in stages {
      table.row([
        stage.stage, "\(stage.received)", "\(stage.passed)", "\(stage.excluded)", "\(stage.rejected)", "\(stage.lag)",
      ])
    }
    let states = extracts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    return table.render() + "\n\n  extracts: \(states.isEmpty ? "none" : states)\n" + objectionText
  }

  private var objectionText: String {
    var lines: [String] = []
    if let drawnAt = objections.listDrawnAt {
      let days = max(0, Int(Date.now.timeIntervalSince1970) - Int(drawnAt / 1_000_000)) / 86_400
      lines.append(
        "national list: drawn \(DrawnTime.text(drawnAt)), \(days) days old"
          + (listLimitDays.map { ", limit \($0)" } ?? "") + ", \(objections.listEntries ?? 0) people")
    } else {
      lines.append("national list: none" + (listLimitDays == nil ? ", and none is used" : ""))
    }
    if let listFault {
      lines.append("ADMISSION WAITS: \(listFault); load one with `caredata objections list FILE`")
    }
    if linkageWaits || linkageParked > 0 {
      lines.append(
        (linkageWaits ? "LINKAGE WAITS; " : "")
          + "\(linkageParked) records are put aside by linkage: a new linkage key "
          + "takes over; if nobody is at it, `caredata keys reencrypt`")
    }
    if let key = keyReplacement {
      lines.append(
        key.extracts.map {
          "ADMISSION WAITS: version \(key.version) of the routing key takes over when \($0) extracts are balanced"
        } ?? "objections are stated under version \(key.version) of the routing key: \(key.partitions) partitions to go"
      )
    }
    if objections.rejectedObjections > 0 {
      lines.append(
        "\(objections.rejectedObjections) rejected objections wait, so nothing is released; see `caredata objections rejected`"
      )
    }
    if objections.beyondObjections > 0 {
      lines.append(
        "\(objections.beyondObjections) live records have no number, and their people were never seen with one: no "
          + "objection reaches them (\(objections.beyondWithoutDemographics) also lack date of birth, sex or postcode)")
    }
    return lines.map { "  " + $0 }.joined(separator: "\n")
  }
}
