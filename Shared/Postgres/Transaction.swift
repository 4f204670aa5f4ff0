import CPostgres

extension Connection {
  /// Runs `body` in a transaction (read committed) and commits; rolls back when it throws, and throws its error.
  ///
  /// - Throws: kind `unknownOutcome` when the connection went while COMMIT was under way; SQLSTATE 25P02 when `body`
  ///   swallowed the error of a statement, for the server then turns COMMIT into ROLLBACK; 25001 when a transaction
  ///   is open already, transactions do not nest.
  @discardableResult
  public func transaction<T>(_ body: () throws -> T) throws -> T {
    guard !isUsable || !isInTransaction else {
      throw PostgresError(sqlState: "25001", kind: .statement, message: "a transaction is open already")
    }
    try run("begin")
    let value: T
    do {
      value = try body()
    } catch {
      rollBack()
      throw error
    }
    guard isUsable else {
      throw PostgresError(kind: .connection, message: "the connection to the server is lost")
    }
    let result: ResultHandle
    do {
      result = try run("commit")
    } catch let error as PostgresError {
      rollBack()
      throw error.duringCommit
    }
    guard String(cString: PQcmdStatus(result.pointer)) == "COMMIT" else {
      throw PostgresError(
        sqlState: "25P02", kind: .statement, message: "the transaction had failed and was rolled back")
    }
    return value
  }

  /// A connection whose rollback fails is closed, so that nobody goes on inside the old transaction.
  private func rollBack() {
    guard isUsable, isInTransaction else { return }
    do { try run("rollback") } catch { close() }
  }
}
