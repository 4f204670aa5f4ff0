import Clinical
import Foundation

extension CalendarDate {
  /// By the clock of this machine, UTC.
  public static var today: CalendarDate {
    CalendarDate(day: Int32((Date.now.timeIntervalSince1970 / 86_400).rounded(.down)))
  }
}
