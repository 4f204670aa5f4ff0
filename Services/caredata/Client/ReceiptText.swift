import Contracts

enum ReceiptText {
  static func text(_ receipt: Receipt) -> String {
    var lines = ["receipt  \(receipt.id)", "status   \(receipt.status.text)"]
    if !receipt.reason.isEmpty { lines.append("reason   \(receipt.reason)") }
    if !receipt.sameAs.isEmpty { lines.append("in force \(receipt.sameAs)") }
    if !receipt.specification.isEmpty { lines.append("by       specification \(receipt.specification)") }
    if receipt.status == .held {
      lines.append("records  \(receipt.recordsReceived) received of \(receipt.recordsExpected) declared")
      if receipt.recordsMissing > 0 {
        lines.append("missing  \(receipt.recordsMissing), numbers \(receipt.missingSequences)")
      }
    } else if receipt.hasCounts {
      lines += counts(receipt)
    }
    if receipt.duplicates > 0 { lines.append("repeated \(receipt.duplicates) messages, counted once") }
    return lines.joined(separator: "\n")
  }

  private static func counts(_ receipt: Receipt) -> [String] {
    let neverSent = receipt.recordsRejectedByConnector
    var lines = [
      "records  \(receipt.recordsExpected) declared, \(receipt.recordsReceived) received, "
        + "\(receipt.recordsAdmitted) admitted, \(receipt.rejected.values.reduce(0, +) - neverSent) rejected"
        + (neverSent > 0 ? ", \(neverSent) never sent" : "")
    ]
    lines += reasons("rejected", receipt.rejected.mapValues(UInt64.init))
    if receipt.recordsDeidentified > 0 {
      lines.append("         \(receipt.recordsDeidentified) without identity, for a code that the law restricts")
    }
    if receipt.retractions > 0 { lines.append("         \(receipt.retractions) retracted by this correction") }
    lines += reasons("finding", receipt.findings.mapValues(UInt64.init))
    let dropped = receipt.entriesDropped.values.reduce(0, +)
    lines.append(
      "entries  \(receipt.entriesReceived) received, \(receipt.entriesAdmitted) admitted, \(dropped) left out, "
        + "\(receipt.entriesExcluded) excluded as sensitive, \(receipt.entriesRejected) of rejected records")
    lines += reasons("left out", receipt.entriesDropped)
    lines += reasons("not sent", receipt.leftOutByConnector)
    lines.append("balance  \(receipt.isBalanced ? "every record and entry is accounted for" : "DOES NOT ADD UP")")
    return lines
  }

  private static func reasons(_ title: String, _ counts: [String: UInt64]) -> [String] {
    counts.sorted { $0.key < $1.key }.map { "\(title) \($0.value)  \($0.key)" }
  }
}

extension Receipt {
  fileprivate var hasCounts: Bool { status == .admitted || status == .unchanged }
}

extension Receipt.Status {
  /// Whether it says what became of a submission, not what came of it further on.
  var isDecision: Bool { ![.balanced, .disposition, .resubmissionRequested].contains(self) }

  /// What a connector has to do something about.
  var isFailure: Bool { [.held, .refused, .abandoned, .nationalListRefused].contains(self) }

  var word: String { text.prefix { $0 != ":" }.description }

  var text: String {
    switch self {
    case .admitted: "admitted"
    case .refused: "refused: nothing of this extract is used"
    case .unchanged: "unchanged: the same content is already in force"
    case .superseded: "superseded: a later extract is already in force"
    case .abandoned: "abandoned"
    case .objectionsAcknowledged: "objections acknowledged"
    case .balanced: "balanced"
    case .enrolmentStored: "enrolment stored"
    case .held: "held: nothing of this extract goes further until it is completed or submitted again"
    case .enrolmentRefused: "enrolment refused"
    case .erased: "erased"
    case .supersessionsStored: "supersessions stored"
    case .nationalListInForce: "in force: the national list is used"
    case .nationalListRefused: "refused: nobody is reinstated by it"
    case .disposition: "decided: every record has passed the objection filter or been held back"
    case .resubmissionRequested: "please submit this period again: an objection has ended"
    case .unspecified, .UNRECOGNIZED: "unknown"
    }
  }
}
