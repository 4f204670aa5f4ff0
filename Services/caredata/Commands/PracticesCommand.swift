import ArgumentParser
import Clinical
import Contracts
import Foundation

struct PracticesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "practices", abstract: "Enrol organisations; only active ones' extracts are accepted.",
    subcommands: [Activate.self])

  struct Activate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Accept extracts of these organisations from now on (practices, hospitals, community providers).")

    @OptionGroup var installation: InstallationOptions

    @Argument(help: "Organisation codes, for example A81001 RXA.")
    var organisations: [String]

    func run() async throws {
      let codes = try organisations.map { text in
        guard let code = try? OrganisationCode(validating: text) else {
          throw ValidationError("'\(text)' is not an organisation code.")
        }
        return code.text
      }
      try Enrolment.activate(codes, try await installation.installation())
      for code in codes { print("\(code) is active") }
    }
  }
}

enum Enrolment {
  /// Returns once ingestion has stored every enrolment.
  static func activate(_ organisations: [String], _ target: Installation) throws {
    let waiter = try ReceiptWaiter(target)
    let producer = try target.producer()
    defer { producer.close() }
    let now = Int64(Date.now.timeIntervalSince1970 * 1e6)
    for code in organisations {
      let enrolment = PracticeEnrolment.with {
        $0.organisation = code
        $0.state = .active
        $0.changedAt = now
      }
      try producer.send(
        topic: target.layout.name(.practices), partition: target.layout.partition(ofText: code), key: Array(code.utf8),
        value: try enrolment.serializedBytes(),
        headers: CloudEvents.headers(
          type: "practice.enrolment", source: "/operator", id: "\(code)@\(now)", time: .now,
          contentType: "application/protobuf"))
    }
    try producer.flush()
    try waiter.receipts(for: Set(organisations.map { "\($0)@\(now)" }), timeout: .seconds(60))
  }
}
