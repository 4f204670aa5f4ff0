import ArgumentParser
import Contracts
import Foundation

struct ReceiptsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receipts",
    abstract: "What became of extracts: received, admitted, rejected and why, and whether it adds up.",
    discussion: """
      Without ID a line for every extract whose receipt the topic still holds (14 days); with ID that receipt in full. \
      Exit code 2 when the receipt asked for says held, refused or abandoned.
      """)

  @OptionGroup var installation: InstallationOptions

  @Option(help: ArgumentHelp("Only those of this organisation.", valueName: "code"))
  var organisation: String?

  @Flag(help: "Print as JSON, one receipt per line.")
  var json = false

  @Argument(help: ArgumentHelp("Extract or submission.", valueName: "id"))
  var id: String?

  func run() async throws {
    let target = try await installation.installation()
    var entries = try ReceiptLog.entries(target)
    if let organisation { entries.removeAll { $0.receipt.organisation != organisation } }
    guard let id else {
      if json {
        for entry in entries { print(try entry.receipt.jsonString()) }
        return
      }
      let extracts = entries.map(\.receipt).filter { $0.source != .unspecified }
      return print(extracts.isEmpty ? "no receipts" : ReceiptLog.table(extracts))
    }
    guard let entry = entries.first(where: { $0.receipt.id == id }) else {
      throw ClientError("there is no receipt for \(id); `caredata status` shows where the stream stands")
    }
    print(try json ? entry.receipt.jsonString() : ReceiptText.text(entry.receipt))
    if !json {
      for line in entry.afterwards { print(line) }
    }
    if entry.receipt.status.isFailure { throw ExitCode(2) }
  }
}
