import ArgumentParser
import Contracts
import Cryptography
import Foundation

struct SupersessionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "supersessions", abstract: "NHS numbers that others have replaced.", subcommands: [Load.self])

  struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send a list of replaced numbers and wait until it is stored.",
      discussion: """
        FILE is a CSV with the columns superseded and current. From then on records are routed by the current number, \
        and an objection under any number of a chain covers all of them, also for records that came before.
        """)

    @OptionGroup var installation: InstallationOptions

    @Option(help: ArgumentHelp("Seconds to wait for the receipt.", valueName: "seconds"))
    var timeout = 300

    @Argument(help: "CSV file.")
    var file: String

    func run() async throws {
      let list = try SupersessionsList(file: file)
      guard !list.pairs.isEmpty else { return print("the list has no rows") }
      let receipt = try SupersessionSubmission.run(
        list, try await installation.installation(), timeout: .seconds(timeout))
      print("\(receipt.recordsAdmitted) replaced numbers stored (submission \(receipt.id))")
    }
  }
}

enum SupersessionSubmission {
  static func run(_ list: SupersessionsList, _ target: Installation, timeout: Duration) throws -> Receipt {
    let waiter = try ReceiptWaiter(target)
    let producer = try target.producer()
    defer { producer.close() }
    let submission = "supersessions-" + randomName()
    // One partition keeps the order of the list, which decides where a number was replaced twice.
    let partition = target.layout.partition(ofText: submission)
    for (place, pair) in list.pairs.enumerated() {
      var supersession = pair
      supersession.submissionID = submission
      supersession.sequence = UInt32(place + 1)
      supersession.expected = UInt32(list.pairs.count)
      try producer.send(
        topic: target.layout.name(.objections), partition: partition, key: Array(submission.utf8),
        value: try ObjectionMessage.with { $0.supersession = supersession }.serializedBytes(),
        headers: CloudEvents.headers(
          type: "supersession", source: "/operator", id: "\(submission)/\(place + 1)", time: .now,
          contentType: "application/protobuf"))
    }
    try producer.flush()
    return try waiter.receipt(for: submission, timeout: timeout)
  }
}
