import Clinical
import Foundation

extension CalendarDate {
  /// By the clock of this machine, UTC.
  public static var today: CalendarDate {
    CalendarDate(microseconds: Date.now.microseconds)
  }
}
