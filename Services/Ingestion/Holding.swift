import Contracts
import Postgres
import StageKit

/// Tells the connector of an extract that is not admitted because something is missing or too much, once things have
/// been quiet for a while: messages of one extract come through many partitions, in no order.
struct Holding {
  /// A connector may take its time between the first record and the closing manifest.
  static let quietSecondsUntilClosed = 3_600

  let quietSeconds: Int
  let admission: Admission
  let receipts: ReceiptFactory

  /// Returns whether there was one to tell of.
  func next(_ database: Connection) throws -> Bool {
    try database.transaction {
      try admission.version.enter(database)
      let quiet = "touched < clock_timestamp() - interval '1 second' *"
      guard
        let extract = try ExtractStore.next(
          where: """
            state = 'staging' and held = '' and \(quiet)
              case when opened and closed then \(quietSeconds) else \(Self.quietSecondsUntilClosed) end
            """, database)
      else { return false }
      guard let reason = try admission.completeness(extract, database).fault else {
        // It has become complete meanwhile: let it be looked at again.
        try database.query(
          "update extract set examined = -1, touched = clock_timestamp() where no = $1::bigint", [.int(extract.no)])
        return true
      }
      let receipt = try AdmissionReceipt.held(extract, reason, database)
      try database.query(
        "update extract set held = $2, receipt = $3 where no = $1::bigint",
        [.int(extract.no), .text(reason.rawValue), .bytes(try receipt.serializedBytes())])
      try Outbox.append([try receipts.entry(receipt, asJSON: extract.isJSON)], to: database)
      return true
    }
  }
}
