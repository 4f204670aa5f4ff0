import Contracts
import Kafka
import KeyRing
import Postgres
import StageKit
import SwiftProtobuf

/// Keeps the linked facts, accounts for every admitted record, and holds the cuts.
final class PublicationStage: Stage {
  static let name = StageName.publication
  static let input: [Topic] = [.linked, .receipts]
  static let migrations = FactSchema.migrations

  private let context: StageContext
  private let keys: StageKeys
  private let opener: SectionOpener
  private let receipts: String
  private var store: (connection: Connection, facts: FactStore)?

  init(context: StageContext) throws {
    self.context = context
    keys = try StageKeys(context.configuration, of: .publication)
    context.metrics.keyVersions(keys.ring)
    opener = try SectionOpener(keys: keys)
    receipts = context.layout.name(.receipts)
  }

  func assigned(_ partitions: [TopicPartition]) throws {
    try UnresolvedObjections.meet(context.configuration.incarnation, context.database)
    try BrokerLife(database: context.database).begin(context.configuration.incarnation, announce: announce)
  }

  func process(_ batch: MessageBatch, _ output: StageOutput) throws {
    context.metrics.keyUses(keys.uses.take())
    if try opener.refresh() {
      context.metrics.keyVersions(keys.ring)
      context.logger.notice("keys have changed; new ones are used from here on")
    }
    var reader = BatchReader(opener: opener)
    var rejected: [(message: Kafka.Message, code: RejectionCode)] = []
    for message in batch.messages {
      do throws(ReadingFault) {
        if message.topic == receipts {
          try reader.receipt(message.value)
        } else {
          try reader.linked(message.value)
        }
      } catch {
        rejected.append((message, try RejectionCode(error, of: message)))
      }
    }
    try UnresolvedObjections.note(
      rejected.filter { $0.message.topic != receipts }, incarnation: context.configuration.incarnation,
      context.database)
    try facts().apply(reader.batch, announce: announce)
    for (message, code) in rejected { try output.reject(message, code) }
  }

  func work(_ output: StageOutput) throws -> Bool {
    try Outbox.drain(context.database, to: output)
  }

  /// The store of the present connection.
  private func facts() throws -> FactStore {
    if let store, store.connection === context.database { return store.facts }
    let facts = try FactStore(context.database)
    store = (context.database, facts)
    return facts
  }

  private func announce(_ extract: BalancedExtract) throws -> Outbox.Entry {
    let receipt = Receipt.with {
      $0.id = extract.id
      $0.status = .balanced
      $0.organisation = extract.organisation
      $0.source = Source(rawValue: Int(extract.source)) ?? .unspecified
      $0.period = extract.period
    }
    return Outbox.Entry(
      topic: receipts, partition: context.layout.partition(ofText: extract.id), key: Array(extract.id.utf8),
      value: try receipt.serializedBytes())
  }
}

extension RejectionCode {
  /// - Throws: `StageError` with code `key`, since what cannot be opened for want of a key is not to be put aside.
  fileprivate init(_ fault: ReadingFault, of message: Kafka.Message) throws {
    switch fault {
    case .missingKey(let text):
      throw StageError(.key, "\(text) (\(message.topic), partition \(message.partition), offset \(message.offset))")
    case .contract(let error): self.init(error)
    case .sectionUnreadable: self = .sectionUnreadable
    case .unexpectedKind: self = .unexpectedKind
    }
  }
}
