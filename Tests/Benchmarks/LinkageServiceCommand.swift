import ArgumentParser
import Contracts
import Foundation
import Kafka
import Postgres

/// The linkage service alone, while its index grows: what a record costs whose identity is known or new.
struct LinkageServiceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "linkage-service",
    abstract: "Fills linkage's index and measures it at several sizes, for new identities and for known ones.",
    discussion: """
      Records of made-up people with mistakes, as pseudonymisation sends them, one batch after the other: each is put \
      into the topic while the service stands still and measured until it is committed and nothing waits to be sent. \
      At each size: identities that are all new, then 80 % that are known. Exit code 1 unless every mark is met.
      """)

  @Option(help: "Identities in the index at which to measure; may be repeated.")
  var size: [Int] = []
  @Option(help: "Records of each batch.")
  var batch = 50_000
  @Option(help: "Batches of each kind at each size; the median counts.")
  var rounds = 3

  /// Has `--directory`, which it would take for itself if it were here as well.
  @ParentCommand var parent: BenchmarksCommand

  func run() async throws {
    let sizes = size.isEmpty ? [100_000, 1_000_000, 3_000_000] : size.sorted()
    let workspace = try Workspace(directory: parent.directory)
    let installation = try PipelineBenchmark(workspace, patients: 50, seed: 1)
    defer { installation.stop() }
    try installation.pause()
    let ballast = Ballast()
    defer { withExtendedLifetime(ballast) {} }
    // About as many identities as records, three of each person.
    let sender = LinkageSender(seed: parent.seed, people: (sizes.last ?? 0) / 2 + 50_000)
    let run = try LinkageServiceRun(workspace, installation.environment)
    defer { run.stop() }
    print(" identities  batch        records/s  service µs  PostgreSQL µs")
    var found: [(size: Int, new: Figures, known: Figures)] = []
    for size in sizes {
      // The size is reached in the middle of what is measured.
      while sender.identities + batch * rounds / 2 < size { _ = try run.measure(sender.batch(batch, known: 0)) }
      let new = try median(size, "all new") { try run.measure(sender.batch(batch, known: 0)) }
      let known = try median(size, "80 % known") { try run.measure(sender.batch(batch, known: 0.8)) }
      found.append((size, new, known))
    }
    let marks = Self.marks(found)
    print(marks.map(\.text).joined(separator: "\n"))
    if !marks.allSatisfy(\.isMet) { throw ExitCode(1) }
  }

  private func median(_ size: Int, _ name: String, _ round: () throws -> Figures) throws -> Figures {
    let all = try (0..<max(1, rounds)).map { _ in try round() }.sorted { $0.recordsPerSecond < $1.recordsPerSecond }
    let figures = all[all.count / 2]
    print(
      String(
        format: "%11d  %@  %9.0f  %10.1f  %13.1f", size, name.padding(toLength: 11, withPad: " ", startingAt: 0),
        figures.recordsPerSecond, figures.servicePerRecord, figures.databasePerRecord))
    return figures
  }

  private static func marks(_ found: [(size: Int, new: Figures, known: Figures)]) -> [Mark] {
    guard let first = found.first, let last = found.last else { return [] }
    func cost(_ figures: Figures) -> Double { figures.servicePerRecord + figures.databasePerRecord }
    var marks: [Mark] = []
    if let million = found.first(where: { $0.size >= 1_000_000 }) {
      marks = [
        Mark(
          name: "80 % known of \(million.size), records/s", required: 8_000, measured: million.known.recordsPerSecond),
        Mark(name: "all new at \(million.size), records/s", required: 2_500, measured: million.new.recordsPerSecond),
      ]
    }
    guard found.count > 1 else { return marks }
    for (name, figures) in [("new", \.new), ("known", \.known)]
      as [(String, KeyPath<(size: Int, new: Figures, known: Figures), Figures>)]
    {
      marks.append(
        Mark(
          name: "\(name): cost at \(last.size), times that at \(first.size)", atMost: 1.3,
          measured: cost(last[keyPath: figures]) / cost(first[keyPath: figures])))
    }
    return marks
  }
}

/// One service and its broker.
private final class LinkageServiceRun {
  private let broker: AloneBroker
  private let child: Child
  private let cluster: ClusterTime
  private let connection: Connection
  private let producer: Producer
  private let admin: Admin
  private let stage = StageName.linkage
  private var sent: Int64 = 0

  init(_ workspace: Workspace, _ environment: [String: String]) throws {
    cluster = try ClusterTime(environment["CAREDATA_DATABASE_URL"] ?? "")
    let name = "linkage_service"
    broker = try AloneBroker.start(workspace, environment, name)
    try cluster.dropDatabase(name)
    try cluster.makeDatabase(name)
    let url = (environment["CAREDATA_DATABASE_URL"] ?? "").replacing("dbname=caredata", with: "dbname=\(name)")
    child = try broker.startService(stage, databaseURL: url, workspace)
    connection = try Connection(url)
    producer = try Producer(broker.kafka)
    admin = try Admin(broker.kafka)
  }

  func stop() {
    producer.close()
    connection.close()
    child.stop()
    broker.process.stop()
  }

  func measure(_ messages: [LinkageSender.Message]) throws -> Figures {
    kill(child.pid, SIGSTOP)
    defer { kill(child.pid, SIGCONT) }
    let topic = broker.layout.name(.pseudonymised)
    for message in messages {
      try producer.send(
        topic: topic, partition: broker.layout.partition(of: message.recordID), key: message.recordID,
        value: message.value)
    }
    try producer.flush()
    sent += Int64(messages.count)
    let (service, database) = (ProcessorTime.of(child.pid), cluster.total())
    let start = ContinuousClock.now
    kill(child.pid, SIGCONT)
    try awaited("the end of a batch", seconds: 600, every: 0.005, unlessEnded: child) { () -> Bool? in
      let done = try admin.committedOffsets(group: broker.layout.group(stage), topics: [topic]).values.reduce(0, +)
      guard done >= sent else { return nil }
      return try connection.query("select not exists (select from linkage.outbox)").bool(0, 0) ? true : nil
    }
    return Figures(
      records: messages.count, seconds: (ContinuousClock.now - start).inSeconds,
      bytesPerRecord: messages.map(\.value.count).reduce(0, +) / messages.count,
      service: ProcessorTime.of(child.pid) - service, database: cluster.total() - database, broker: 0)
  }
}
