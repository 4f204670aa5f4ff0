import Contracts
import Kafka
import Postgres
import StageKit

/// Records that were held, decided once they can be.
extension ObjectionFilterStage {
  /// Returns whether records are still held that can be decided.
  func decideHeld(_ output: StageOutput, _ now: Int64) throws -> Bool {
    let deadline = ContinuousClock.now + Self.heldPatience
    for partition in held.partitions.sorted() {
      var rest = HeldRecords.Rest.some
      while rest == .some, ContinuousClock.now < deadline { rest = try decideHeldPiece(partition, output, now) }
      if rest == .some { return true }
    }
    return false
  }

  private func decideHeldPiece(_ partition: Int32, _ output: StageOutput, _ now: Int64) throws -> HeldRecords.Rest {
    let database = context.database
    let rest = try database.transaction {
      let rest = try held.decide(
        partition, rows: heldPiece.rows, bytes: heldPiece.bytes, database
      ) { offset, key, value in
        let envelope = try EnvelopeView(value)
        let header = try HeaderView(envelope.header)
        let state = store.state(partition)
        let standing = RoutingLedgers.standing(envelope, state)
        guard standing != .early else { return false }
        let action =
          standing == .outdated
          ? Action.reject(.outdatedRoutingKey) : try settle(verdict(header, key, state), header, partition, now)
        switch action {
        case .pass: try permitted.pass(partition, key, value, output)
        case .exclude(let reason): try permitted.exclude(envelope, reason, partition, key, output)
        case .reject(let code):
          try output.reject(Rejection(topic: validated, partition: partition, offset: offset, code: code.rawValue))
        case .hold, .tell, .mark, .nothing: break
        }
        return true
      } acknowledge: {
        try output.flush()
      }
      try flow.store(database)
      try accounts.store(database)
      return rest
    }
    flow.stored()
    accounts.stored()
    if rest == .none { held.emptied(partition) }
    return rest
  }
}
