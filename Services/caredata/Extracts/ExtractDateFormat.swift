import ArgumentParser
import Clinical

/// How the dates of an extract are written, as its sender declares (`--date-format`).
///
/// It is declared and never guessed: 03/04/2026 is valid in both the British and the American order.
enum ExtractDateFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
  /// YYYY-MM-DD
  case iso
  /// dd/mm/yyyy
  case british

  var pattern: String {
    switch self {
    case .iso: "YYYY-MM-DD"
    case .british: "dd/mm/yyyy"
    }
  }

  /// Reads exactly ten bytes in this form; nil for anything else and for days that do not exist.
  func parse(_ bytes: UnsafeRawBufferPointer) -> CalendarDate? {
    guard bytes.count == 10 else { return nil }
    switch self {
    case .iso:
      guard bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), let year = number(bytes, 0..<4),
        let month = number(bytes, 5..<7), let day = number(bytes, 8..<10)
      else { return nil }
      return CalendarDate(year: year, month: month, day: day)
    case .british:
      guard bytes[2] == UInt8(ascii: "/"), bytes[5] == UInt8(ascii: "/"), let day = number(bytes, 0..<2),
        let month = number(bytes, 3..<5), let year = number(bytes, 6..<10)
      else { return nil }
      return CalendarDate(year: year, month: month, day: day)
    }
  }

  private func number(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
    var result = 0
    for index in range {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      result = result * 10 + Int(digit)
    }
    return result
  }
}
