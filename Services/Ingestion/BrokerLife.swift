import Contracts
import Postgres
import StageKit

/// An embedded broker forgets everything when it ends. On a new one, ingestion says again what is not yet proven to
/// have arrived: practices, the objection ledger, deletions, and the extracts that publication has not balanced.
struct BrokerLife {
  let layout: TopicLayout
  let statements: ObjectionStatements
  let admission: Admission
  let receipts: ReceiptFactory
  let practices: Practices

  /// Returns whether this instance was the first to meet the broker.
  func meet(_ incarnation: String, _ database: Connection) throws -> Bool {
    try database.transaction {
      try statements.version.enter(database)
      let isFirst =
        try database.query(
          "insert into broker_life (incarnation) values ($1) on conflict do nothing returning 1", [.text(incarnation)]
        ).count == 1
      guard isFirst else { return false }
      try practices.restate(database)
      try statements.restate(database)
      if let list = try NationalLists.restatement(database) {
        try Outbox.append([try receipts.entry(list)], to: database)
      }
      try restateRetractions(database)
      let rows = try database.query(
        """
        update extract set state = 'admitted', emitted = 0 where state in ('admitted', 'emitted') returning receipt, json
        """)
      try Outbox.append(
        try (0..<rows.count).map {
          try receipts.entry(try Receipt(serializedBytes: rows.bytes($0, 0)), asJSON: rows.bool($0, 1))
        }, to: database)
      // As at admission: nothing may overtake what was queued before it.
      try database.execute(
        "update extract set barrier = coalesce((select max(id) from outbox), 0) where state = 'admitted'")
      return true
    }
  }

  private func restateRetractions(_ database: Connection) throws {
    let rows = try database.query(
      """
      select \(Admission.retractionColumns) from record_state r join extract e on e.no = r.extract_no where not r.live
      """)
    try admission.queueRetractions(rows, database)
  }
}
