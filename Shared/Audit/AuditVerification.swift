extension AuditLog {
  /// Follows the whole log, from the first line to the head beside it.
  ///
  /// A log that was cut off at the end together with its head, or written anew as a whole, shows only against a head
  /// that was noted elsewhere.
  ///
  /// - Parameters:
  ///   - noted: hash of an earlier head; the log may have grown since.
  ///   - count: lines that the log had then; nil: the hash may be that of any line.
  ///   - each: called with every line in order, up to the first fault.
  /// - Throws: ``AuditFault`` at the first line that is not what was written there; ``AuditError``.
  @discardableResult
  public func verify(
    noted: String? = nil, count: Int64? = nil, each: (AuditEntry) throws -> Void = { _ in }
  ) throws -> AuditHead {
    let file = try AuditFile(path, .read)
    var chain = AuditChain(noted: noted.map { .init(hash: $0, count: count) })
    var line: [UInt8] = []
    var offset = 0
    while case let piece = try file.read(1 << 16, at: offset), !piece.isEmpty {
      offset += piece.count
      var rest = piece[...]
      while let end = rest.firstIndex(of: 0x0A) {
        line += rest[..<end]
        rest = rest[(end + 1)...]
        try each(try chain.take(line))
        line.removeAll(keepingCapacity: true)
      }
      line += rest
      // Where line ends were removed, memory stays bounded.
      if line.count > Self.maximumLine { _ = try chain.take(line) }
    }
    try chain.finish(rest: line.count, stored: try file.head())
    return chain.head
  }
}
