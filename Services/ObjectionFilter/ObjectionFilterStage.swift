import Contracts
import Cryptography
import Foundation
import Kafka
import Postgres
import StageKit
import SwiftProtobuf

/// Lets records pass, turns those under an objection into retractions, and withdraws what passed before.
///
/// Holds no key: it reads the routing token, the header and nothing else; passing records go on byte for byte.
final class ObjectionFilterStage: Stage {
  static let name = StageName.objectionFilter
  static let input = [Topic.validated]
  static let migrations = ObjectionStore.migrations

  private enum Action {
    case pass
    case exclude(RetractionReason)
    case withdraw(token: Token16, fromGP: Int64, fromAll: Int64)
    case mark
    case reject(RejectionCode)
  }

  private let context: StageContext
  private let permitted: String
  private let store = ObjectionStore()
  private let flow = FlowCounter()
  private var writer = WireWriter()
  private var actions: [Action] = []

  init(context: StageContext) throws {
    self.context = context
    permitted = context.layout.name(.permitted)
  }

  func assigned(_ partitions: [TopicPartition]) throws {
    try store.load(partitions.map(\.partition), context.database)
  }

  func revoked(_ partitions: [TopicPartition]) {
    store.forget(partitions.map(\.partition))
    flow.forget()
  }

  func process(_ batch: MessageBatch, _ output: StageOutput) throws {
    actions.removeAll(keepingCapacity: true)
    for message in batch.messages { actions.append(try decide(message)) }
    try context.database.transaction {
      try store.store(context.database)
      try flow.store(context.database)
    }
    store.stored()
    flow.stored()
    var markers: [Kafka.Message] = []
    for (message, action) in zip(batch.messages, actions) {
      switch action {
      case .pass:
        try output.send(topic: permitted, partition: message.partition, key: message.key, value: message.value)
      case .exclude(let reason):
        try send(message, excludedFor: reason, output)
      case .withdraw(let token, let fromGP, let fromAll):
        if fromGP > 0 { try withdraw(token, allSources: false, fromGP, message, output) }
        if fromAll > 0 { try withdraw(token, allSources: true, fromAll, message, output) }
      case .mark: markers.append(message)
      case .reject(let code): try output.reject(message, code)
      }
    }
    if !markers.isEmpty { try output.flush() }
    for marker in markers {
      try output.send(topic: permitted, partition: marker.partition, key: marker.key, value: marker.value)
    }
  }

  private func decide(_ message: Kafka.Message) throws -> Action {
    do {
      let envelope = try EnvelopeView(message.value)
      switch envelope.kind {
      case .record:
        let header = try HeaderView(envelope.header)
        guard let token = Token16(bytes: message.key) else { return .reject(.missingField) }
        store.saw(stamp: header.stamp, in: message.partition)
        let verdict =
          store.subject(token, in: message.partition)?.verdict(source: header.source, stamp: header.stamp) ?? .passes
        try flow.count(
          extract: header.extractID, partition: message.partition, number: header.number,
          as: verdict == .passes ? .passed : .excluded, database: context.database)
        switch verdict {
        case .passes: return .pass
        case .excluded(let reason):
          context.metrics.excluded += 1
          return .exclude(reason)
        }
      case .retraction: return .pass
      case .marker: return .mark
      case .objection: return try take(envelope, message)
      default: return .reject(.unexpectedKind)
      }
    } catch let error as ContractError {
      return .reject(RejectionCode(error))
    }
  }

  private func take(_ envelope: EnvelopeView, _ message: Kafka.Message) throws -> Action {
    guard let notice = try? ObjectionNotice(serializedBytes: Data(envelope.objection)),
      let origin = Token16(bytes: [UInt8](notice.origin)), let token = Token16(bytes: message.key),
      notice.type == .objectionType1 || notice.type == .objectionType2,
      notice.decision == .dissent || notice.decision == .withdrawn
    else { return .reject(.malformed) }
    let statement = Statement(
      origin: origin, type: notice.type, decision: notice.decision, day: notice.hasDay ? notice.day : nil,
      stamp: notice.stamp, isRetracted: notice.retracted)
    let subject = store.take(statement, for: token, in: message.partition)
    store.saw(stamp: notice.stamp, in: message.partition)
    return .withdraw(token: token, fromGP: subject.erasedFromGP, fromAll: subject.erasedFromAll)
  }

  private func send(_ message: Kafka.Message, excludedFor reason: RetractionReason, _ output: StageOutput) throws {
    writer.reset()
    writer.varint(EnvelopeView.Field.kind, UInt64(Kind.retraction.rawValue))
    writer.bytes(EnvelopeView.Field.header, try EnvelopeView(message.value).header)
    writer.varint(EnvelopeView.Field.reason, UInt64(reason.rawValue))
    try writer.bytes.withUnsafeBytes {
      try output.send(topic: permitted, partition: message.partition, key: message.key, value: $0)
    }
  }

  private func withdraw(
    _ token: Token16, allSources: Bool, _ erased: Int64, _ message: Kafka.Message, _ output: StageOutput
  ) throws {
    let envelope = Envelope.with {
      $0.kind = .withdrawal
      $0.withdrawal.token = Data(token.bytes)
      $0.withdrawal.allSources = allSources
      $0.withdrawal.erasedStamp = erased
    }
    try output.send(
      topic: permitted, partition: message.partition, key: token.bytes, value: try envelope.serializedBytes())
  }
}
