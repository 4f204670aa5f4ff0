import Contracts
import Foundation
import StageKit

/// Receipts as outbox entries. Counts and reasons, never a patient.
struct ReceiptFactory {
  let layout: TopicLayout

  func entry(_ receipt: Receipt) throws -> Outbox.Entry {
    Outbox.Entry(
      topic: layout.name(.receipts), partition: layout.partition(ofText: receipt.id), key: Array(receipt.id.utf8),
      value: try receipt.serializedBytes())
  }
}
