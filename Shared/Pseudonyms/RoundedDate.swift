/// Dates of birth rounded down to the first of January, as OpenPseudonymiser does it.
public enum RoundedDate {
  /// `yyyy0101`; nil where the text is no date of the forms `yyyyMMdd`, `dd/MM/yyyy`, `dd/MM/yy`, `dd.MM.yyyy` and
  /// `dd.MM.yy`. Of two digits, 00 to 29 are years of this century, as .NET reads them.
  public static func firstOfYear(_ text: String) -> String? {
    guard let (year, month, day) = parts(Array(text.utf8)), year > 0, 1...12 ~= month,
      1...days(of: month, year) ~= day
    else { return nil }
    let digits = String(year)
    // .NET writes a year as it is, and those before 1000 are no dates of birth.
    return digits.utf8.count == 4 ? digits + "0101" : nil
  }

  private static func parts(_ text: [UInt8]) -> (year: Int, month: Int, day: Int)? {
    if text.count == 8, let all = number(text[...]) { return (all / 10_000, all / 100 % 100, all % 100) }
    guard text.count == 8 || text.count == 10, text[2] == text[5], text[2] == 0x2F || text[2] == 0x2E,
      let day = number(text[..<2]), let month = number(text[3..<5]), let year = number(text[6...])
    else { return nil }
    return (text.count == 10 ? year : year < 30 ? 2000 + year : 1900 + year, month, day)
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard digits.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  private static func days(of month: Int, _ year: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  }
}
