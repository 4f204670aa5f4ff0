import ArgumentParser
import Clinical
import Contracts
import Cryptography
import Foundation
import Specification
import StageKit

struct SubmitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit",
    abstract: "Send one organisation's extract for one period and wait for its receipt.",
    discussion: """
      PATH is a folder with patients.csv and events.csv (gp), with episodes.csv (hospital) or with contacts.csv \
      (community); UTF-8 with a header row. With --format fhir it is, for every source, a Bundle (.json), a file of \
      resources line by line (.ndjson) or a folder of both. All files are checked before anything is sent: a fault is \
      one line with file, row and column, and nothing is submitted.

      Records travel in the open as far as ingestion unless they are sealed with --seal.

      Submitting the same content again changes nothing. A corrected extract for the same period replaces the earlier \
      one whole: a patient it leaves out is deleted.

      Example: caredata submit --source gp --organisation A81001 --period 2026-10 region/gp/A81001
      """)

  @OptionGroup var installation: InstallationOptions

  @Option(help: "gp, hospital or community.")
  var source: ExtractSource

  @Option(help: ArgumentHelp("Code of the submitting organisation, for example A81001 or RXA.", valueName: "code"))
  var organisation: String

  @Option(help: ArgumentHelp("Month of the extract, YYYY-MM.", valueName: "month"))
  var period: String

  @Option(help: "csv, or fhir (FHIR R4, UK Core).")
  var format: ExtractFormat = .csv

  @Option(
    help: ArgumentHelp(
      "Version of the extract specification; without it the newest in force for the period.", valueName: "version"))
  var specification: String?

  @Option(help: "How dates are written: iso (YYYY-MM-DD) or british (dd/mm/yyyy).")
  var dateFormat: ExtractDateFormat = .iso

  @Flag(help: "Seal every record to ingestion, so that nobody on the way can read it.")
  var seal = false

  @Option(
    help: ArgumentHelp(
      "With --seal: the public keys of ingestion. Default: those of --state, else those in CAREDATA_KEYS_DIRECTORY.",
      valueName: "file"))
  var publicKeys: String?

  @Flag(help: "Check everything and say what would be sent, without a broker.")
  var dryRun = false

  @Option(help: ArgumentHelp("Seconds to wait for the receipt.", valueName: "seconds"))
  var timeout = 600

  @Flag(help: "Print the receipt as JSON.")
  var json = false

  @Argument(help: "Folder or file of the extract.")
  var path: String

  func run() async throws {
    guard let period = Period(period) else { throw ValidationError("--period '\(period)' is not a month YYYY-MM.") }
    guard let code = try? OrganisationCode(validating: organisation) else {
      throw ValidationError("--organisation '\(organisation)' is not an organisation code.")
    }
    if format == .fhir, dateFormat != .iso { throw ValidationError("--date-format is for csv: FHIR dates are ISO.") }
    let reader = try ExtractReader(
      source: source, organisation: code.text, path: path, format: format, dates: dateFormat)
    let outline = SubmissionOutline(reader.summary, format)
    if dryRun { return print(try json ? outline.json() : "would send \(outline.text)") }
    let target = try await installation.installation()
    let sealer = try seal ? target.sealerToIngestion(publicKeys: publicKeys) : nil
    if !json { print("sending \(outline.text)") }
    let receipt = try Submission.run(
      reader, target, organisation: code.text, source: source.contract, period: period,
      specification: specification, sealer: sealer, timeout: .seconds(timeout))
    print(try json ? receipt.jsonString() : ReceiptText.text(receipt))
    if receipt.status.isFailure { throw ExitCode(2) }
  }
}

/// Sends what a reader holds and waits for the receipt.
enum Submission {
  static func run(
    _ reader: ExtractReader, _ target: Installation, organisation: String, source: Source, period: Period,
    specification: String? = nil, sealer: SealedBoxSealer? = nil, timeout: Duration
  ) throws -> Receipt {
    let specification = try specification ?? newestSpecification(for: period, target)
    let waiter = try ReceiptWaiter(target)
    let sender = try ExtractSender(
      target, organisation: organisation, source: source, period: period, summary: reader.summary,
      specification: specification, sealer: sealer)
    let interrupt = StopFlag()
    let signals = StopSignals { interrupt.set() }
    defer { signals.cancel() }
    var bar = ProgressBar("sending", total: reader.summary.records)
    var sent = 0
    do {
      try sender.open()
      while let record = try reader.next() {
        if interrupt.isSet { throw ClientError("interrupted; the extract is abandoned") }
        try sender.send(record.record)
        sent += 1
        bar.update(sent)
      }
      try sender.close()
      bar.finish()
    } catch {
      bar.finish()
      sender.abandon()
      throw error
    }
    return try waiter.decision(on: sender.extractID, timeout: timeout)
  }

  private static func newestSpecification(for period: Period, _ target: Installation) throws -> String {
    let folder = try ProjectFolder.specification.locate(nil, environment: target.environment)
    guard let newest = try Specifications.load(directory: folder).newest(for: period) else {
      throw ClientError("no specification in \(folder) is in force for \(period); name one with --specification")
    }
    return newest.version
  }
}

/// What an extract holds, and what of it is sent.
struct SubmissionOutline {
  private let summary: ExtractSummary
  private let format: ExtractFormat

  init(_ summary: ExtractSummary, _ format: ExtractFormat) {
    self.summary = summary
    self.format = format
  }

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(summary), as: UTF8.self)
  }

  var text: String {
    let rows = format == .csv ? "rows" : "resources"
    var text = "\(summary.records) records with \(summary.entries) entries from \(summary.rows) \(rows)"
    for (reason, count) in summary.rejected.sorted(by: { $0.key < $1.key }) {
      text += "\n  not sent, \(reason): \(count)"
    }
    for (name, count) in summary.findings.sorted(by: { $0.key < $1.key }) {
      text += "\n  left out, \(name): \(count)"
    }
    return text
  }
}
