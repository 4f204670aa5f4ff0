/// The statements prepared on one connection, by text and parameter types.
///
/// A null carries no type, so it fits a statement prepared with any; only a text first used with a null and later
/// with a value is prepared twice.
///
/// A class because `prepare` may find the connection lost, and the connection then empties its cache meanwhile.
final class StatementCache {
  private struct Statement {
    let name: String
    let types: [TypeIdentifier]

    func fits(_ values: [Parameter]) -> Bool {
      types.count == values.count && zip(types, values).allSatisfy { $0 == $1.type || $1 == .null }
    }
  }

  /// Services have some dozens of statements; the bound keeps texts made at run time from growing the server.
  static let limit = 256

  private var statements: [String: [Statement]] = [:]
  private(set) var count = 0
  private var lastNumber = 0

  func removeAll() {
    statements.removeAll()
    count = 0
  }

  /// The name of the prepared statement; prepares it at the first use.
  func statement(
    for sql: String, _ values: [Parameter],
    prepare: (_ name: String, _ sql: String, _ types: [TypeIdentifier]) throws -> Void,
    discardAll: () throws -> Void
  ) throws -> String {
    if let known = statements[sql]?.first(where: { $0.fits(values) }) { return known.name }
    if count >= Self.limit {
      try discardAll()
      removeAll()
    }
    lastNumber += 1
    let statement = Statement(name: "s\(lastNumber)", types: values.map(\.type))
    try prepare(statement.name, sql, statement.types)
    statements[sql, default: []].append(statement)
    count += 1
    return statement.name
  }
}
