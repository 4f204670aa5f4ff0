import CPostgres

/// One blocking connection to PostgreSQL; not Sendable, each belongs to the thread that opened it.
///
/// Once `isUsable` is false (the server went away, a rollback failed) every call fails with kind `connection`; make
/// a new one. Session state (temporary tables, search_path, prepared statements) ends with the connection.
public final class Connection {
  private var handle: OpaquePointer?
  private let statements = StatementCache()
  private var parameters = WireBuffer(capacity: 1 << 12)
  /// Handed to one CopyWriter at a time and taken back.
  private var copyBuffer = WireBuffer(capacity: 1 << 17)
  private var isCopying = false

  /// - Parameter conninfo: keywords and values or a URI, as libpq takes them; what it leaves out comes from the
  ///   PG... environment variables.
  /// - Throws: `PostgresError` of kind `connection`, also for a refused password or a missing database.
  public init(_ conninfo: String) throws {
    // A dead peer is noticed in about a minute, not after the two hours of the kernel's default. What the conninfo
    // says itself wins because `dbname` is expanded after these; the encoding, last, is fixed.
    let settings = [
      ("connect_timeout", "10"), ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
      ("tcp_user_timeout", "60000"), ("dbname", conninfo), ("client_encoding", "UTF8"),
    ]
    let handle = withCStrings(settings.map(\.0)) { keywords in
      withCStrings(settings.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
    }
    self.handle = handle  // from here on deinit frees it, also when we throw
    guard let handle, PQstatus(handle) == CONNECTION_OK else { throw PostgresError(connecting: handle) }
    // Notices can quote row data and libpq prints them to standard error.
    PQsetNoticeProcessor(handle, { _, _ in }, nil)
  }

  deinit {
    PQfinish(handle)
    copyBuffer.deallocate()
    parameters.deallocate()
  }

  /// False when closed or when libpq has noticed that the server is gone; a silent loss shows at the next call.
  public var isUsable: Bool { handle.map { PQstatus($0) == CONNECTION_OK } ?? false }

  /// True between `begin` and its end, also when the transaction has failed.
  public var isInTransaction: Bool { handle.map { PQtransactionStatus($0) != PQTRANS_IDLE } ?? false }

  /// Closes at once; an open transaction is rolled back by the server. May be called again.
  public func close() {
    precondition(!isCopying, "a connection closed inside its own COPY")
    drop()
  }

  private func drop() {
    PQfinish(handle)
    handle = nil
    statements.removeAll()
  }

  // MARK: - Statements

  /// Runs one or several statements without parameters; several run as one transaction unless they say otherwise.
  public func execute(_ sql: String) throws {
    _ = try run(sql)
  }

  /// Runs one statement. It is prepared at its first use and kept by its text, so put values into `parameters`,
  /// never into the text.
  @discardableResult
  public func query(_ sql: String, _ values: [Parameter] = []) throws -> Rows {
    let handle = try usableHandle()
    let statement = try statements.statement(for: sql, values, prepare: prepare, discardAll: deallocateAll)
    parameters.removeAll()
    let starts = values.map { value in
      let start = parameters.count
      value.encode(into: &parameters)
      return start
    }
    var pointers: [UnsafePointer<CChar>?] = []
    var lengths: [CInt] = []
    for (index, value) in values.enumerated() {
      let end = index + 1 < starts.count ? starts[index + 1] : parameters.count
      lengths.append(CInt(end - starts[index]))
      let start = UnsafePointer((parameters.base + starts[index]).assumingMemoryBound(to: CChar.self))
      pointers.append(value == .null ? nil : start)
    }
    let formats = [CInt](repeating: 1, count: values.count)
    let result = PQexecPrepared(handle, statement, CInt(values.count), pointers, lengths, formats, 1)
    return Rows(try checked(result, on: handle))
  }

  private func prepare(name: String, sql: String, types: [TypeIdentifier]) throws {
    let handle = try usableHandle()
    let oids = types.map(\.rawValue)
    _ = try checked(PQprepare(handle, name, sql, CInt(oids.count), oids), on: handle)
  }

  private func deallocateAll() throws { try execute("deallocate all") }

  // MARK: - COPY

  /// Runs a binary COPY, for example `COPY spell (id, day) FROM STDIN (FORMAT binary)`. When `write` throws, the
  /// COPY is cancelled and keeps no row; no other statement may run on the connection inside `write`.
  /// - Returns: the number of rows that the server took.
  @discardableResult
  public func copyIn(_ sql: String, _ write: (inout CopyWriter) throws -> Void) throws -> Int {
    let handle = try usableHandle()
    _ = try checked(PQexec(handle, sql), on: handle, expecting: PGRES_COPY_IN)
    isCopying = true
    var writer = CopyWriter(connection: handle, buffer: copyBuffer)
    defer {
      copyBuffer = writer.buffer
      isCopying = false
    }
    do {
      try write(&writer)
    } catch {
      _ = try? endCopy(handle, cancelling: true)
      throw error
    }
    writer.finish()
    return try endCopy(handle, cancelling: false)
  }

  /// Ends the COPY and reads all its results, without which the connection stays busy.
  private func endCopy(_ handle: OpaquePointer, cancelling: Bool) throws -> Int {
    guard PQputCopyEnd(handle, cancelling ? "cancelled" : nil) == 1 else {
      let result = PQgetResult(handle).map(ResultHandle.init)
      throw failure(result, on: handle)
    }
    var answer: Result<ResultHandle, any Error>?
    while let next = PQgetResult(handle) {
      let checkedNext = Result { try checked(next, on: handle) }
      if answer == nil { answer = checkedNext }
      if !isUsable { break }
    }
    guard let answer else { throw failure(nil, on: handle) }
    return Rows(try answer.get()).affected
  }

  // MARK: - Shared with Transaction.swift and Migration.swift

  @discardableResult
  func run(_ sql: String) throws -> ResultHandle {
    let handle = try usableHandle()
    return try checked(PQexec(handle, sql), on: handle)
  }

  func quotedIdentifier(_ name: String) throws -> String {
    let handle = try usableHandle()
    guard let quoted = PQescapeIdentifier(handle, name, name.utf8.count) else {
      throw PostgresError(kind: .statement, message: "a name that cannot be quoted")
    }
    defer { PQfreemem(quoted) }
    return String(cString: quoted)
  }

  private func usableHandle() throws -> OpaquePointer {
    precondition(!isCopying, "a statement inside a COPY on the same connection")
    guard let handle else { throw PostgresError(kind: .connection, message: "the connection is closed") }
    return handle
  }

  private func checked(
    _ result: OpaquePointer?, on handle: OpaquePointer, expecting expected: ExecStatusType? = nil
  ) throws -> ResultHandle {
    guard let owned = result.map(ResultHandle.init) else { throw failure(nil, on: handle) }
    let status = PQresultStatus(owned.pointer)
    switch status {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_COPY_IN:
      guard status == expected || (expected == nil && status != PGRES_COPY_IN) else {
        if status == PGRES_COPY_IN { _ = try? endCopy(handle, cancelling: true) }
        throw PostgresError(kind: .statement, message: "COPY FROM STDIN belongs to copyIn, and nothing else does")
      }
      return owned
    case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR:
      throw failure(owned, on: handle)
    default:
      // COPY TO STDOUT and replication leave the connection in a state that nothing here serves.
      drop()
      throw PostgresError(kind: .connection, message: "a statement of an unsupported kind; the connection was closed")
    }
  }

  /// The error to throw for a failed call; closes a connection that is lost, since libpq itself may notice later.
  private func failure(_ result: ResultHandle?, on handle: OpaquePointer) -> PostgresError {
    let error = PostgresError(result: result?.pointer, connection: handle)
    if error.kind == .connection { drop() }
    return error
  }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<T>(_ texts: [String], _ body: ([UnsafePointer<CChar>?]) -> T) -> T {
  var storage: [CChar] = []
  let starts = texts.map { text in
    defer { storage.append(contentsOf: text.utf8CString) }
    return storage.count
  }
  return storage.withUnsafeBufferPointer { bytes in body(starts.map { bytes.baseAddress! + $0 } + [nil]) }
}
