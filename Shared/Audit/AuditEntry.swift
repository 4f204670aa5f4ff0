import Cryptography
import Foundation

/// One line of the log.
///
/// Its bytes follow from its content, with fields in one order and details sorted by name, so that a line that is
/// written in any other way is an altered one.
public struct AuditEntry: Codable, Equatable, Sendable {
  /// From 1, without gaps.
  public let number: Int64
  /// UTC, `2026-10-05T09:30:00.000000Z`.
  public let time: String
  /// Of the operating system: name, or the number where it has none.
  public let user: String
  /// Whose name was given; empty where none was.
  public let by: String
  /// An ``AuditEvent``, or one of a newer program.
  public let event: String
  public let details: [String: String]
  /// Hash of the line before, 64 hexadecimal digits.
  public let previous: String
  /// SHA-256 of this line's bytes before its hash, 64 hexadecimal digits.
  public let hash: String

  init(
    number: Int64, time: String, user: String, by: String, event: String, details: [String: String], previous: String
  ) {
    self.number = number
    self.time = time
    self.user = user
    self.by = by
    self.event = event
    self.details = details
    self.previous = previous
    hash = Self.hash(
      Self.hashed(
        number: number, time: time, user: user, by: by, event: event, details: details, previous: previous))
  }

  /// Nil unless these are exactly the bytes of a line, without its line end, and its hash is right.
  init?(line: [UInt8]) {
    guard let entry = try? JSONDecoder().decode(AuditEntry.self, from: Data(line)), entry.bytes == line,
      entry.hash == Self.hash(entry.hashedBytes)
    else { return nil }
    self = entry
  }

  /// As it stands in the log, without line end.
  var bytes: [UInt8] { hashedBytes + Array(",\"hash\":\(Self.text(hash))}".utf8) }

  /// As it stands in the log, without line end.
  public var json: String { String(decoding: bytes, as: UTF8.self) }

  private var hashedBytes: [UInt8] {
    Self.hashed(
      number: number, time: time, user: user, by: by, event: event, details: details, previous: previous)
  }

  private static func hash(_ bytes: [UInt8]) -> String { hexadecimal(SHA256Digest.hash(bytes)) }

  private static func hashed(
    number: Int64, time: String, user: String, by: String, event: String, details: [String: String], previous: String
  ) -> [UInt8] {
    // In the order of bytes, which no locale and no library version changes.
    let sorted = details.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    let list = sorted.map { "\(text($0.key)):\(text($0.value))" }.joined(separator: ",")
    return Array(
      """
      {"number":\(number),"time":\(text(time)),"user":\(text(user)),"by":\(text(by)),"event":\(text(event)),\
      "details":{\(list)},"previous":\(text(previous))
      """.utf8)
  }

  /// A JSON string; everything but quotes, backslashes and control characters stands for itself.
  private static func text(_ text: String) -> String {
    var escaped = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        escaped += "\\"
        escaped.unicodeScalars.append(scalar)
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
        let digits = String(scalar.value, radix: 16)
        escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped + "\""
  }
}
