/// Why something could not be logged, so that it must not happen, or why the log cannot be read.
public struct AuditError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The file is missing, open to others, no regular file, or cannot be read or written.
    case file
    /// The end of the log does not follow from its head: something was changed, removed or added.
    case broken
    /// A detail that the log does not take.
    case detail
  }

  public let code: Code
  public let description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// The first place at which a log is not what was written.
public struct AuditFault: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Kind: String, Sendable {
    /// A line that is no line of a log, or holds other content than its hash says.
    case altered
    /// A line with another number than its place, or that does not follow from the one before.
    case outOfOrder
    /// Bytes behind the last line end, as a crash leaves them.
    case torn
    /// Lines that the head tells of are missing at the end, or there are more of them.
    case head
    /// A head noted elsewhere is not in the log.
    case noted
  }

  public let kind: Kind
  /// Of the line, from 1.
  public let line: Int64
  public let description: String

  init(_ kind: Kind, line: Int64, _ description: String) {
    self.kind = kind
    self.line = line
    self.description = description
  }
}
