import ArgumentParser
import Clinical
import Contracts
import Foundation
import Kafka
import Postgres

/// Ingestion alone over one extract of many records: what a record costs, and whether memory depends on how many come.
struct ScaleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale",
    abstract: "Sends one extract of 10,000 and one of 1,000,000 records of 10 entries through ingestion alone.",
    discussion: """
      From the first record sent to the last one emitted, staging and admission included. Exit code 1 unless every \
      receipt adds up to the row, the greatest resident memory of the largest extract is that of the smallest but for \
      the messages in flight (32 MB), and a record of the largest takes at most 30 µs of the service and 60 µs of \
      PostgreSQL.
      """)

  @Option(help: "Records of an extract; may be repeated.")
  var records: [Int] = []

  @Option(help: "Entries of a record.")
  var entries = 10

  /// Has `--directory`, which it would take for itself if it were here as well.
  @ParentCommand var parent: BenchmarksCommand

  /// Consumers hold up to 1 MB of each of 16 partitions, and a batch as much again.
  private static let megabytesInFlight = 32.0

  func run() async throws {
    let workspace = try Workspace(directory: parent.directory)
    let installation = try PipelineBenchmark(workspace, patients: 50, seed: 1)
    defer { installation.stop() }
    try installation.pause()
    var runs: [ScaleRun] = []
    print("   records     entries  records/s  service µs  PostgreSQL µs  greatest memory  receipt")
    for count in records.isEmpty ? [10_000, 1_000_000] : records {
      let run = try ScaleRun.measure(records: count, entries: entries, workspace, installation.environment)
      print(run.text)
      runs.append(run)
    }
    guard let smallest = runs.first, let largest = runs.last else { return }
    let isFlat = largest.megabytes < smallest.megabytes + Self.megabytesInFlight
    let isCheap = largest.serviceMicroseconds <= 30 && largest.postgresMicroseconds <= 60
    print("memory \(isFlat ? "flat" : "GROWS"), cost \(isCheap ? "within the marks" : "ABOVE the marks")")
    guard isFlat, isCheap, runs.allSatisfy(\.isBalanced) else { throw ExitCode(1) }
  }
}

/// One extract, from its first message to its last record on `validated`.
struct ScaleRun {
  let records: Int
  let entries: Int
  let seconds: Double
  let service: Double
  let database: Double
  let megabytes: Double
  let isBalanced: Bool

  var serviceMicroseconds: Double { service / Double(records) * 1e6 }
  var postgresMicroseconds: Double { database / Double(records) * 1e6 }

  var text: String {
    String(
      format: "%10d  %10d  %9.0f  %10.1f  %13.1f  %12.0f MB  %@", records, records * entries, Double(records) / seconds,
      serviceMicroseconds, postgresMicroseconds, megabytes, isBalanced ? "adds up" : "DOES NOT ADD UP")
  }

  static func measure(
    records: Int, entries: Int, _ workspace: Workspace, _ environment: [String: String]
  ) throws -> ScaleRun {
    let cluster = try ClusterTime(environment["CAREDATA_DATABASE_URL"] ?? "")
    let name = "scale_\(records)"
    let broker = try AloneBroker.start(workspace, environment, name)
    defer { broker.process.stop() }
    try cluster.dropDatabase(name)
    try cluster.makeDatabase(name)
    defer { try? cluster.dropDatabase(name) }
    let url = (environment["CAREDATA_DATABASE_URL"] ?? "").replacing("dbname=caredata", with: "dbname=\(name)")
    let child = try broker.startService(.ingestion, databaseURL: url, workspace)
    defer { child.stop() }
    let connection = try Connection(url)
    defer { connection.close() }
    let sender = try ScaleSender(broker, extract: name)
    defer { sender.close() }
    try sender.enrol()
    try awaited("enrolment", seconds: 30) {
      try connection.query("select count(*) from ingestion.practice").int(0, 0) == 1 ? true : nil
    }
    let (service, database) = (ProcessorTime.of(child.pid), cluster.total())
    let start = ContinuousClock.now
    try sender.send(records: records, entries: entries)
    try awaited("the last record", seconds: 1_800, every: 0.05, unlessEnded: child) {
      try connection.query("select count(*) from ingestion.extract where state = 'emitted'").int(0, 0) == 1 ? true : nil
    }
    let seconds = (ContinuousClock.now - start).inSeconds
    let rows = try connection.query("select receipt from ingestion.extract")
    let receipt = try Receipt(serializedBytes: rows.bytes(0, 0))
    let isWhole =
      receipt.recordsAdmitted == UInt32(records) && receipt.entriesReceived == UInt64(records * entries)
      && receipt.entriesAdmitted == UInt32(records * entries)
    return ScaleRun(
      records: records, entries: entries, seconds: seconds, service: ProcessorTime.of(child.pid) - service,
      database: cluster.total() - database, megabytes: ProcessorTime.greatestMemory(of: child.pid),
      isBalanced: receipt.isBalanced && isWhole)
  }
}

/// Makes and sends one extract, as fast as ingestion reads.
final class ScaleSender {
  private static let organisation = "A81001"
  /// Valid numbers of the range that is never issued; people beyond them have none.
  private static let firstNine = 999_000_000
  private static let codes: [(CodeSystem, String)] = [
    (.snomed, "44054006"), (.read2, "C10F."), (.ctv3, "X40J5"), (.snomed, "195967001"), (.read2, "22K.."),
    (.snomed, "271649006"), (.ctv3, "XE2eD"), (.read2, "H33.."), (.snomed, "38341003"), (.read2, "137R."),
  ]

  private let producer: Producer
  private let layout: TopicLayout
  private let manifest: Manifest
  private var nextNine = firstNine

  init(_ broker: AloneBroker, extract: String) throws {
    layout = broker.layout
    // The broker drops what nobody has read by the time a partition is full.
    producer = try Producer(
      broker.kafka,
      backlog: BacklogLimit(
        bytesPerPartition: 1_000_000, groups: [layout.name(.extracts): [layout.group(.ingestion)]]))
    manifest = Manifest.with {
      $0.extractID = extract
      $0.organisation = Self.organisation
      $0.source = .gp
      $0.period = "2026-10"
      $0.submittedAt = Int64(Date.now.timeIntervalSince1970 * 1e6)
      $0.specification = "1"
    }
  }

  func close() { producer.close() }

  func enrol() throws {
    let enrolment = PracticeEnrolment.with {
      $0.organisation = Self.organisation
      $0.state = .active
      $0.changedAt = 1
      $0.notifiedOn = 18_000
      $0.activeFrom = 20_000
    }
    try producer.send(
      topic: layout.name(.practices), partition: 0, key: Array(Self.organisation.utf8),
      value: try enrolment.serializedBytes())
    try producer.flush()
  }

  func send(records: Int, entries: Int) throws {
    var manifest = manifest
    manifest.expectedRecords = UInt32(records)
    manifest.expectedEntries = UInt64(records * entries)
    manifest.state = .opened
    try send(.manifest(manifest), to: 0)
    for sequence in 1...records {
      try send(.record(record(sequence, entries: entries)), to: Int32(sequence % layout.partitions))
    }
    try producer.flush()
    manifest.state = .closed
    try send(.manifest(manifest), to: 0)
    try producer.flush()
  }

  private func send(_ content: ExtractMessage.OneOf_Content, to partition: Int32) throws {
    try producer.send(
      topic: layout.name(.extracts), partition: partition, key: Array("key".utf8),
      value: try ExtractMessage.with { $0.content = content }.serializedBytes())
  }

  private func record(_ sequence: Int, entries: Int) -> PatientRecord {
    PatientRecord.with {
      $0.extractID = manifest.extractID
      $0.sequence = UInt32(sequence)
      $0.organisation = Self.organisation
      $0.source = .gp
      $0.period = manifest.period
      $0.submittedAt = manifest.submittedAt
      $0.specification = manifest.specification
      $0.patientRef = "P\(sequence)"
      $0.nhsNumber = nextNumber()
      $0.dateOfBirth = "19\(10 + sequence % 85)-0\(1 + sequence % 9)-1\(sequence % 10)"
      $0.sex = "\(1 + sequence % 2)"
      $0.postcode = "LX\(sequence % 9 + 1) \(sequence % 10)AB"
      $0.ethnicCategory = "A"
      $0.registeredFrom = "2001-04-01"
      $0.entries = (0..<entries).map { place in
        Entry.with {
          ($0.system, $0.code) = Self.codes[place % Self.codes.count]
          $0.day = Int32(15_000 + (sequence + place * 97) % 5_000)
          if place % 3 == 1 {
            $0.value = Double(sequence % 900) / 10
            $0.unit = "kg/m2"
          }
        }
      }
    }
  }

  /// Empty when the range is used up.
  private func nextNumber() -> String {
    while nextNine < 1_000_000_000 {
      defer { nextNine += 1 }
      if let digit = NHSNumber.checkDigit(ofFirstNine: nextNine) { return "\(nextNine)\(digit)" }
    }
    return ""
  }
}

extension ProcessorTime {
  /// The greatest resident memory a process ever had, in MB; 0 when it is gone.
  static func greatestMemory(of pid: Int32) -> Double {
    let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return (line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Double($0) } ?? 0) / 1_024
  }
}
