import Contracts
import Foundation
import Kafka

/// What the topic `receipts` still holds: the newest receipt of every extract and submission.
enum ReceiptLog {
  /// What came of an extract further on is told with the receipt that decided on it.
  struct Entry {
    var receipt: Receipt
    /// Publication has accounted for it.
    var isBalancedDownstream = false
    /// Of the objection filter: masked counts of the records held back.
    var disposition: Receipt?
    /// An objection of somebody in it has ended.
    var isResubmissionRequested = false
  }

  static func newest(_ target: Installation) throws -> [Receipt] { try entries(target).map(\.receipt) }

  /// In the order in which their extracts were submitted.
  static func entries(_ target: Installation) throws -> [Entry] {
    var found: [String: Entry] = [:]
    var later: [Receipt] = []
    try TopicSnapshot.read(target, .receipts) { message in
      guard let receipt = try? Receipt(binaryOrJSON: message.value) else { return }
      if receipt.status.isDecision {
        found[receipt.id] = Entry(receipt: receipt)
      } else {
        later.append(receipt)
      }
    }
    for receipt in later {
      switch receipt.status {
      case .balanced: found[receipt.id]?.isBalancedDownstream = true
      case .disposition: found[receipt.id]?.disposition = receipt
      default: found[receipt.id]?.isResubmissionRequested = true
      }
    }
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

extension ReceiptLog.Entry {
  /// What came of the extract after its receipt, in words.
  var afterwards: [String] {
    var lines: [String] = []
    if let disposition {
      let held = disposition.excluded.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      lines.append(
        "held back by objections: " + (held.isEmpty ? "none" : held.joined(separator: ", "))
          + " (* is 1 to 7, others are rounded to 5)")
    }
    if isBalancedDownstream { lines.append("publication has accounted for every admitted record") }
    if isResubmissionRequested { lines.append("please submit this period again: an objection has ended") }
    return lines
  }
}
