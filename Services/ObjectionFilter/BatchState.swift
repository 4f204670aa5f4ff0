import Postgres
import StageKit

/// Something that a batch changes: gathered in memory, written in the batch's transaction, and history once that is
/// committed.
protocol BatchState: AnyObject {
  func store(_ database: Connection) throws
  func stored()
  /// Drops what is not committed; the batch comes again.
  func forget()
}

extension FlowCounter: BatchState {}
