import Clinical
import Cryptography
import Datasets
import Dispatch
import Postgres
import Synchronization

/// Counts datasets from the facts, several workers each with a part of the people and a connection of its own, all on
/// one state of the database.
struct DatasetComputation {
  /// In the transaction of this connection, repeatable read, everything is read.
  let database: Connection
  /// Another connection to the same tables.
  let connect: @Sendable () throws -> Connection
  let workers: Int

  /// Nothing, where nobody has sent anything.
  func cells(
    _ parts: [DatasetPlan.Part], recordKey: @escaping @Sendable (Token16) -> Int
  ) throws -> [DatasetCells] {
    let reader = FactReader(database)
    let day = try reader.referenceDay()
    var plan = try DatasetPlan(parts, on: day ?? CalendarDate(day: 0), recordKey: recordKey)
    guard day != nil else { return plan.results() }
    guard workers > 1 else {
      try reader.read(.whole, into: &plan)
      return plan.results()
    }
    let snapshot = try database.query("select pg_export_snapshot()").text(0, 0)
    let empty = plan
    let outcomes = Mutex<[Result<DatasetPlan, any Error>?]>(Array(repeating: nil, count: workers))
    DispatchQueue.concurrentPerform(iterations: workers) { [workers, connect] part in
      let outcome = Result { try Self.read(PopulationShare(part: part, of: workers), snapshot, empty, connect) }
      outcomes.withLock { $0[part] = outcome }
    }
    for outcome in outcomes.withLock({ $0 }) { plan.merge(try outcome!.get()) }
    return plan.results()
  }

  private static func read(
    _ share: PopulationShare, _ snapshot: String, _ empty: DatasetPlan, _ connect: () throws -> Connection
  ) throws -> DatasetPlan {
    let own = try connect()
    defer { own.close() }
    var plan = empty
    try own.transaction {
      try own.execute("set transaction isolation level repeatable read, read only")
      try own.execute("set transaction snapshot '\(snapshot)'")
      try FactReader(own).read(share, into: &plan)
    }
    return plan
  }
}
