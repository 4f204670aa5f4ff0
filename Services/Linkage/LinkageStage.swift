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
    var received = ReceivedBatch(capacity: messages.count)
    var rejected: [(message: Kafka.Message, code: RejectionCode)] = []
    for (position, message) in messages.enumerated() {
      if let code = received.add(
        position, partition: message.partition, key: message.key, value: message.value)
      {
        rejected.append((message, code))
      }
    }
    try UnresolvedObjections.note(rejected, incarnation: context.configuration.incarnation, context.database)
    let dispositions = try LinkageIndex(database: context.database, layout: context.layout).apply(received.content)
    // After the transaction, which may have to be tried again.
    for (message, code) in rejected { try output.reject(message, code) }
    for passage in received.passages {
      let message = messages[passage.message]
      switch passage.content {
      case .withdrawal:
        try output.send(topic: linked, partition: message.partition, key: message.key, value: message.value)
      case .record(let view, let event):
        guard let value = value(view, received.content.records[event], dispositions[event]) else { continue }
        try value.withUnsafeBytes { value in
          try output.send(topic: linked, partition: message.partition, key: message.key, value: value)
        }
      }
    }
    guard !received.markers.isEmpty else { return }
    try output.flush()
    let reasons = try UnresolvedObjections.reasons(at: Self.name, context.database)
    try CutAlignment(database: context.database, layout: context.layout).record(
      received.markers.map { $0.held(by: reasons) })
  }

  func work(_ output: StageOutput) throws -> Bool {
    try Outbox.drain(context.database, to: output)
  }

  private func value(_ view: EnvelopeView, _ event: RecordEvent, _ disposition: Disposition) -> [UInt8]? {
    switch (disposition, event.content) {
    case (.nothing, _): return nil
    case (.record(let person, let assignment), .record(_, _, let withdrawal)):
      return envelope.record(view, withdrawal: withdrawal, person: person, assignment: assignment)
    case (.record, .retraction), (.record, .exclusion), (.record, .unrecognised):
      preconditionFailure("a retraction has no person")
    case (.retraction(let reason), let content):
      if case .record = content { context.metrics.excluded += 1 }
      return envelope.retraction(header: view.header, reason: reason)
    }
  }
}
