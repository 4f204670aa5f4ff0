/// How far a log goes: the number of its lines and the hash of the last one.
///
/// Who notes it elsewhere can tell later that nothing before it was changed, even by somebody who wrote the whole file
/// anew.
public struct AuditHead: Equatable, Sendable {
  public let count: Int64
  /// 64 hexadecimal digits.
  public let hash: String

  /// Before the first line.
  static let origin = AuditHead(count: 0, hash: String(repeating: "0", count: 64))

  public init(count: Int64, hash: String) {
    self.count = count
    self.hash = hash
  }

  /// Of the file beside the log: count, a space, hash, a line feed. Nil: these bytes are none.
  init?(file bytes: [UInt8]) {
    let parts = String(decoding: bytes, as: UTF8.self).dropLast().split(separator: " ")
    guard parts.count == 2, let count = Int64(parts[0]) else { return nil }
    self.init(count: count, hash: String(parts[1]))
    // One way of writing only.
    guard count > 0, isWellFormed, file == bytes else { return nil }
  }

  var file: [UInt8] { Array("\(count) \(hash)\n".utf8) }

  /// Whether the hash can be one.
  public var isWellFormed: Bool {
    hash.utf8.count == 64 && hash.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }
  }
}

/// Follows a log line by line and finds the first that is not what was written in its place.
struct AuditChain {
  private(set) var head = AuditHead.origin
  /// Head before the last line was taken.
  private(set) var beforeLast = AuditHead.origin
  /// Whether ``noted`` was met.
  private(set) var hasMetNoted = false
  private let noted: Noted?

  /// A head that was noted elsewhere, earlier.
  struct Noted {
    let hash: String
    /// Nil: at any place.
    let count: Int64?
  }

  init(noted: Noted? = nil) { self.noted = noted }

  /// - Parameter line: without its line end.
  mutating func take(_ line: [UInt8]) throws(AuditFault) -> AuditEntry {
    let place = head.count + 1
    guard let entry = AuditEntry(line: line) else {
      throw AuditFault(.altered, line: place, "line \(place) was altered, or is no line of this log")
    }
    guard entry.number == place else {
      throw AuditFault(
        .outOfOrder, line: place,
        "line \(place) has number \(entry.number): lines were removed, added or put in another order")
    }
    guard entry.previous == head.hash else {
      throw AuditFault(.outOfOrder, line: place, "line \(place) does not follow from the line before it")
    }
    beforeLast = head
    head = AuditHead(count: place, hash: entry.hash)
    if let noted, noted.hash == entry.hash, noted.count.map({ $0 == place }) ?? true { hasMetNoted = true }
    return entry
  }

  /// What the end of the file shows.
  ///
  /// - Parameters:
  ///   - rest: number of bytes behind the last line end.
  ///   - stored: bytes of the file beside the log; nil: there is none.
  func finish(rest: Int, stored: [UInt8]?) throws(AuditFault) {
    guard rest == 0 else {
      throw AuditFault(
        .torn, line: head.count + 1,
        "line \(head.count + 1) has no line end: a crash cut it short, or it was altered; the next entry sets it aside")
    }
    // The head is stored after the line, so a crash in between leaves it one behind.
    let told = stored.map { AuditHead(file: $0) } ?? .origin
    guard let told, told == head || told == beforeLast else {
      let text = told.map { "\($0.count) lines" } ?? "nothing that is a head"
      throw AuditFault(
        .head, line: head.count,
        "the log has \(head.count) lines, the head beside it tells of \(text): lines or the head were removed or altered"
      )
    }
    if let noted, !hasMetNoted {
      throw AuditFault(
        .noted, line: head.count,
        "the head that was noted is not in the log\(noted.count.map { " at line \($0)" } ?? ""): it was written anew")
    }
  }
}
