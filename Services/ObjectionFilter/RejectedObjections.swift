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

  func load(_ database: Connection) throws { try UnresolvedObjections.meet(incarnation, database) }

  func forget() { batch.removeAll() }

  func note(_ message: Message, _ code: RejectionCode) {
    batch.append(Rejection(message, code))
  }

  /// Within the batch's transaction.
  func store(_ database: Connection) throws {
    try UnresolvedObjections.note(batch, incarnation: incarnation, database)
  }

  func stored() { batch.removeAll() }
}
