import Audit
import Clinical
import Cryptography
import Foundation

/// Who wants to know whose record it is, what for, and who allows it.
struct ReidentificationRequest: Equatable {
  enum Subject: Equatable {
    case record(Token16)
    case person(Token16)
    case pseudonym(Token16, recipient: String, purpose: String)
  }

  var subject: Subject
  var purpose: String
  var requestedBy: String
  var approvedBy: String

  /// Why it is refused; nil: it is not.
  ///
  /// - Parameter isOn: whether re-identification is switched on at all.
  func refusal(isOn: Bool) -> String? {
    if !isOn { return "re-identification is switched off" }
    if Self.key(requestedBy) == Self.key(approvedBy) { return "who asks cannot approve" }
    return nil
  }

  /// Of one person, however it is written.
  private static func key(_ name: String) -> String {
    name.folding(options: [.caseInsensitive, .diacriticInsensitive, .widthInsensitive], locale: nil)
      .filter { $0.isLetter || $0.isNumber }
  }

  /// For the log: a digest in place of the id.
  var details: [String: String] {
    var details = ["purpose": purpose]
    switch subject {
    case .record(let id): details.merge(["kind": "record", "subject": AuditSubject.digest(id)]) { _, new in new }
    case .person(let id): details.merge(["kind": "person", "subject": AuditSubject.digest(id)]) { _, new in new }
    case .pseudonym(let pseudonym, let recipient, let purpose):
      details.merge([
        "kind": "pseudonym", "subject": AuditSubject.digest(pseudonym), "recipient": recipient,
        "recipient-purpose": purpose,
      ]) { _, new in new }
    }
    return details
  }
}
