import Contracts
import Cryptography
import Foundation
import Kafka
import Postgres
import StageKit
import SwiftProtobuf

/// Opens the identity section, and only that, and replaces it by tokens and attributes. The routing token, by which a
/// person could be followed back, becomes a withdrawal token.
final class PseudonymisationStage: Stage {
  static let name = StageName.pseudonymisation
  static let input = [Topic.permitted]
  static let migrations = [
    Migration(version: 2, name: "flow", sql: FlowCounter.migrationSQL),
    Migration(version: 3, name: "rejected objections", sql: UnresolvedObjections.migrationSQL),
  ]

  private let context: StageContext
  private let pseudonymised: String
  private let flow = FlowCounter()
  private let keys: StageKeys
  private var envelope: PseudonymousEnvelope
  /// Of the batch in hand.
  private var rejected: [(message: Kafka.Message, code: RejectionCode)] = []

  init(context: StageContext) throws {
    self.context = context
    pseudonymised = context.layout.name(.pseudonymised)
    keys = try StageKeys(context.configuration, of: .pseudonymisation, others: [.ingestion, .publication])
    context.metrics.keyVersions(keys.ring)
    envelope = try PseudonymousEnvelope(keys: keys)
  }

  private func refreshKeys() throws {
    context.metrics.keyUses(keys.uses.take())
    guard try keys.refresh() else { return }
    try envelope.reload()
    context.metrics.keyVersions(keys.ring)
    context.logger.notice("keys have changed; new ones are used from here on")
  }

  func assigned(_ partitions: [TopicPartition]) throws {
    try UnresolvedObjections.meet(context.configuration.incarnation, context.database)
  }

  func revoked(_ partitions: [TopicPartition]) { flow.forget() }

  func process(_ batch: MessageBatch, _ output: StageOutput) throws {
    // The outputs do not depend on the counts, so they may be on their way while the counts are stored; offsets are
    // committed only after both.
    rejected.removeAll()
    defer { rejected.removeAll() }
    var markers: [Kafka.Message] = []
    try refreshKeys()
    for message in batch.messages {
      do {
        let received = try EnvelopeView(message.value)
        switch received.kind {
        case .record: try pseudonymise(message, received, output)
        case .retraction: try retract(message, received, output)
        case .withdrawal, .reinstatement: try spread(message, received, output)
        case .marker: markers.append(message)
        default: rejected.append((message, .unexpectedKind))
        }
      } catch let error as ContractError {
        rejected.append((message, RejectionCode(error)))
      }
    }
    try context.database.transaction {
      try flow.store(context.database)
      try UnresolvedObjections.note(rejected, incarnation: context.configuration.incarnation, context.database)
    }
    flow.stored()
    // What is told to be rejected can be looked up.
    for (message, code) in rejected { try output.reject(message, code) }
    guard !markers.isEmpty else { return }
    try output.flush()
    let reasons = try UnresolvedObjections.reasons(at: Self.name, context.database)
    for message in markers { try mark(message, heldBy: reasons, output) }
  }

  private func pseudonymise(_ message: Kafka.Message, _ received: EnvelopeView, _ output: StageOutput) throws {
    let header = try HeaderView(received.header)
    var outcome = FlowCounter.Outcome.passed
    do {
      try envelope.record(received, routingToken: message.key)
    } catch is PseudonymousEnvelope.Unreadable {
      // Goes on as a retraction, so that the counts of the extract still balance at publication.
      outcome = .rejected
      rejected.append((message, .sectionUnreadable))
      _ = try envelope.retraction(received, routingToken: message.key, reason: .rejected)
    }
    try flow.count(
      extract: header.extractID, partition: message.partition, number: header.number, as: outcome,
      database: context.database)
    try send(key: header.recordID, output)
  }

  /// One whose identity does not open is put aside and goes on all the same: what was held back must not come back.
  private func retract(_ message: Kafka.Message, _ received: EnvelopeView, _ output: StageOutput) throws {
    let header = try HeaderView(received.header)
    let isReadable = try envelope.retraction(received, routingToken: message.key)
    if !isReadable { rejected.append((message, .sectionUnreadable)) }
    try send(key: header.recordID, output)
  }

  private func send(key: UnsafeRawBufferPointer, _ output: StageOutput) throws {
    try envelope.bytes.withUnsafeBytes {
      try output.send(topic: pseudonymised, partition: context.layout.partition(of: key), key: key, value: $0)
    }
  }

  /// A person's records lie in every partition from here on, so what concerns all of them goes to every one.
  private func spread(_ message: Kafka.Message, _ received: EnvelopeView, _ output: StageOutput) throws {
    let token = try envelope.objection(received)
    for partition in 0..<Int32(context.layout.partitions) {
      try output.send(topic: pseudonymised, partition: partition, key: token.bytes, value: envelope.bytes)
    }
  }

  private func mark(_ message: Kafka.Message, heldBy reasons: [String], _ output: StageOutput) throws {
    let received = [UInt8](message.value)
    guard let cutID = try? Envelope(serializedBytes: received).marker.cutID else {
      return try output.reject(message, .malformed)
    }
    for partition in 0..<Int32(context.layout.partitions) {
      try output.send(
        topic: pseudonymised, partition: partition, key: Array(cutID.utf8),
        value: try PseudonymousEnvelope.marker(received, partition: partition, heldBy: reasons))
    }
  }
}
