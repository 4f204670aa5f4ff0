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
  static let migrations = [Migration(version: 2, name: "flow", sql: FlowCounter.migrationSQL)]

  private let context: StageContext
  private let pseudonymised: String
  private let pseudonyms: Pseudonyms
  private let identityKey: AES256GCM
  private let attributesKey: AES256GCM
  private let flow = FlowCounter()
  private var plaintext: [UInt8] = []
  private var sealed: [UInt8] = []
  private var links = WireWriter(capacity: 64)
  private var writer = WireWriter(capacity: 16_384)

  init(context: StageContext) throws {
    self.context = context
    pseudonymised = context.layout.name(.pseudonymised)
    let keys = context.configuration.keysDirectory
    identityKey = try AES256GCM(key: try StageKey.read("identity", in: keys))
    attributesKey = try AES256GCM(key: try StageKey.read("attributes", in: keys))
    pseudonyms = try Pseudonyms(
      linkageKey: try StageKey.read("linkage", in: keys), withdrawalKey: try StageKey.read("withdrawal", in: keys))
  }

  func revoked(_ partitions: [TopicPartition]) { flow.forget() }

  func process(_ batch: MessageBatch, _ output: StageOutput) throws {
    // The outputs do not depend on the counts, so they may be on their way while the counts are stored; offsets are
    // committed only after both.
    var markers: [Kafka.Message] = []
    for message in batch.messages {
      do {
        let envelope = try EnvelopeView(message.value)
        switch envelope.kind {
        case .record: try pseudonymise(message, envelope, output)
        case .retraction: try retract(message, envelope, isRejected: false, output)
        case .withdrawal: try withdraw(message, envelope, output)
        case .marker: markers.append(message)
        default: try output.reject(message, .unexpectedKind)
        }
      } catch let error as ContractError {
        try output.reject(message, RejectionCode(error))
      }
    }
    try context.database.transaction { try flow.store(context.database) }
    flow.stored()
    guard !markers.isEmpty else { return }
    try output.flush()
    for message in markers { try mark(message, output) }
  }

  private func pseudonymise(_ message: Kafka.Message, _ envelope: EnvelopeView, _ output: StageOutput) throws {
    let header = try HeaderView(envelope.header)
    let identity: IdentitySection
    do {
      try identityKey.open(envelope.identity, associated: envelope.header, into: &plaintext)
      identity = try IdentitySection(serializedBytes: plaintext)
    } catch {
      // Goes on as a retraction, so that the counts of the extract still balance at publication.
      try output.reject(message, .sectionUnreadable)
      try flow.count(
        extract: header.extractID, partition: message.partition, number: header.number, as: .rejected,
        database: context.database)
      return try retract(message, envelope, isRejected: true, output)
    }
    try flow.count(
      extract: header.extractID, partition: message.partition, number: header.number, as: .passed,
      database: context.database)
    let attributes: [UInt8] = try Pseudonyms.attributes(identity).serializedBytes()
    try attributes.withUnsafeBytes { try attributesKey.seal($0, associated: envelope.header, into: &sealed) }
    links.reset()
    if let token = pseudonyms.numberToken(identity) { links.bytes(1, token.bytes) }
    if let token = pseudonyms.demographicsToken(identity) { links.bytes(2, token.bytes) }
    links.bytes(3, pseudonyms.withdrawalToken(message.key).bytes)
    writer.reset()
    writer.varint(EnvelopeView.Field.kind, UInt64(Kind.record.rawValue))
    writer.bytes(EnvelopeView.Field.header, envelope.header)
    writer.bytes(EnvelopeView.Field.clinical, envelope.clinical)
    writer.bytes(EnvelopeView.Field.attributes, sealed)
    writer.bytes(EnvelopeView.Field.links, links.bytes)
    try send(key: header.recordID, output)
  }

  /// - Parameter isRejected: set where this stage itself could not process the record.
  private func retract(
    _ message: Kafka.Message, _ envelope: EnvelopeView, isRejected: Bool, _ output: StageOutput
  ) throws {
    let header = try HeaderView(envelope.header)
    links.reset()
    links.bytes(3, pseudonyms.withdrawalToken(message.key).bytes)
    writer.reset()
    writer.varint(EnvelopeView.Field.kind, UInt64(Kind.retraction.rawValue))
    writer.bytes(EnvelopeView.Field.header, envelope.header)
    writer.bytes(EnvelopeView.Field.links, links.bytes)
    writer.varint(
      EnvelopeView.Field.reason,
      isRejected ? UInt64(RetractionReason.rejected.rawValue) : envelope.reason)
    try send(key: header.recordID, output)
  }

  private func send(key: UnsafeRawBufferPointer, _ output: StageOutput) throws {
    try writer.bytes.withUnsafeBytes {
      try output.send(topic: pseudonymised, partition: context.layout.partition(of: key), key: key, value: $0)
    }
  }

  /// A person's records lie in every partition from here on, so a withdrawal goes to all of them.
  private func withdraw(_ message: Kafka.Message, _ envelope: EnvelopeView, _ output: StageOutput) throws {
    guard var withdrawal = try? Withdrawal(serializedBytes: Data(envelope.withdrawal)), withdrawal.token.count == 16
    else { return try output.reject(message, .malformed) }
    let token = withdrawal.token.withUnsafeBytes { pseudonyms.withdrawalToken($0) }
    withdrawal.token = Data(token.bytes)
    let value: [UInt8] = try Envelope.with {
      $0.kind = .withdrawal
      $0.withdrawal = withdrawal
    }.serializedBytes()
    for partition in 0..<Int32(context.layout.partitions) {
      try output.send(topic: pseudonymised, partition: partition, key: token.bytes, value: value)
    }
  }

  private func mark(_ message: Kafka.Message, _ output: StageOutput) throws {
    guard var envelope = try? Envelope(serializedBytes: Data(message.value)) else {
      return try output.reject(message, .malformed)
    }
    for partition in 0..<Int32(context.layout.partitions) {
      envelope.marker.pseudonymisedPartition = UInt32(partition)
      try output.send(
        topic: pseudonymised, partition: partition, key: Array(envelope.marker.cutID.utf8),
        value: try envelope.serializedBytes())
    }
  }
}
