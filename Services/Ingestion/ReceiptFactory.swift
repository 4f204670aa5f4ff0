import Contracts
import Foundation
import StageKit

/// Receipts as outbox entries. Counts and reasons, never a patient.
struct ReceiptFactory {
  let layout: TopicLayout

  /// - Parameter asJSON: whoever opened an extract in JSON is answered in it.
  func entry(_ receipt: Receipt, asJSON: Bool = false) throws -> Outbox.Entry {
    Outbox.Entry(
      topic: layout.name(.receipts), partition: layout.partition(ofText: receipt.id), key: Array(receipt.id.utf8),
      value: asJSON ? [UInt8](try receipt.jsonUTF8Data()) : try receipt.serializedBytes())
  }
}
