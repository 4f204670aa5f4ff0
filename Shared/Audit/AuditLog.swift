import Cryptography
import Glibc

/// An append-only, hash-chained log in a file of JSON lines, with its head in a file beside it (`.head`).
///
/// Who has something logged does it first and acts only when ``append(event:by:details:)`` has returned: no log, no
/// answer. Several processes may append at once. Nothing in it is about a patient, and nothing is key material.
public struct AuditLog: Sendable {
  public let path: String

  /// Longest line, with its line end, in bytes.
  static let maximumLine = 16_384

  public init(path: String) { self.path = path }

  /// Returns when the line is on disk.
  ///
  /// - Parameters:
  ///   - by: name that was given for who does it, besides the user of the operating system.
  ///   - details: by name (lower-case letters and hyphens); up to 1,000 bytes of printable text each.
  /// - Returns: the head of the log with this line.
  /// - Throws: ``AuditError``; then what would have been logged must not happen.
  @discardableResult
  public func append(
    event: AuditEvent, by: String = "", details: [String: String] = [:]
  ) throws(AuditError) -> AuditHead {
    try Self.check(by: by, details)
    let file = try AuditFile(path, .append)
    var end = try LogEnd(file)
    if end.rest > 0 {
      try file.cut(to: end.size)
      try write(.lineSetAside, by: "", ["bytes": "\(end.rest)"], to: file, &end)
    }
    try write(event, by: by, details, to: file, &end)
    return end.head
  }

  private func write(
    _ event: AuditEvent, by: String, _ details: [String: String], to file: borrowing AuditFile, _ end: inout LogEnd
  ) throws(AuditError) {
    let entry = AuditEntry(
      number: end.head.count + 1, time: Self.now(), user: Self.user(), by: by, event: event.rawValue, details: details,
      previous: end.head.hash)
    let line = entry.bytes + [0x0A]
    guard line.count <= Self.maximumLine else {
      throw AuditError(.detail, "an entry of \(line.count) bytes is too long for the audit log")
    }
    try file.append(line, to: end.size)
    end.size += line.count
    end.head = AuditHead(count: entry.number, hash: entry.hash)
    try file.store(end.head)
  }

  private static func check(by: String, _ details: [String: String]) throws(AuditError) {
    for (name, value) in details.merging(["by": by], uniquingKeysWith: { value, _ in value }) {
      guard !name.isEmpty, name.utf8.allSatisfy({ 0x61...0x7A ~= $0 || $0 == 0x2D }) else {
        throw AuditError(.detail, "the audit log takes no detail of such a name")
      }
      let isPrintable = value.unicodeScalars.allSatisfy {
        switch $0.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate: false
        default: true
        }
      }
      guard isPrintable, value.utf8.count <= 1_000 else {
        throw AuditError(.detail, "'\(name)' is not up to 1000 bytes of printable text, which the audit log takes")
      }
    }
  }

  /// To the microsecond.
  private static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var parts = tm()
    gmtime_r(&time.tv_sec, &parts)
    func digits(_ value: some BinaryInteger, _ count: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    let day = "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
    return "\(day)T\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
      + ".\(digits(time.tv_nsec / 1_000, 6))Z"
  }

  /// Who runs the program, not whose name somebody has set in the environment.
  private static func user() -> String {
    let id = getuid()
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16_384)
    guard getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name else {
      return "\(id)"
    }
    return String(cString: name)
  }
}

/// Where the next line goes, read from the last two alone: the log may be long.
private struct LogEnd {
  /// Bytes up to the last line end.
  var size: Int
  /// Bytes behind it.
  var rest: Int
  var head: AuditHead

  /// Also mends a head that a crash has left one line behind.
  ///
  /// - Throws: ``AuditError/Code/broken`` where a crash does not explain what is there.
  init(_ file: borrowing AuditFile) throws(AuditError) {
    let length = try file.size()
    let start = max(0, length - 3 * AuditLog.maximumLine)
    let tail = try file.read(length - start, at: start)
    let end = tail.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    rest = tail.count - end
    size = length - rest
    let last = try Self.lastLine(tail[..<end], isWhole: start == 0)
    head = last.map { AuditHead(count: $0.number, hash: $0.hash) } ?? .origin
    // Too long for a line that was cut short.
    guard rest < AuditLog.maximumLine else { throw Self.broken }
    let stored = try file.head()
    guard let told = stored.map({ AuditHead(file: $0) }) ?? .origin else { throw Self.broken }
    if told == head { return }
    // Nothing is written behind a line before the head tells of it.
    guard let last, rest == 0, told == AuditHead(count: last.number - 1, hash: last.previous) else {
      throw Self.broken
    }
    try file.store(head)
  }

  /// Nil: there is none.
  ///
  /// - Parameter isWhole: the log begins here.
  private static func lastLine(_ tail: ArraySlice<UInt8>, isWhole: Bool) throws(AuditError) -> AuditEntry? {
    func line(endingAt end: Int) throws(AuditError) -> (entry: AuditEntry, start: Int) {
      let start = tail[..<(end - 1)].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
      guard let entry = AuditEntry(line: Array(tail[start..<(end - 1)])) else { throw broken }
      return (entry, start)
    }
    guard !tail.isEmpty else { return nil }
    let (last, start) = try line(endingAt: tail.endIndex)
    if start == 0, isWhole {
      guard last.number == 1, last.previous == AuditHead.origin.hash else { throw broken }
    } else {
      guard start > 0, case let before = try line(endingAt: start).entry, before.number == last.number - 1,
        before.hash == last.previous
      else { throw broken }
    }
    return last
  }

  private static let broken = AuditError(
    .broken,
    "the end of the audit log is not as it was written, so nothing more is logged or answered; see `audit verify`")
}
