import Contracts

enum ReceiptText {
  static func text(_ receipt: Receipt) -> String {
    var lines = ["receipt  \(receipt.id)", "status   \(receipt.status.text)"]
    if !receipt.reason.isEmpty { lines.append("reason   \(receipt.reason)") }
    if !receipt.sameAs.isEmpty { lines.append("in force \(receipt.sameAs)") }
    if receipt.recordsExpected > 0 || receipt.recordsAdmitted > 0 {
      lines.append(
        "records  \(receipt.recordsAdmitted) admitted of \(receipt.recordsExpected) sent, \(receipt.entriesAdmitted) entries"
      )
    }
    if receipt.retractions > 0 { lines.append("         \(receipt.retractions) retracted by this correction") }
    for (reason, count) in receipt.rejected.sorted(by: { $0.key < $1.key }) {
      lines.append("rejected \(count)  \(reason)")
    }
    for (finding, count) in receipt.findings.sorted(by: { $0.key < $1.key }) {
      lines.append("finding  \(count)  \(finding)")
    }
    return lines.joined(separator: "\n")
  }
}

extension Receipt.Status {
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
    case .unspecified, .UNRECOGNIZED: "unknown"
    }
  }
}
