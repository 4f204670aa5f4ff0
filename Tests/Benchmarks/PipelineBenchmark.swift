import Clinical
import Contracts
import Foundation
import Kafka
import Postgres

/// `caredata up` with a generated region, measured from the first submit to balance at publication.
final class PipelineBenchmark {
  private struct Running: Decodable {
    let environment: [String: String]
    let services: [String: Int32]
  }

  fileprivate struct Region: Decodable {
    struct Organisation: Decodable {
      let code: String
      let source: String
      let period: String
      let path: String
    }
    let organisations: [Organisation]
    let nationalList: String

    static func read(_ file: String) throws -> Region {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      return try decoder.decode(Region.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
    }
  }

  let environment: [String: String]
  private let workspace: Workspace
  private let up: Child
  private let running: Running
  private let brokerProcess: Int32
  private let region: Region
  private var records: [String: Int] = [:]
  let state: String

  init(_ workspace: Workspace, patients: Int, seed: UInt64) throws {
    self.workspace = workspace
    state = workspace.path("state")
    let folder = workspace.path("region")
    try workspace.caredata(["generate", "--patients", "\(patients)", "--seed", "\(seed)", folder])
    region = try Region.read("\(folder)/region.json")
    up = try workspace.start("caredata", ["up", "--state", state], log: "up")
    let file = "\(state)/up.json"
    do {
      let child = up
      try awaited("caredata up", seconds: 60, every: 0.1, unlessEnded: child) {
        FileManager.default.fileExists(atPath: file) ? true : nil
      }
      running = try JSONDecoder().decode(Running.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
      environment = running.environment
      let services = running.services.keys.map { "\(workspace.path("state"))/ready/\($0)" }
      try awaited("the services", seconds: 90, every: 0.1, unlessEnded: child) {
        services.allSatisfy(FileManager.default.fileExists) ? true : nil
      }
      brokerProcess = try BrokerState.read("\(state)/broker.json").pid
    } catch {
      up.stop()
      throw error
    }
  }

  func run() throws -> PipelineReport {
    let codes = region.organisations.map(\.code)
    let told = Date(timeIntervalSinceNow: -60 * 86_400).formatted(.iso8601.year().month().day())
    for step in [["announce"], ["notify", "--on", told], ["activate"]] {
      try workspace.caredata(["practices"] + step + ["--state", state] + codes)
    }
    try workspace.caredata(
      ["objections", "list", "--state", state, "\(workspace.path("region"))/\(region.nationalList)"])
    let cluster = try ClusterTime(environment["CAREDATA_DATABASE_URL"] ?? "")
    let before = try times(cluster)
    let start = ContinuousClock.now
    for organisation in region.organisations {
      try workspace.caredata(submission(of: organisation, period: organisation.period))
    }
    let submitted = ContinuousClock.now - start
    try awaited("balance at publication", seconds: 600, every: 0.02) {
      try cluster.query(
        "select count(*) from ingestion.extract where state in ('staging', 'admitted', 'emitted')") == 0 ? true : nil
    }
    let elapsed = ContinuousClock.now - start
    let after = try times(cluster)
    for organisation in region.organisations {
      records[organisation.code] = Int(
        try cluster.query(
          "select coalesce(sum(expected), 0)::bigint from ingestion.extract where organisation = '\(organisation.code)'"
        ))
    }
    let counts = "coalesce(sum(admitted), 0)::bigint from ingestion.extract"
    return PipelineReport(
      records: Int(try cluster.query("select \(counts)")), seconds: elapsed.inSeconds,
      secondsSubmitting: submitted.inSeconds,
      processor: after.map { ($0.key, $0.value - (before[$0.key] ?? 0)) }.filter { $0.1 > 0 })
  }

  // MARK: For what is measured while records flow

  struct SubmittedExtract {
    fileprivate let organisation: Region.Organisation
    let records: Int
  }

  private(set) lazy var extracts: [SubmittedExtract] = region.organisations.map { organisation in
    SubmittedExtract(organisation: organisation, records: records[organisation.code] ?? 0)
  }

  /// Of people registered with the practices.
  func nhsNumbers() throws -> [String] {
    try region.organisations.filter { $0.source == "gp" }.flatMap { organisation in
      let path = "\(workspace.path("region"))/\(organisation.path)/patients.csv"
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline)
      guard let column = lines.first?.split(separator: ",").firstIndex(of: "nhs_number") else {
        throw BenchmarkError("\(path) has no column nhs_number")
      }
      return lines.dropFirst().compactMap { line in
        let fields = line.split(separator: ",", omittingEmptySubsequences: false)
        return fields.indices.contains(column) && fields[column].count == 10 ? String(fields[column]) : nil
      }
    }
  }

  func startSubmitting(_ extract: SubmittedExtract, monthsLater months: Int) throws -> Child {
    let period = Period(extract.organisation.period)?.advanced(by: months).text ?? extract.organisation.period
    return try workspace.start(
      "caredata", submission(of: extract.organisation, period: period), log: "commands")
  }

  private func submission(of organisation: Region.Organisation, period: String) -> [String] {
    [
      "submit", "--state", state, "--source", organisation.source, "--organisation", organisation.code, "--period",
      period, "\(workspace.path("region"))/\(organisation.path)",
    ]
  }

  private func times(_ cluster: ClusterTime) throws -> [String: Double] {
    var times = ["caredata submit": ProcessorTime.ofEndedChildren(), "broker": ProcessorTime.of(brokerProcess)]
    for (service, pid) in running.services { times[service] = ProcessorTime.of(pid) }
    for (session, seconds) in try cluster.bySession() {
      times["PostgreSQL: \(session)", default: 0] += seconds
    }
    return times
  }

  /// The services stand still while stages are measured alone; broker and PostgreSQL stay in use.
  func pause() throws {
    for pid in running.services.values { kill(pid, SIGSTOP) }
  }

  func stop() {
    for pid in running.services.values { kill(pid, SIGCONT) }
    up.stop()
  }
}

struct BrokerState: Decodable {
  let bootstrapServers: String
  let pid: Int32

  static func read(_ path: String) throws -> BrokerState {
    try JSONDecoder().decode(BrokerState.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
