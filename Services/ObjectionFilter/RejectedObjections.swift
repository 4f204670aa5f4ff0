import Contracts
import Kafka
import Postgres
import StageKit

/// Messages of the batch in hand that may hold an objection and could not be used; see ``UnresolvedObjections``.
final class RejectedObjections: BatchState {
  private let incarnation: String
  private var batch: [Rejection] = []

  /// - Parameter incarnation: of the broker; in a new one the same place is another message.
  init(incarnation: String) { self.incarnation = incarnation }

  func load(_ database: Connection) throws {
    try database.query("insert into broker_life (incarnation) values ($1) on conflict do nothing", [.text(incarnation)])
  }

  func forget() { batch.removeAll() }

  func note(_ message: Message, _ code: RejectionCode) {
    batch.append(
      Rejection(topic: message.topic, partition: message.partition, offset: message.offset, code: code.rawValue))
  }

  /// Within the batch's transaction.
  func store(_ database: Connection) throws {
    try UnresolvedObjections.note(batch, incarnation: incarnation, database)
  }

  func stored() { batch.removeAll() }

  /// What a marker has to say; nil when none waits, at any instance.
  static func reason(_ database: Connection) throws -> String? {
    let count = try UnresolvedObjections.count(database)
    return count == 0 ? nil : "\(count) rejected objections at the objection filter"
  }
}
