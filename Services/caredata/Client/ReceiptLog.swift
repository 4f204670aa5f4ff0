import Contracts
import Foundation
import Kafka

/// What the topic `receipts` still holds: the newest receipt of every extract and submission.
enum ReceiptLog {
  /// Publication's word that an extract is balanced is told with the receipt it confirms.
  struct Entry {
    var receipt: Receipt
    var isBalancedDownstream = false
  }

  static func newest(_ target: Installation) throws -> [Receipt] { try entries(target).map(\.receipt) }

  /// In the order in which their extracts were submitted.
  static func entries(_ target: Installation) throws -> [Entry] {
    var found: [String: Entry] = [:]
    var confirmed: Set<String> = []
    try TopicSnapshot.read(target, .receipts) { message in
      guard let receipt = try? Receipt(binaryOrJSON: message.value) else { return }
      if receipt.status == .balanced {
        confirmed.insert(receipt.id)
      } else {
        found[receipt.id] = Entry(receipt: receipt)
      }
    }
    for id in confirmed { found[id]?.isBalancedDownstream = true }
    return found.values.sorted { ($0.receipt.submittedAt, $0.receipt.id) < ($1.receipt.submittedAt, $1.receipt.id) }
  }

  static func table(_ receipts: [Receipt]) -> String {
    var table = TextTable(
      "extract", "status", "expected", "received", "admitted", "rejected", "entries", "excluded", "reason")
    for receipt in receipts {
      table.row([
        receipt.id, receipt.status.word, "\(receipt.recordsExpected)", "\(receipt.recordsReceived)",
        "\(receipt.recordsAdmitted)", "\(receipt.rejected.values.reduce(0, +))", "\(receipt.entriesAdmitted)",
        "\(receipt.entriesExcluded)", receipt.reason,
      ])
    }
    return table.render()
  }
}
