/// A date of birth from 1895-01-01 on (HESID rules) and not in the future.
public struct DateOfBirth: Hashable, Sendable {
  public enum Fault: String, Error, CaseIterable {
    case missing
    /// Not `YYYY-MM-DD`, or a day that does not exist.
    case format
    case tooEarly
    case inFuture
  }

  public let date: CalendarDate

  static let earliest = CalendarDate(day: -27_393)

  /// - Parameter notAfter: the last day a birth can have happened on, such as the end of the extract's period.
  @inlinable
  public init(validating iso: some StringProtocol, notAfter: CalendarDate) throws(Fault) {
    self = try withUTF8Bytes(of: iso) { Self.parse($0, notAfter: notAfter) }.get()
  }

  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>, notAfter: CalendarDate) -> Result<DateOfBirth, Fault> {
    let text = bytes.trimmed
    guard !text.isEmpty else { return .failure(.missing) }
    guard let date = CalendarDate.parse(iso: text) else { return .failure(.format) }
    guard date >= earliest else { return .failure(.tooEarly) }
    guard date <= notAfter else { return .failure(.inFuture) }
    return .success(DateOfBirth(date: date))
  }

  private init(date: CalendarDate) { self.date = date }
}

extension DateOfBirth: Redacted {
  public static var redactedName: String { "date of birth" }
}
