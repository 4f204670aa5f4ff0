import Clinical
import Contracts

/// Which dates of one record carry their month only: those of birth episodes and of the weeks after birth, from which
/// the day of birth could be told.
///
/// Asked once everything else has been judged by the true dates, and before the record is written: what is staged,
/// digested and sent has no other date.
struct BirthDates {
  /// Days up to here carry their month only; days since 1970-01-01, the smallest where nobody knows the day of birth.
  private let last: Int32
  /// Encounters of which an entry tells of a birth.
  private var episodes: Set<UInt32> = []
  /// Whether any entry seen so far is concerned.
  private(set) var isConcerned = false

  /// - Parameter birthDay: nil where it is missing or not to be believed; then birth episodes alone are concerned.
  init(birthDay: Int32?, daysAfterBirth: Int) { last = birthDay.map { $0 + Int32(daysAfterBirth) } ?? .min }

  /// Its code tells of a birth, whatever else becomes of the entry.
  mutating func addEpisode(_ encounter: UInt32) {
    isConcerned = true
    if encounter > 0 { episodes.insert(encounter) }
  }

  /// Marks an entry that is kept; ``coarsen(_:)`` does the rest when all entries are known.
  ///
  /// - Parameter tellsBirth: by its code.
  mutating func mark(_ entry: inout Entry, tellsBirth: Bool) {
    guard entry.hasDay else {
      entry.monthOnly = false
      return
    }
    if tellsBirth || entry.day <= last { entry.monthOnly = true }
    // Or a connector has sent it so.
    if entry.monthOnly { isConcerned = true }
  }

  /// Brings the entries of birth episodes, and those marked, to the first day of their month.
  func coarsen(_ entries: inout [Entry]) {
    guard isConcerned else { return }
    for place in entries.indices where entries[place].hasDay {
      guard entries[place].monthOnly || episodes.contains(entries[place].encounter) else { continue }
      entries[place].monthOnly = true
      entries[place].day = Self.firstOfMonth(entries[place].day)
      if entries[place].hasEndDay { entries[place].endDay = Self.firstOfMonth(entries[place].endDay) }
    }
  }

  /// A day of the record that is no entry's, such as that of registration.
  func coarse(_ day: Int32) -> Int32 { day <= last ? Self.firstOfMonth(day) : day }

  private static func firstOfMonth(_ day: Int32) -> Int32 { CalendarDate(day: day).firstOfMonth.day }
}
