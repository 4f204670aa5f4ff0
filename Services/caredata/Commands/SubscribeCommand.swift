import ArgumentParser
import Contracts
import Foundation
import Kafka
import StageKit

struct SubscribeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "subscribe",
    abstract: "Read a published dataset.",
    discussion: """
      Prints the rows of the newest release, in the order of the published file. With --follow, also those of every \
      later release, until Ctrl-C. `*` stands for a suppressed number; the column status says why.
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument { case csv, json }

  @OptionGroup var installation: InstallationOptions

  @Flag(help: "Wait for later releases.")
  var follow = false

  @Option(help: "csv or json (one object per line).")
  var format = Format.csv

  @Argument(help: "Name of the dataset.")
  var dataset: String

  func run() async throws {
    let target = try await installation.installation()
    let subscription = try DatasetSubscription(dataset, target)
    let stop = StopFlag()
    let signals = StopSignals { stop.set() }
    defer { signals.cancel() }
    var printer = RowPrinter(format: format)
    guard let newest = try subscription.newestRelease() else {
      if !follow { throw ClientError("\(dataset) has no release yet: caredata release create \(dataset)") }
      return try followReleases(subscription, &printer, stop)
    }
    try printer.print(try subscription.rows(of: newest))
    if follow { try followReleases(subscription, &printer, stop) }
  }

  private func followReleases(
    _ subscription: DatasetSubscription, _ printer: inout RowPrinter, _ stop: StopFlag
  ) throws {
    while !stop.isSet {
      for release in try subscription.laterReleases() { try printer.print(try subscription.rows(of: release)) }
    }
  }
}
