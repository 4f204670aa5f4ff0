import ArgumentParser
import Audit
import Foundation
import Tables

struct PseudonymiseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pseudonymise", abstract: "Digests in place of identities, for exchange with others.",
    subcommands: [Open.self])

  struct Open: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A digest for each row of a CSV file, as OpenPseudonymiser makes it.",
      discussion: """
        The digest is SHA-256 of the fields' values in the order of their names, without spaces, and of the salt behind \
        them. It is for interchange with those who use it, and weaker than what is used within: who has the salt can try \
        all NHS numbers, and everybody with one salt can join what they have. Use another salt for each exchange.

        The new file has the column digest and what --keep names, nothing else. A row with a blank field gets no digest. \
        Runs without an installation; needs an audit log (--state or CAREDATA_AUDIT_FILE).
        """)

    @Option(help: ArgumentHelp("CSV file with a header row.", valueName: "file"))
    var input: String
    @Option(help: ArgumentHelp("Columns that become the digest, for example NHSNumber,DOB.", valueName: "names"))
    var fields: String
    @Option(
      help: ArgumentHelp("Of these, dates to be rounded down to yyyy0101 first, for example DOB.", valueName: "names"))
    var roundDates: String?
    @Option(help: ArgumentHelp("Columns that go on as they are.", valueName: "names"))
    var keep: String?
    @Option(help: ArgumentHelp("File with the salt, one line, mode 0600.", valueName: "file"))
    var saltFile: String
    @Option(help: ArgumentHelp("New file; never replaces one.", valueName: "file"))
    var output: String
    @Option(help: ArgumentHelp("Who does it; logged, besides the user.", valueName: "name"))
    var by: String?
    @Option(help: ArgumentHelp("State folder of `caredata up`, whose audit log is used.", valueName: "dir"))
    var state: String?

    func validate() throws {
      if let by { try GivenText.check(by, option: "--by", maximum: 200) }
      for (text, option) in [(input, "--input"), (output, "--output")] { try GivenText.check(text, option: option) }
      if let fault = columns.fault { throw ValidationError(fault) }
    }

    private var columns: DigestTable.Columns {
      func names(_ list: String?) -> [String] {
        (list ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      }
      return DigestTable.Columns(fields: names(fields), rounded: names(roundDates), kept: names(keep))
    }

    func run() async throws {
      let columns = columns
      let table = try DigestTable(columns, salt: try SaltFile.read(saltFile))
      let file = try NewFile(output)
      var details = ["input": input, "output": output, "fields": columns.fields.joined(separator: ",")]
      if !columns.rounded.isEmpty { details["rounded"] = columns.rounded.joined(separator: ",") }
      if !columns.kept.isEmpty { details["kept"] = columns.kept.joined(separator: ",") }
      try AuditPlace.log(state: state).append(event: .recordsDigested, by: by ?? "", details: details)
      let outcome = try table.convert(try CSVReader(file: input)) { try file.write($0) }
      try file.finish()
      print("\(output): \(outcome.rows) \(outcome.rows == 1 ? "row" : "rows")")
      if outcome.withoutDigest > 0 {
        print("\(outcome.withoutDigest) without a digest: a field is blank, and the rest may be shared by many")
      }
    }
  }
}
