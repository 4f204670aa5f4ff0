import Contracts
import Cryptography
import Kafka
import Postgres
import StageKit

/// `pseudonymised` → `linked`: gives each record its person. Holds no key and opens no section.
final class LinkageStage: Stage {
  static let name = StageName.linkage
  static let input = [Topic.pseudonymised]
  static let migrations = LinkageMigrations.all
  /// Tokens are spread over all pages of the index: the more of them come at once, the more find a page that is at hand.
  static let batch = BatchLimits(messages: 50_000, bytes: 64 << 20)

  private let context: StageContext
  private let linked: String
  private var envelope = LinkedEnvelope()

  init(context: StageContext) {
    self.context = context
    linked = context.layout.name(.linked)
  }

  func assigned(_ partitions: [TopicPartition]) throws {
    try UnresolvedObjections.meet(context.configuration.incarnation, context.database)
    try BrokerLife(database: context.database, layout: context.layout).begin(context.configuration.incarnation)
  }

  func process(_ batch: MessageBatch, _ output: StageOutput) throws {
    let messages = batch.messages
    try drainParked(output)
    let rejected = try take(
      messages.map { ReceivedMessage(partition: $0.partition, key: $0.key, value: $0.value) }, output
    ) { rejected in
      try UnresolvedObjections.note(
        rejected.map { (messages[$0.position], $0.code) }, incarnation: context.configuration.incarnation,
        context.database)
    }
    // After the transaction, which may have to be tried again.
    for (position, code) in rejected { try output.reject(messages[position], code) }
  }

  func work(_ output: StageOutput) throws -> Bool {
    try drainParked(output)
    let count = try ParkedMessages.areAny(context.database) ? ParkedMessages.count(context.database) : 0
    context.paused = count > 0 ? "\(count) records wait for \(StoredTokens.wait)" : nil
    return try Outbox.drain(context.database, to: output)
  }

  private func drainParked(_ output: StageOutput) throws {
    guard try ParkedMessages.areAny(context.database) else { return }
    let state = try StoredTokens.state(context.database)
    guard state.target == nil else { return }
    try ParkedMessages.drain(state.version, context.database) { messages in
      _ = try take(messages, output) { _ in }
      try output.flush()
    }
  }

  /// - Parameter note: what cannot be used, before anything else is stored.
  /// - Returns: the same.
  private func take(
    _ messages: [ReceivedMessage], _ output: StageOutput,
    note: ([(position: Int, code: RejectionCode)]) throws -> Void
  ) throws -> [(position: Int, code: RejectionCode)] {
    let version = try StoredTokens.current(context.database)
    var received = ReceivedBatch(capacity: messages.count, version: version)
    var rejected: [(position: Int, code: RejectionCode)] = []
    for (position, message) in messages.enumerated() {
      if let code = received.add(position, message) { rejected.append((position, code)) }
    }
    if received.newestVersion > version {
      try LinkageIndex(database: context.database, layout: context.layout).adopt(received.newestVersion)
      return try take(messages, output, note: note)
    }
    try note(rejected)
    let outcome = try LinkageIndex(database: context.database, layout: context.layout)
      .apply(received.content, parking: received.parked, under: version)
    // A marker stands behind everything before it, so also behind what is parked; nothing is sent until it may go.
    if !received.markers.isEmpty, try ParkedMessages.areAny(context.database) { throw StoredTokens.wait }
    for passage in received.passages {
      let message = messages[passage.message]
      switch passage.content {
      case .withdrawal:
        try output.send(topic: linked, partition: message.partition, key: message.key, value: message.value)
      case .record(let view, let event):
        let record = received.content.records[event]
        guard let value = value(view, record, outcome.dispositions[event], number: outcome.assignment) else { continue }
        try value.withUnsafeBytes { value in
          try output.send(topic: linked, partition: message.partition, key: message.key, value: value)
        }
      }
    }
    try record(received.markers, output)
    return rejected
  }

  private func record(_ markers: [ReceivedMarker], _ output: StageOutput) throws {
    guard !markers.isEmpty else { return }
    try output.flush()
    let reasons = try UnresolvedObjections.reasons(at: Self.name, context.database)
    try CutAlignment(database: context.database, layout: context.layout).record(markers.map { $0.held(by: reasons) })
  }

  private func value(
    _ view: EnvelopeView, _ event: RecordEvent, _ disposition: Disposition, number: Int64
  ) -> [UInt8]? {
    switch (disposition, event.content) {
    case (.nothing, _): return nil
    case (.record(let person, let rank), .record(let combination)):
      return envelope.record(
        view, withdrawal: combination.withdrawal, .init(person: person, rank: rank, number: number))
    case (.record, .retraction), (.record, .exclusion):
      preconditionFailure("a retraction has no person")
    case (.retraction(let reason), let content):
      if case .record = content { context.metrics.excluded += 1 }
      return envelope.retraction(header: view.header, reason: reason)
    }
  }
}
