/// Why an extract is not admitted. Part of receipts: a closed list.
enum HoldReason: String, CaseIterable {
  case notOpened = "not_opened"
  case notClosed = "not_closed"
  /// The two manifests declare different numbers of records.
  case countsDiffer = "counts_differ"
  case recordsMissing = "records_missing"
  case recordsBeyondDeclared = "records_beyond_declared"
  case entriesDiffer = "entries_differ"
  /// Two different records under one sequence number.
  case sequenceConflict = "sequence_conflict"
}

/// Whether all of an extract has come, and nothing else: it is used whole or not at all.
struct Completeness: Equatable {
  var opened = true
  var closed = true
  /// 0: the opening manifest did not know yet.
  var declaredAtOpening: Int64 = 0
  var declared: Int64 = 0
  /// Different sequence numbers within 1...declared.
  var present: Int64 = 0
  /// Different sequence numbers above.
  var beyond: Int64 = 0
  var hasConflict = false
  /// Nil: not declared.
  var declaredEntries: Int64?
  var entries: Int64 = 0

  var fault: HoldReason? {
    if !opened { return .notOpened }
    if !closed { return .notClosed }
    if hasConflict { return .sequenceConflict }
    if declaredAtOpening > 0, declaredAtOpening != declared { return .countsDiffer }
    if beyond > 0 { return .recordsBeyondDeclared }
    if present < declared { return .recordsMissing }
    if let declaredEntries, declaredEntries != entries { return .entriesDiffer }
    return nil
  }
}
