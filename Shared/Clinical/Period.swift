/// A calendar month, the time that one extract covers: "2026-10".
public struct Period: Hashable, Comparable, Sendable {
  /// Months since 0000-01.
  private let months: Int32

  /// Exactly `YYYY-MM`, from 0001-01 on.
  @inlinable
  public init?(_ text: some StringProtocol) {
    guard let period = withUTF8Bytes(of: text, { Self.parse($0) }) else { return nil }
    self = period
  }

  /// The month that the date lies in.
  public init(containing date: CalendarDate) { months = Int32(date.year * 12 + date.month - 1) }

  /// `YYYY-MM`
  public var text: String { String(first.iso.dropLast(3)) }

  public var first: CalendarDate { date(day: 1) }
  public var last: CalendarDate { date(day: CalendarDate.length(ofMonth: month, year: year)) }

  /// So many months later; earlier with a negative number.
  public func advanced(by count: Int) -> Period { Period(months: months + Int32(count)) }

  public static func < (left: Self, right: Self) -> Bool { left.months < right.months }

  private init(months: Int32) { self.months = max(months, 12) }

  private var year: Int { Int(months) / 12 }
  private var month: Int { Int(months) % 12 + 1 }

  private func date(day: Int) -> CalendarDate {
    guard let date = CalendarDate(year: year, month: month, day: day) else {
      preconditionFailure("a period outside the years 1 to 9999")
    }
    return date
  }

  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Period? {
    guard bytes.count == 7, bytes[4] == UInt8(ascii: "-"), let year = bytes.number(0, 4),
      let month = bytes.number(5, 7), let date = CalendarDate(year: year, month: month, day: 1)
    else { return nil }
    return Period(containing: date)
  }
}

extension Period: CustomStringConvertible {
  public var description: String { text }
}
