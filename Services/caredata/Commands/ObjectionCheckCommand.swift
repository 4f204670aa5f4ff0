import ArgumentParser
import Clinical
import Contracts
import Foundation
import StageKit

struct ObjectionCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Ask the national check service which of some numbers object: its files, and a file drop.",
    discussion: """
      The service takes a file of numbers and answers with those of them that do not object. Files are exchanged over \
      MESH: workflow SPINE_NTT_UPHOLDING, mailbox X26HC065, subject and local reference both filled in; an answer takes \
      about 40 minutes.
      """,
    subcommands: [Request.self, Reply.self, Answer.self, Watch.self])

  struct Request: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Write the file that asks for these numbers.")

    @Option(help: ArgumentHelp("Numbers to ask for; as for `objections list`.", valueName: "file"))
    var numbers: String
    @Option(help: ArgumentHelp("Our mailbox: letters, digits, _ and -.", valueName: "name"))
    var mailbox: String
    @Option(help: ArgumentHelp("Number of the file within the day; without it the next that is free.", valueName: "n"))
    var sequence: Int?
    @Option(help: ArgumentHelp("Day in the file's name, YYYY-MM-DD; without it today.", valueName: "date"))
    var date: String?
    @Option(help: ArgumentHelp("Folder to write it to.", valueName: "dir"))
    var output: String?
    @Option(help: ArgumentHelp("File drop to write it to, for `check watch`.", valueName: "dir"))
    var folder: String?
    @Flag(help: "It asks for everybody whose records are collected: with --folder, the answer is the whole list.")
    var whole = false
    @Flag(help: "Stop at a number with a wrong check digit.")
    var insistOnCheckDigits = false

    func validate() throws {
      guard (output == nil) != (folder == nil) else { throw ValidationError("Give --output or --folder.") }
      if whole, folder == nil { throw ValidationError("--whole goes with --folder, else with `check reply`.") }
    }

    func run() throws {
      var day = CalendarDate.today
      if let date {
        guard let given = CalendarDate(iso: date) else {
          throw ValidationError("--date '\(date)' is not a date YYYY-MM-DD.")
        }
        day = given
      }
      var seen: Set<ListedNumber> = []
      let asked = try NumbersFile.read(numbers, insistsOnCheckDigits: insistOnCheckDigits)
        .filter { seen.insert($0).inserted }
      guard !asked.isEmpty else { throw ClientError("\(numbers): there is no number to ask for") }
      let drop = try folder.map { try CheckDrop($0) }
      let present =
        try drop?.requestNames()
        ?? output.map { try FileManager.default.contentsOfDirectory(atPath: $0) } ?? []
      guard
        let name = sequence.map({ CheckFileName(mailbox: mailbox, date: day, sequence: $0) })
          ?? CheckFileName.next(mailbox: mailbox, date: day, besides: present)
      else {
        throw ValidationError(
          "--mailbox takes 1 to 40 letters, digits, _ and - (any other sign and no answer comes), --sequence 1 to 9999."
        )
      }
      if let drop {
        guard !present.contains(name.text) else { throw ClientError("\(name.text) is there already") }
        try drop.write(asked, as: name, isWhole: whole)
      } else if let output {
        try NumbersFile.write(CheckLines.text(asked), to: output, name: name.text)
      }
      print("\(name.text) asks for \(asked.count) numbers")
    }
  }

  struct Reply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take in what the service has answered.",
      discussion: """
        Who was asked for and is not in the reply objects; who is in it does not. Unless every number of the reply is in \
        the request nothing is sent. Exit code 2 when ingestion refuses the list.
        """)

    @OptionGroup var installation: InstallationOptions
    @Option(help: ArgumentHelp("The file that was sent.", valueName: "file"))
    var request: String
    @Option(help: ArgumentHelp("The file that came back.", valueName: "file"))
    var reply: String
    @Flag(help: "The request named everybody whose records are collected: the answer is the whole national list.")
    var whole = false
    @Option(
      help: ArgumentHelp("When the service answered; without it the time of the reply's file.", valueName: "time"))
    var drawn: String?
    @Flag(
      help: """
        Use it although more than half of those asked object, more than 1 % of them do no longer, or the list is empty \
        or much shorter.
        """)
    var confirm = false
    @Option(help: ArgumentHelp("Seconds to wait until it is judged.", valueName: "seconds"))
    var timeout = 1800
    @Flag(help: "Print the receipt as JSON.")
    var json = false

    func run() async throws {
      let outcome: ObjectionCheck.Outcome
      do {
        outcome = try ObjectionCheck.outcome(
          request: try NumbersFile.readLines(request), reply: try NumbersFile.readReply(reply), isConfirmed: confirm)
      } catch let refusal as ObjectionCheck.Refusal {
        throw ClientError("\(reply): \(refusal.text)")
      }
      let file = try? FileManager.default.attributesOfItem(atPath: reply)[.modificationDate] as? Date
      let submission = NationalListSubmission(
        dissents: outcome.dissents, withdrawn: whole ? [] : outcome.withdrawn,
        drawnAt: try drawn == nil ? (file ?? .now).microseconds : ObjectionListCommand.drawnAt(drawn),
        isWhole: whole, isConfirmed: confirm)
      try await submission.send(installation, timeout: timeout, json: json)
    }
  }

  struct Answer: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Play the national service: answer a request from a list of objections. For tests and trials.")

    @Option(help: ArgumentHelp("Numbers of those who object; as for `objections list`.", valueName: "file"))
    var list: String
    @Option(help: ArgumentHelp("The file that asks.", valueName: "file"))
    var request: String
    @Option(help: ArgumentHelp("Folder to write the answer to, under the name of the request.", valueName: "dir"))
    var output: String

    func run() throws {
      let listed = try NumbersFile.read(list)
      let name = (request as NSString).lastPathComponent
      do {
        let remaining = ObjectionCheck.answer(request: try NumbersFile.readLines(request), list: listed)
        try NumbersFile.write(CheckLines.text(remaining), to: output, name: name)
        print("\(name): \(remaining.count) numbers remain")
      } catch let fault as NumbersFileError where fault.line != nil {
        try NumbersFile.write(Array("MALFORMED REQUEST\n".utf8), to: output, name: name)
        print("\(name): refused by a single line; \(fault)")
      }
    }
  }
}
