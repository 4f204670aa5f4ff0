import CPostgres

/// A failure of PostgreSQL or of the connection to it.
///
/// The description never holds row data. PostgreSQL quotes values in the primary message of data errors
/// ("invalid input syntax for type bigint: ...") and in every detail, so the message is kept only for the classes
/// that speak of connections, authorisation, catalogue names, syntax, resources and operator intervention
/// (08, 28, 3D, 42, 53, 57: PostgreSQL manual, appendix A); for all others SQLSTATE and the names of the objects
/// concerned are kept.
public struct PostgresError: Error, Equatable, CustomStringConvertible, Sendable {
  public enum Kind: String, Sendable {
    /// The connection could not be made or is gone; nothing of an open transaction was kept.
    case connection
    /// The transaction lost against a concurrent one and may be tried again whole (40001, 40P01).
    case serialisation
    /// The connection went while COMMIT was under way: the transaction may have been kept or not.
    case unknownOutcome
    /// The statement itself was refused; on the same data it will be refused again.
    case statement
  }

  /// Five characters; nil when libpq, not the server, reports the failure.
  public let sqlState: String?
  public let kind: Kind
  /// Name of the constraint concerned, if the server named one.
  public let constraint: String?
  /// Name of the table concerned, if the server named one.
  public let table: String?
  /// Primary message where it cannot hold row data, else the name of the SQLSTATE class.
  public let message: String

  init(
    sqlState: String? = nil, kind: Kind, constraint: String? = nil, table: String? = nil, message: String
  ) {
    self.sqlState = sqlState
    self.kind = kind
    self.constraint = constraint
    self.table = table
    self.message = message
  }

  /// True when the same work may be done again, after `unknownOutcome` only if it is idempotent. Resources that
  /// ran out (53: disk full, too many connections) count as an outage to wait out.
  public var isRetriable: Bool { kind != .statement || sqlState?.hasPrefix("53") == true }

  public var description: String {
    var text = sqlState.map { "PostgreSQL \($0): \(message)" } ?? "PostgreSQL: \(message)"
    if let table { text += ", table \(table)" }
    if let constraint { text += ", constraint \(constraint)" }
    return kind == .unknownOutcome ? text + "; it is not known whether the transaction was committed" : text
  }

  /// The same failure, met while COMMIT was under way.
  var duringCommit: PostgresError {
    guard kind == .connection else { return self }
    return PostgresError(
      sqlState: sqlState, kind: .unknownOutcome, constraint: constraint, table: table, message: message)
  }
}

// MARK: - From libpq

extension PostgresError {
  /// The failure that `result` reports; a nil result means that libpq did not send the statement.
  init(result: OpaquePointer?, connection: OpaquePointer) {
    let sqlState = result.flatMap { Self.field("C", of: $0) }
    // What the server reports has a SQLSTATE. A result without one is made by libpq when the connection breaks,
    // sometimes before PQstatus says so.
    let isLost = PQstatus(connection) != CONNECTION_OK || (result != nil && sqlState == nil)
    let message: String
    if let sqlState, let result {
      message = Self.mayShowMessage(sqlState) ? Self.field("M", of: result) ?? "" : Self.className(sqlState)
    } else {
      let text = result.map { PQresultErrorMessage($0) } ?? PQerrorMessage(connection)
      // libpq's own words about the protocol are the first line; what follows may be the server's.
      let line = text.map { String(cString: $0) }?.split(separator: "\n").first.map(String.init)
      message = line ?? "the connection to the server is lost"
    }
    self.init(
      sqlState: sqlState, kind: Self.kind(sqlState: sqlState, isLost: isLost),
      constraint: result.flatMap { Self.field("n", of: $0) }, table: result.flatMap { Self.field("t", of: $0) },
      message: message)
  }

  /// A connection that could not be opened; libpq's text names host, user and database, never the password.
  init(connecting connection: OpaquePointer?) {
    let text = connection.flatMap { PQerrorMessage($0) }.map { String(cString: $0) }
    self.init(kind: .connection, message: Self.singleLine(text ?? "out of memory"))
  }

  static func kind(sqlState: String?, isLost: Bool) -> Kind {
    switch sqlState {
    case "40001", "40P01": return .serialisation
    case "08007", "40003": return .unknownOutcome
    case "57P01", "57P02", "57P03": return .connection
    case let state? where state.hasPrefix("08"): return .connection
    default: return isLost ? .connection : .statement
    }
  }

  static func mayShowMessage(_ sqlState: String) -> Bool {
    ["08", "28", "3D", "42", "53", "57"].contains(sqlState.prefix(2))
  }

  private static func className(_ sqlState: String) -> String {
    switch sqlState.prefix(2) {
    case "21": "cardinality violation"
    case "22": "data exception"
    case "23": "integrity constraint violation"
    case "25": "invalid transaction state"
    case "40": "transaction rollback"
    case "54": "program limit exceeded"
    case "55": "object not in prerequisite state"
    case "58": "system error"
    case "XX": "internal error"
    default: "statement refused"
    }
  }

  /// `code` is one of the PG_DIAG_ characters of postgres_ext.h, which Swift does not import.
  private static func field(_ code: Unicode.Scalar, of result: OpaquePointer) -> String? {
    PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
  }

  private static func singleLine(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
