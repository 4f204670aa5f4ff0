/// What connectors seal to ingestion: a whole `ExtractMessage` with a record, or a whole `ObjectionMessage`.
public enum SealedSubmission: String, Sendable {
  case extract, objection

  /// Bound to the sealed bytes, so that one is not taken for the other.
  public var associated: [UInt8] { Array(rawValue.utf8) }
}
