import ArgumentParser
import Clinical
import Contracts
import Cryptography
import Foundation

struct ObjectionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "objections", abstract: "Objections taken outside extracts, and the proof that all are honoured.",
    subcommands: [
      ObjectionListCommand.self, ObjectionCheckCommand.self, Submit.self, ObjectionReportCommand.self,
      RejectedObjectionsCommand.self,
    ])

  struct Submit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send what patients have asked for themselves, and wait until it is acknowledged.",
      discussion: """
        FILE is a CSV with the columns nhs_number, type (1: GP-sourced records, 2: all sources), decision (dissent or \
        withdrawn) and date (may be empty: an undated dissent is in force). The national list is loaded with \
        `objections list`. Acknowledged means: no record admitted from now on passes, and what passed before is being \
        withdrawn.
        """)

    @OptionGroup var installation: InstallationOptions

    @Option(help: "How dates are written: iso (YYYY-MM-DD) or british (dd/mm/yyyy).")
    var dateFormat: ExtractDateFormat = .iso

    @Option(help: ArgumentHelp("Seconds to wait for the acknowledgement.", valueName: "seconds"))
    var timeout = 300

    @Flag(help: "Print the receipt as JSON.")
    var json = false

    @Argument(help: "CSV file of objections.")
    var file: String

    func run() async throws {
      let objections = try ObjectionsList(file: file, dates: dateFormat)
      guard objections.count > 0 else { return print("the list has no rows") }
      let receipt = try ObjectionSubmission.run(
        objections, try await installation.installation(), timeout: .seconds(timeout))
      print(
        try json
          ? receipt.jsonString()
          : "\(receipt.recordsAdmitted) objections acknowledged (submission \(receipt.id))")
    }
  }
}

/// Sends what patients have asked for themselves.
enum ObjectionSubmission {
  static func run(_ objections: ObjectionsList, _ target: Installation, timeout: Duration) throws -> Receipt {
    let waiter = try ReceiptWaiter(target)
    let producer = try target.producer()
    defer { producer.close() }
    let submission = "objections-" + randomName()
    let topic = target.layout.name(.objections)
    var sequence: UInt32 = 0
    while var objection = try objections.next() {
      sequence += 1
      objection.submissionID = submission
      objection.sequence = sequence
      objection.expected = UInt32(objections.count)
      objection.origin = "patient"
      let id = "\(submission)/\(sequence)"
      try producer.send(
        topic: topic, partition: target.layout.partition(ofText: id), key: Array(id.utf8),
        value: try ObjectionMessage.with { $0.objection = objection }.serializedBytes(),
        headers: CloudEvents.headers(
          type: "objection", source: "/connector/patient", id: id, time: .now,
          contentType: "application/protobuf"))
    }
    try producer.flush()
    return try waiter.receipt(for: submission, timeout: timeout)
  }
}
