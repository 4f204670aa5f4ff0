import Kafka
import Postgres

/// Why a stage stops, with the exit code operators can act on.
public struct StageError: Error, CustomStringConvertible, Sendable {
  /// Exit codes of every service; documented in the README.
  public enum Code: Int32, Sendable {
    case configuration = 10
    case key = 11
    case offsetLost = 12
    case broker = 13
    case database = 14
    case contract = 15
    case `internal` = 70
  }

  public let code: Code
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  public static func configuration(_ description: String) -> StageError { StageError(.configuration, description) }

  /// The exit code class of any error that reached the top.
  public static func wrapping(_ error: any Error) -> StageError {
    switch error {
    case let error as StageError: error
    case let error as KafkaError: StageError(.broker, "\(error)")
    case let error as PostgresError: StageError(.database, "\(error)")
    default: StageError(.internal, String(describing: type(of: error)))
    }
  }
}

/// Something has to happen elsewhere before the stage can go on. It asks again until then, and is not ready meanwhile.
public struct StageWait: Error, CustomStringConvertible, Equatable {
  /// What it waits for, as `/readyz` tells it.
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// Why one message was put aside. A closed list: free text could quote the message.
public enum RejectionCode: String, Sendable {
  case malformed
  case missingHeader = "missing_header"
  case missingField = "missing_field"
  case unknownKind = "unknown_kind"
  case sectionUnreadable = "section_unreadable"
  /// Sealed to a key that is not held, or no longer.
  case unknownKey = "sealed_to_unknown_key"
  case unexpectedKind = "unexpected_kind"
  /// The extract of that id was opened by another organisation, or for another source, period, time or specification.
  case headerMismatch = "header_mismatch"
  /// The sequence number is greater than the records that the decided extract declared.
  case sequenceBeyondDeclared = "sequence_beyond_declared"
  /// The numbers would supersede each other in a circle.
  case supersessionCircle = "supersession_circle"
  /// Keyed under a routing key that was replaced long ago: whether its person objects cannot be told any more.
  case outdatedRoutingKey = "outdated_routing_key"
}
