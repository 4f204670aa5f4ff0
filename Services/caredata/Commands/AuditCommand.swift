import ArgumentParser
import Audit
import Cryptography
import Foundation

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Who has done what with keys and identifiable data: the hash-chained log, and whether it is whole.",
    subcommands: [List.self, Verify.self])

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Find any line that was altered, removed, added or put in another order; print the head.",
      discussion: """
        Exit code 1 when there is one. Whoever may write the file can cut off its end, or write all of it anew, so that \
        it is whole again: note the head elsewhere and give it later with --head; it must still be in the log.
        """)

    @OptionGroup var place: AuditOptions
    @Option(help: ArgumentHelp("Head that was noted earlier.", valueName: "hash"))
    var head: String?
    @Option(help: ArgumentHelp("Number of lines that the log had then.", valueName: "lines"))
    var count: Int64?

    func validate() throws {
      guard head.map({ AuditHead(count: 1, hash: $0).isWellFormed }) ?? true else {
        throw ValidationError("--head takes the 64 hexadecimal digits that `audit verify` prints.")
      }
      guard count == nil || head != nil else { throw ValidationError("--count goes with --head.") }
    }

    func run() async throws {
      let log = try place.log()
      let found = try log.verify(noted: head, count: count)
      print("\(log.path): \(found.count) \(found.count == 1 ? "line" : "lines"), unbroken")
      print("count \(found.count)\nhead  \(found.hash)")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The lines, oldest first; what stands behind a fault is not shown.")

    @OptionGroup var place: AuditOptions
    @Option(help: ArgumentHelp("Only of this event, for example key.created.", valueName: "event"))
    var event: String?
    @Option(
      help: ArgumentHelp("Only about this record id, person id or token, in hexadecimal.", valueName: "id"))
    var about: String?
    @Flag(help: "Print as JSON, one line each, as they stand in the log.")
    var json = false

    func run() async throws {
      let subject = try about.map { text in
        guard let token = Token16(hex: text) else { throw ValidationError("--about takes 32 hexadecimal digits.") }
        return AuditSubject.digest(token)
      }
      var table = TextTable("line", "time", "user", "by", "event", "details")
      defer { if !json { print(table.rows.isEmpty ? "no such line" : table.render()) } }
      try place.log().verify { entry in
        guard event == nil || entry.event == event, subject == nil || entry.details["subject"] == subject else {
          return
        }
        if json { return print(entry.json) }
        let details = entry.details.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        table.row([
          "\(entry.number)", entry.time, entry.user, entry.by, entry.event, details.joined(separator: ", "),
        ])
      }
    }
  }
}

struct AuditOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The log. Without it: that of --state, else CAREDATA_AUDIT_FILE, else audit.log in .caredata.",
      valueName: "file"))
  var file: String?
  @Option(help: ArgumentHelp("State folder of `caredata up`.", valueName: "dir"))
  var state: String?

  func log() throws -> AuditLog { try file.map { AuditLog(path: $0) } ?? AuditPlace.log(state: state) }
}

extension Token16 {
  /// Nil unless there are 32 hexadecimal digits.
  init?(hex: String) {
    let digits = Array(hex.utf8)
    guard digits.count == 32, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let high = UInt64(hex.prefix(16), radix: 16), let low = UInt64(hex.suffix(16), radix: 16)
    else { return nil }
    self.init(high: high, low: low)
  }
}
