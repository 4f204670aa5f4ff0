import Contracts
import Cryptography
import Foundation
import Kafka
import KeyRing
import Postgres

/// How long after its acknowledgement an objection has deleted what was published of the person, while records flow at
/// half of the rate that the installation sustains.
struct WithdrawalBenchmark {
  private struct Objection {
    let token: Token16
    let sent: ContinuousClock.Instant
    var acknowledged: ContinuousClock.Instant?
    var withdrawn: ContinuousClock.Instant?
  }

  let installation: PipelineBenchmark
  /// Records per second, of the pipeline run before.
  let sustained: Double

  func run(objections count: Int, every pause: Duration) throws -> WithdrawalReport {
    let database = try Connection(installation.environment["CAREDATA_DATABASE_URL"] ?? "")
    defer { database.close() }
    let people = try linkedPeople(database, count)
    let broker = try BrokerState.read("\(installation.state)/broker.json")
    let kafka = KafkaConfiguration.embeddedBroker(bootstrapServers: broker.bootstrapServers)
    let layout = TopicLayout()
    let receipts = try TopicReader(kafka, topic: layout.name(.receipts), from: .end)
    let producer = try Producer(kafka)
    defer { producer.close() }
    var load = PacedLoad(installation, recordsPerSecond: sustained / 2)
    defer { load.stop() }
    try load.warmUp()
    var open: [String: Objection] = [:]
    var done: [Objection] = []
    var next = ContinuousClock.now
    var rest = people[...]
    let deadline = ContinuousClock.now + pause * count + .seconds(60)
    while done.count < people.count {
      guard ContinuousClock.now < deadline else { throw BenchmarkError("an objection had no effect within 60 s") }
      try load.goOn()
      if ContinuousClock.now >= next, let person = rest.popFirst() {
        let id = "bench-" + randomName()
        try send(id, person.nhsNumber, producer, layout)
        open[id] = Objection(token: person.token, sent: .now)
        next += pause
      }
      for message in try receipts.poll(timeoutMilliseconds: 2).messages {
        guard let receipt = try? Receipt(serializedBytes: [UInt8](message.value)) else { continue }
        if receipt.status == .objectionsAcknowledged { open[receipt.id]?.acknowledged = .now }
      }
      let live = try live(open.values.map(\.token), database)
      for (id, objection) in open where objection.withdrawn == nil && !live.contains(objection.token) {
        open[id]!.withdrawn = .now
      }
      for (id, objection) in open where objection.withdrawn != nil && objection.acknowledged != nil {
        done.append(objection)
        open[id] = nil
      }
    }
    return WithdrawalReport(
      load: load.recordsPerSecond,
      acknowledged: done.map { ($0.acknowledged! - $0.sent).inSeconds }.sorted(),
      withdrawn: done.map { max(0, ($0.withdrawn! - $0.acknowledged!).inSeconds) }.sorted())
  }

  private func send(_ id: String, _ number: String, _ producer: Producer, _ layout: TopicLayout) throws {
    let message = ObjectionMessage.with {
      $0.objection.submissionID = id
      $0.objection.sequence = 1
      $0.objection.expected = 1
      $0.objection.nhsNumber = number
      $0.objection.type = .objectionType2
      $0.objection.decision = .dissent
      $0.objection.origin = "patient"
    }
    try producer.send(
      topic: layout.name(.objections), partition: layout.partition(ofText: id), key: Array(id.utf8),
      value: try message.serializedBytes())
    try producer.flush()
  }

  /// People with facts at publication, found by the tokens that the stages make of their number.
  private func linkedPeople(_ database: Connection, _ count: Int) throws -> [(nhsNumber: String, token: Token16)] {
    let keys = KeyInstallation("\(installation.state)/keys")
    let ingestion = try keys.ring(of: .ingestion)
    let key = try ingestion.active(.routing)
    let routing = try RoutingTokens(persons: try ingestion.active(.persons).secret, routing: key.secret)
    let withdrawal = try WithdrawalTokens(
      root: try keys.ring(of: .pseudonymisation).active(.tokens).secret, routing: [key.version: key.secret])
    let people = try installation.nhsNumbers().map { number in
      let token = withdrawal.token(routingToken: routing.token(nhsNumber: number), version: key.version)!
      return (nhsNumber: number, token: token)
    }
    let live = try live(people.map(\.token), database)
    let linked = people.filter { live.contains($0.token) }
    guard linked.count >= count else { throw BenchmarkError("the region has too few people") }
    return Array(linked.prefix(count))
  }

  private func live(_ tokens: [Token16], _ database: Connection) throws -> Set<Token16> {
    guard !tokens.isEmpty else { return [] }
    let rows = try database.query(
      "select distinct withdrawal_token from publication.record where withdrawal_token = any($1) and state = 1",
      [.bytesArray(tokens.map(\.bytes))])
    return Set((0..<rows.count).compactMap { Token16(bytes: rows.bytes($0, 0)) })
  }
}

/// Submits the region again and again, each time for the next month, no faster than it is told.
private struct PacedLoad {
  private let installation: PipelineBenchmark
  private let rate: Double
  private let start = ContinuousClock.now
  private var submitted = 0.0
  private var month = 0
  private var place = 0
  private var child: Child?

  init(_ installation: PipelineBenchmark, recordsPerSecond rate: Double) {
    self.installation = installation
    self.rate = rate
  }

  var recordsPerSecond: Double { submitted / (ContinuousClock.now - start).inSeconds }

  /// Until records flow.
  mutating func warmUp() throws {
    while submitted == 0 || (ContinuousClock.now - start).inSeconds < 2 {
      try goOn()
      Thread.sleep(forTimeInterval: 0.02)
    }
  }

  mutating func goOn() throws {
    if let child, child.isRunning { return }
    if let child, child.wait() != 0 { throw BenchmarkError("the load could not be submitted; see commands.log") }
    guard submitted <= rate * (ContinuousClock.now - start).inSeconds else { return }
    if place == installation.extracts.count { (place, month) = (0, month + 1) }
    let extract = installation.extracts[place]
    child = try installation.startSubmitting(extract, monthsLater: month + 1)
    submitted += Double(extract.records)
    place += 1
  }

  func stop() { child?.stop() }
}

/// Seconds, sorted.
struct WithdrawalReport {
  let load: Double
  let acknowledged: [Double]
  let withdrawn: [Double]

  static func percentile(_ share: Double, of sorted: [Double]) -> Double {
    sorted[min(sorted.count - 1, Int((Double(sorted.count) * share).rounded(.up)) - 1)]
  }

  var p95: Double { Self.percentile(0.95, of: withdrawn) }

  var text: String {
    func line(_ name: String, _ seconds: [Double]) -> String {
      let figures = [0.5, 0.95, 1].map { String(format: "%.2f s", Self.percentile($0, of: seconds)) }
      return "  \(name): median \(figures[0]), 95th percentile \(figures[1]), longest \(figures[2])"
    }
    return """

      \(withdrawn.count) objections while \(Int(load)) records/s are submitted
      \(line("sent to acknowledged", acknowledged))
      \(line("acknowledged to facts deleted", withdrawn))
      """
  }
}
