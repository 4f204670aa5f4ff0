import ArgumentParser
import Contracts
import Foundation
import StageKit

struct ObjectionListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Load the whole national list of objections and wait until it is in force.",
    discussion: """
      FILE has a number on each line, ten digits followed by a comma and a line feed, or is a CSV with the one column \
      nhs_number. It is the whole list: who is no longer on it is reinstated. A number that stands there twice counts \
      once. A list that is empty, or more than 1 % smaller than the one before, is refused until it is sent with \
      --confirm; the objections on it hold at once all the same.

      Exit code 2 when the list is refused.
      """)

  @OptionGroup var installation: InstallationOptions

  @Option(
    help: ArgumentHelp(
      "When the list was drawn: YYYY-MM-DD, or a time such as 2026-11-23T06:00:00Z. Without it: now.",
      valueName: "time"))
  var drawn: String?

  @Flag(help: "Use it although it is empty or much shorter than the last.")
  var confirm = false

  @Option(help: ArgumentHelp("Seconds to wait until it is judged.", valueName: "seconds"))
  var timeout = 1800

  @Flag(help: "Print the receipt as JSON.")
  var json = false

  @Argument(help: "File of the numbers of those who object.")
  var file: String

  func run() async throws {
    let drawnAt = try Self.drawnAt(drawn)
    let numbers = try NumbersFile.read(file).distinct
    let submission = NationalListSubmission(
      dissents: numbers, drawnAt: drawnAt, isWhole: true, isConfirmed: confirm)
    try await submission.send(installation, timeout: timeout, json: json)
  }

  static func drawnAt(_ text: String?) throws -> Int64 {
    guard let text else { return Date.now.microseconds }
    guard let time = DrawnTime.microseconds(text), time >= 0 else {
      throw ValidationError("--drawn '\(text)' is neither a date YYYY-MM-DD nor a time such as 2026-11-23T06:00:00Z.")
    }
    return time
  }
}

extension NationalListSubmission {
  /// Sends, waits and says what became of it.
  func send(_ options: InstallationOptions, timeout: Int, json: Bool) async throws {
    let receipt = try run(try await options.installation(), timeout: .seconds(timeout))
    print(
      try json
        ? receipt.jsonString() : NationalListAnswer.text(receipt, isWhole: isWhole, dissents: dissents.count))
    if receipt.status.isFailure { throw ExitCode(2) }
  }
}
