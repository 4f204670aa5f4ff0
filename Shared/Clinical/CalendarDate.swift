/// A day of the Gregorian calendar, without time and time zone.
public struct CalendarDate: Hashable, Comparable, Sendable {
  /// Days since 1970-01-01.
  public let day: Int32

  public init(day: Int32) { self.day = day }

  /// The UTC day of a time.
  /// - Parameter microseconds: since 1970-01-01T00:00:00Z; before it they are negative.
  public init(microseconds: Int64) {
    let (days, rest) = microseconds.quotientAndRemainder(dividingBy: Self.microsecondsPerDay)
    day = Int32(clamping: rest < 0 ? days - 1 : days)
  }

  public static let microsecondsPerDay: Int64 = 86_400_000_000

  /// Nil when the day does not exist or the year is not within 1...9999.
  public init?(year: Int, month: Int, day: Int) {
    guard 1...9999 ~= year, 1...12 ~= month, day >= 1, day <= Self.length(ofMonth: month, year: year) else {
      return nil
    }
    // Counts from 1 March, so that the leap day comes last; 719,468 days lie between 0000-03-01 and 1970-01-01.
    let shifted = month > 2 ? year : year - 1
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    self.day = Int32(era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468)
  }

  /// Exactly `YYYY-MM-DD` (ISO 8601).
  @inlinable
  public init?(iso text: some StringProtocol) {
    guard let date = withUTF8Bytes(of: text, { Self.parse(iso: $0) }) else { return nil }
    self = date
  }

  /// Exactly `dd/mm/yyyy`.
  @inlinable
  public init?(british text: some StringProtocol) {
    guard let date = withUTF8Bytes(of: text, { Self.parse(british: $0) }) else { return nil }
    self = date
  }

  public var year: Int { civil.year }
  public var month: Int { civil.month }
  public var dayOfMonth: Int { civil.day }

  public var firstOfMonth: CalendarDate { CalendarDate(day: day - Int32(dayOfMonth) + 1) }

  /// `YYYY-MM-DD`
  public var iso: String {
    let (year, month, day) = civil
    guard 0...9999 ~= year else { return "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)" }
    return String(unsafeUninitializedCapacity: 10) { buffer in
      buffer.writeDigits(of: year, at: 0, count: 4)
      buffer[4] = UInt8(ascii: "-")
      buffer.writeDigits(of: month, at: 5, count: 2)
      buffer[7] = UInt8(ascii: "-")
      buffer.writeDigits(of: day, at: 8, count: 2)
      return 10
    }
  }

  public static func < (left: Self, right: Self) -> Bool { left.day < right.day }

  private var civil: (year: Int, month: Int, day: Int) {
    let days = Int(day) + 719_468
    let era = (days >= 0 ? days : days - 146_096) / 146_097
    let dayOfEra = days - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  static func length(ofMonth month: Int, year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  @usableFromInline
  static func parse(iso bytes: UnsafeBufferPointer<UInt8>) -> CalendarDate? {
    guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      let year = bytes.number(0, 4), let month = bytes.number(5, 7), let day = bytes.number(8, 10)
    else { return nil }
    return CalendarDate(year: year, month: month, day: day)
  }

  @usableFromInline
  static func parse(british bytes: UnsafeBufferPointer<UInt8>) -> CalendarDate? {
    guard bytes.count == 10, bytes[2] == UInt8(ascii: "/"), bytes[5] == UInt8(ascii: "/"),
      let day = bytes.number(0, 2), let month = bytes.number(3, 5), let year = bytes.number(6, 10)
    else { return nil }
    return CalendarDate(year: year, month: month, day: day)
  }
}

extension CalendarDate: CustomStringConvertible {
  public var description: String { iso }
}

extension UnsafeMutableBufferPointer<UInt8> {
  /// Writes the last `count` decimal digits of a number that is not negative.
  func writeDigits(of number: Int, at start: Int, count: Int) {
    var rest = number
    for index in stride(from: start + count - 1, through: start, by: -1) {
      self[index] = 0x30 + UInt8(rest % 10)
      rest /= 10
    }
  }
}
