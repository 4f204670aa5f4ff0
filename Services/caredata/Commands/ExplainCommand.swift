import ArgumentParser
import Clinical
import Cryptography
import Foundation
import Postgres
import StageKit

struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "What is known of one NHS number: objections, what left, when and why not. Every question is logged.",
    discussion: """
      Reads the schemas of ingestion and the objection filter and the register's lists of extracts, never linked or \
      published data. The question is logged, in ingestion's schema and in the audit log, before it is answered. Needs \
      ingestion's key ring.
      """)

  @OptionGroup var installation: InstallationOptions
  @Option(
    help: ArgumentHelp(
      "The number; - reads it from standard input, so that it does not stand in the shell's history.",
      valueName: "number"))
  var nhsNumber: String
  @Option(help: ArgumentHelp("Who asks; without it the user's name.", valueName: "name"))
  var by: String?
  @Option(
    help: ArgumentHelp(
      "Folder of ingestion's key ring; default: that of --state, else CAREDATA_KEYS_DIRECTORY.", valueName: "dir"))
  var keys: String?

  func run() async throws {
    let number = try Self.number(nhsNumber == "-" ? readLine() ?? "" : nhsNumber)
    let name = (by ?? NSUserName()).trimmingCharacters(in: .whitespaces)
    try GivenText.check(name, option: "--by", maximum: 200)
    let target = try await installation.installation()
    let ring = try target.ring(of: .ingestion, folder: keys)
    let database = try Connection(target.configuration.databaseURL)
    defer { database.close() }
    let tokens = try RoutingTokens(
      persons: try ring.active(.persons).secret, routing: try RoutingKeyInUse.find(ring, database).secret)
    let reader = ExplanationReader(database: database)
    let token = tokens.token(nhsNumber: number)
    try target.audit().append(event: .personExplained, by: name, details: ["subject": AuditSubject.digest(token)])
    try reader.log(token, by: name)
    print(try reader.read(token).text)
  }

  /// Ten digits, also written 3-3-4. A wrong check digit is no fault: objections are taken under such numbers too.
  static func number(_ text: String) throws -> String {
    let digits = text.filter { $0 != " " && $0 != "-" }
    guard ListedNumber(digits) != nil else { throw ValidationError("--nhs-number takes the ten digits of a number.") }
    return digits
  }
}
