/// Whether a receipt accounts for everything.
extension Receipt {
  /// Of an admitted or unchanged extract: every record declared was received, and every one received was admitted or
  /// rejected.
  public var recordsBalance: Bool {
    let byConnector = Int(recordsExpected) + connectorRejections
    let total = Int(recordsAdmitted) + rejected.values.reduce(0) { $0 + Int($1) }
    return recordsReceived == recordsExpected && recordsMissing == 0 && total == byConnector
  }

  /// Every entry received was admitted, left out for a reason, excluded as sensitive, or belongs to a rejected record.
  public var entriesBalance: Bool {
    UInt64(entriesAdmitted) + entriesRejected + entriesExcluded + entriesDropped.values.reduce(0, +) == entriesReceived
  }

  public var isBalanced: Bool { recordsBalance && entriesBalance }

  private var connectorRejections: Int { Int(recordsRejectedByConnector) }
}
