import Clinical

/// `MAILBOX-DDMMYY-NNNN.dat`, as the check service wants its files called. A name with any other character than letters,
/// digits, `_` and `-` gets no answer at all.
struct CheckFileName: Hashable {
  static let sequences = 1...9999

  let mailbox: String
  let date: CalendarDate
  let sequence: Int

  /// Nil when the mailbox has other characters, or the number has more than four digits.
  init?(mailbox: String, date: CalendarDate, sequence: Int) {
    guard 1...40 ~= mailbox.utf8.count, mailbox.utf8.allSatisfy(Self.isAllowed), Self.sequences ~= sequence else {
      return nil
    }
    self.mailbox = mailbox
    self.date = date
    self.sequence = sequence
  }

  /// Nil when the text is not such a name.
  init?(_ text: String) {
    guard let parts = text.wholeMatch(of: /([A-Za-z0-9_-]+)-([0-9]{2})([0-9]{2})([0-9]{2})-([0-9]{4})\.dat/)?.output,
      let day = Int(parts.2), let month = Int(parts.3), let year = Int(parts.4), let sequence = Int(parts.5),
      let date = CalendarDate(year: 2000 + year, month: month, day: day)
    else { return nil }
    self.init(mailbox: String(parts.1), date: date, sequence: sequence)
  }

  var text: String {
    let (day, month, year) = (date.dayOfMonth, date.month, date.year % 100)
    let stamp = [day, month, year].map { Self.padded($0, 2) }.joined()
    return "\(mailbox)-\(stamp)-\(Self.padded(sequence, 4)).dat"
  }

  /// The first of the day that none of these files has; nil when all are taken.
  static func next(mailbox: String, date: CalendarDate, besides files: some Sequence<String>) -> CheckFileName? {
    let taken = Set(
      files.compactMap { CheckFileName($0) }.filter { $0.mailbox == mailbox && $0.date == date }
        .map(\.sequence))
    return sequences.first { !taken.contains($0) }.flatMap {
      CheckFileName(mailbox: mailbox, date: date, sequence: $0)
    }
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D: true
    default: false
    }
  }
}
