import ArgumentParser
import Clinical
import Contracts
import Foundation
import KeyRing
import Postgres
import StageKit

struct TryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "try",
    abstract: "The main job from end to end, on a generated region: a few minutes, nothing left running.",
    discussion: """
      Generates a synthetic region, starts everything, loads the national list of objections, submits every extract, \
      releases every dataset, reconciles the counts at every hop, makes sure that no record of a synthetic objector has \
      passed, and stops. The state folder is made anew each time.
      """)

  @Option(help: "People in the region.")
  var patients = 5_000

  @Option(help: "The seed of the region.")
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Folder for the region, keys, database, logs and releases.", valueName: "dir"))
  var state = ".caredata/try"

  @Option(help: ArgumentHelp("Processes of one service; may be repeated.", valueName: "service=count"))
  var instances: [InstanceCount] = []

  @Option(help: ArgumentHelp("Dataset definitions; default: compose/datasets of this project.", valueName: "dir"))
  var datasets: String?

  func run() async throws {
    let folder = StateDirectory(path: state)
    let started = ContinuousClock.now
    @Sendable func say(_ text: String) {
      let seconds = (ContinuousClock.now - started).components.seconds
      print("\(String(format: "%4d s", Int(seconds)))  \(text)")
      fflush(nil)
    }
    try TryFolder.renew(folder)
    say("generating \(patients) people, seed \(seed)")
    let regionFolder = folder.path + "/region"
    let region = try RegionWriter.write(patients: patients, seed: seed, to: regionFolder)

    var options = EmbeddedOptions()
    options.state = state
    options.instances = instances
    options.datasets = datasets
    let settings = try options.settings()
    let supervisor = try Supervisor(settings) { say($0) }
    let signals = StopSignals { supervisor.requestStop() }
    defer { signals.cancel() }
    do {
      try supervisor.start()
      let watch = Thread { do { try supervisor.run() } catch { say("\(error)") } }
      watch.start()
      let target = try await Installation(
        environment: ProcessInfo.processInfo.environment.merging(supervisor.environment) { _, new in new })
      try MainJob(target: target, keys: folder.keys, region: region, regionFolder: regionFolder, say: say).run(
        settings.datasets)
    } catch {
      say("stopping")
      supervisor.stop()
      throw error
    }
    say("draining and stopping")
    supervisor.stop()
    print(
      """

      files    \(settings.state.releases)
      logs     \(settings.state.logs)

      To keep it running:  caredata up --state \(state)
      and then:            caredata status --state \(state)
                           caredata subscribe condition-prevalence --state \(state)
      """)
  }
}

/// The state folder of `try` is made anew, but only if an earlier `try` made it.
enum TryFolder {
  static func renew(_ folder: StateDirectory) throws {
    let marker = folder.path + "/made-by-caredata-try"
    let files = FileManager.default
    if files.fileExists(atPath: folder.path) {
      let isEmpty = try files.contentsOfDirectory(atPath: folder.path).isEmpty
      guard isEmpty || files.fileExists(atPath: marker) else {
        throw ClientError("\(folder.path) holds something else; give another --state")
      }
      if let running = try folder.running() {
        throw ClientError("\(folder.path) is in use by process \(running.supervisor)")
      }
      try PrivatePostgres(directory: folder.postgres).remove()
      try files.removeItem(atPath: folder.path)
    }
    try folder.make()
    _ = files.createFile(atPath: marker, contents: nil)
  }
}

/// Enrol, object, submit, wait, release, reconcile, look for the objectors.
struct MainJob {
  let target: Installation
  /// Of the installation, by stage.
  let keys: KeyInstallation
  let region: RegionDescription
  let regionFolder: String
  let say: @Sendable (String) -> Void

  func run(_ datasets: [String]) throws {
    try Enrolment(target).enrolMadeUp(region.organisations.map(\.code))
    say("\(region.organisations.count) organisations are active")
    try loadNationalList()
    for organisation in region.organisations { try submit(organisation) }
    try waitForBalance()
    print("\n" + (try PublicationProgram.release(datasets, target, json: false)))
    for dataset in datasets { try showRows(of: dataset) }
    let database = try Connection(target.configuration.databaseURL)
    defer { database.close() }
    let reconciliation = try Reconciliation.read(database)
    print("\nrecords of the extracts in force, at every hop\n\n" + reconciliation.text + "\n")
    guard reconciliation.balances else { throw ClientError("the counts do not reconcile") }
    try checkCanaries(database)
  }

  private func loadNationalList() throws {
    let numbers = try NumbersFile.read("\(regionFolder)/\(region.nationalList)").distinct
    let receipt = try NationalListSubmission(
      dissents: numbers, drawnAt: Date.now.microseconds, isWhole: true, isConfirmed: false
    ).run(target, timeout: .seconds(300))
    let text = NationalListAnswer.text(receipt, isWhole: true, dissents: numbers.count)
    guard receipt.status == .nationalListInForce else { throw ClientError(text) }
    say(text)
  }

  private func checkCanaries(_ database: Connection) throws {
    try target.audit().append(
      event: .canariesChecked, details: ["persons": "\(region.objectionCanaries.count)"])
    let check = try CanaryCheck(keys: keys, database)
    var table = TextTable("organisation", "objection", "records admitted", "held back", "published")
    var failed = 0
    for canary in region.objectionCanaries {
      let look = try check.look(for: canary.nhsNumber, at: canary.organisation)
      table.row([
        canary.organisation, canary.objection, "\(look.admitted)", "\(look.heldBack)", "\(look.published)",
      ])
      failed += look.isSafe ? 0 : 1
    }
    print("\nobjectors whose records would otherwise count\n\n" + table.render() + "\n")
    guard failed == 0 else { throw ClientError("records of \(failed) objectors were not held back") }
  }

  private func submit(_ organisation: RegionDescription.Organisation) throws {
    let reader = try ExtractReader(
      source: organisation.source, organisation: organisation.code, path: "\(regionFolder)/\(organisation.path)")
    guard let period = Period(organisation.period) else { throw ClientError("region.json has a wrong period") }
    let receipt = try Submission.run(
      reader, target, organisation: organisation.code, source: organisation.source.contract, period: period,
      timeout: .seconds(600))
    guard receipt.status == .admitted || receipt.status == .unchanged else {
      throw ClientError(ReceiptText.text(receipt))
    }
    let rejected = receipt.rejected.map { "\($0.value) rejected (\($0.key))" }.sorted().joined(separator: ", ")
    say(
      "\(organisation.code) \(organisation.source.rawValue): \(receipt.recordsAdmitted) records admitted with "
        + "\(receipt.entriesAdmitted) entries" + (rejected.isEmpty ? "" : ", \(rejected)"))
  }

  /// Until publication has accounted for every admitted record.
  private func waitForBalance() throws {
    let database = try Connection(target.configuration.databaseURL)
    defer { database.close() }
    let total = try database.query("select coalesce(sum(admitted), 0)::bigint from ingestion.extract").int(0, 0)
    var bar = ProgressBar("linking and publishing", total: Int(total))
    let pause = StopFlag()
    var done: Int64 = -1
    var lastProgress = ContinuousClock.now
    while true {
      let rows = try database.query(
        """
        select (select count(*) from publication.record),
          (select count(*) from ingestion.extract where state in ('staging', 'admitted', 'emitted'))
        """)
      bar.update(Int(min(rows.int(0, 0), total)))
      if rows.int(0, 1) == 0 { break }
      if rows.int(0, 0) != done { lastProgress = .now }
      done = rows.int(0, 0)
      if ContinuousClock.now - lastProgress > .seconds(180) {
        throw ClientError("nothing has moved for 180 s; `caredata status` and the logs show where")
      }
      _ = pause.wait(seconds: 0.25)
    }
    bar.finish()
    say("every admitted record has reached publication")
  }

  private func showRows(of dataset: String) throws {
    let subscription = try DatasetSubscription(dataset, target)
    guard let release = try subscription.newestRelease() else { return }
    let rows = try subscription.rows(of: release)
    var table = TextTable(columns: release.columns)
    for row in rows.prefix(24) { table.row(row.values) }
    print("\n\(dataset)\n\n" + table.render())
    if rows.count > 24 { print("  … \(rows.count - 24) more rows") }
  }
}
