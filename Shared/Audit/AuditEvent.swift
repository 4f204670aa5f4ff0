/// What is logged: key events, re-identification, and every other reading of identifiable data by a command.
///
/// Raw values stand in the log for good; they never change their meaning.
public enum AuditEvent: String, CaseIterable, Sendable {
  case keyCreated = "key.created"
  case keyRotated = "key.rotated"
  case keyRetired = "key.retired"
  /// A public key, or a key ring as a whole, has left its place.
  case keyExported = "key.exported"
  /// A key ring did not open: wrong passphrase or key-encryption key.
  case keyUnlockFailed = "key.unlock-failed"

  case reidentificationRequested = "reidentification.requested"
  case reidentificationApproved = "reidentification.approved"
  case reidentificationRefused = "reidentification.refused"
  case reidentificationAnswered = "reidentification.answered"

  /// What is known of one NHS number was asked for.
  case personExplained = "person.explained"
  /// Persons of a synthetic region were looked for with the keys of two stages.
  case canariesChecked = "canaries.checked"
  /// Identifiable records of a file were turned into digests for interchange.
  case recordsDigested = "records.digested"
  /// Messages that had been put aside were read and sent again.
  case messagesReplayed = "messages.replayed"
  /// Somebody answers for an objection that could not be read.
  case objectionResolved = "objection.resolved"

  /// The log's own: a line that a crash had cut short was taken away. What it would have told of did not happen.
  case lineSetAside = "log.line-set-aside"
}
