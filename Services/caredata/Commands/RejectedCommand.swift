import ArgumentParser
import Contracts
import Foundation

struct RejectedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rejected", abstract: "What was put aside: where it lies and why, never what is in it.",
    subcommands: [List.self, ReplayRejected.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Rejected messages and records, and the extracts refused or held as a whole.")

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var filter: RejectionFilter
    @Option(help: "Only of this stage: \(StageName.allCases.map(\.rawValue).joined(separator: ", ")).")
    var stage: String?
    @Option(help: ArgumentHelp("Lines at most; the counts are of all.", valueName: "lines"))
    var limit = 100
    @Flag(help: "Print as JSON, one rejection per line.")
    var json = false

    func run() async throws {
      let stages = try stage.map { name in
        guard let stage = StageName(rawValue: name) else { throw ValidationError("There is no stage '\(name)'.") }
        return [stage]
      }
      let rejected = RejectedMessages(target: try await installation.installation())
      var table = TextTable("stage", "place", "reason", "extract")
      var counts: [String: Int] = [:]
      for stage in stages ?? StageName.allCases {
        for rejection in try rejected.rejections(stage).filter(filter.accepts) {
          counts["\(stage.rawValue), \(rejection.code)", default: 0] += 1
          if json { print(String(decoding: rejection.json, as: UTF8.self)) }
          if table.rows.count < limit {
            table.row([stage.rawValue, rejection.place, rejection.code, rejection.extract ?? ""])
          }
        }
      }
      if json { return }
      print(counts.isEmpty ? "nothing was put aside" : table.render())
      for (reason, count) in counts.sorted(by: { $0.key < $1.key }) { print("  \(count)  \(reason)") }
      let extracts = try rejected.extracts().filter(filter.accepts)
      if !extracts.isEmpty { print("\nextracts refused or held\n" + ReceiptLog.table(extracts)) }
    }
  }

  struct ReplayRejected: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "replay", abstract: "Send what ingestion put aside again, after the cause is mended.",
      discussion: """
        Says what would be done, and does it with --execute. A message whose extract is still open is sent as it is. \
        An extract that was decided (admitted with rejected records, or refused) is submitted anew from what the topic \
        extracts still holds (7 days), one microsecond later than before: it loses against every correction made since.
        """)

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var filter: RejectionFilter
    @Flag(help: "Do it.")
    var execute = false
    @Option(help: ArgumentHelp("Seconds to wait for each receipt.", valueName: "seconds"))
    var timeout = 600

    func run() async throws {
      let target = try await installation.installation()
      var details = ["execute": "\(execute)"]
      details["code"] = filter.code
      details["extract"] = filter.extract
      try target.audit().append(event: .messagesReplayed, details: details)
      let rejected = RejectedMessages(target: target)
      let replay = Replay(target: target)
      let named = try filter.extract.map { id in try rejected.extracts().map(\.id).filter { $0 == id } } ?? []
      let steps = try replay.plan(try rejected.rejections(.ingestion).filter(filter.accepts), extracts: named)
      if steps.isEmpty { return print("nothing to send again") }
      for step in steps {
        if execute {
          print(try replay.execute(step, timeout: .seconds(timeout)))
        } else {
          print(step.text)
        }
      }
      if !execute { print("nothing was sent; do it with --execute") }
    }
  }
}

struct RejectionFilter: ParsableArguments {
  @Option(help: "Only with this reason.")
  var code: String?
  @Option(help: ArgumentHelp("Only of this extract.", valueName: "id"))
  var extract: String?

  func accepts(_ rejection: Rejection) -> Bool {
    (code == nil || rejection.code == code) && (extract == nil || rejection.extract == extract)
  }

  func accepts(_ receipt: Receipt) -> Bool {
    (code == nil || receipt.reason == code) && (extract == nil || receipt.id == extract)
  }
}

extension Replay.Step {
  var text: String {
    switch self {
    case .message(let rejection): "\(rejection.place) (\(rejection.code)): would be sent again as it is"
    case .extract(let id): "\(id): would be submitted anew as a whole"
    case .impossible(let what, let why): "\(what): \(why)"
    }
  }
}
