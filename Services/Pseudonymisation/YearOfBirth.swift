import Clinical
import Specification

/// The year of birth that remains of a date of birth, for records of one month.
///
/// Whoever was born on 29 February has a birthday on 1 March in other years.
struct YearOfBirth {
  /// Inclusive; days since 1970-01-01.
  private let youngest: (from: Int32, year: Year)
  private let oldest: (upTo: Int32, year: Year)

  private enum Year {
    case own
    case common(UInt32)
  }

  /// - Parameter day: the one on which ages count.
  init(_ policy: AttributePolicy, on day: CalendarDate) {
    let (grown, old) = (
      Self.latestBirth(ofAge: policy.under.age, on: day), Self.latestBirth(ofAge: policy.over.age + 1, on: day)
    )
    youngest = (grown + 1, Self.year(policy.under, oldest: grown + 1))
    oldest = (old, Self.year(policy.over, oldest: old + 1))
  }

  /// 0: unknown.
  func year(bornOn day: Int32) -> UInt32 {
    let rule: Year = day <= oldest.upTo ? oldest.year : day >= youngest.from ? youngest.year : .own
    return switch rule {
    case .own: UInt32(clamping: CalendarDate(day: day).year)
    case .common(let year): year
    }
  }

  private static func year(_ limit: AttributePolicy.AgeLimit, oldest day: Int32) -> Year {
    switch limit.year {
    case .kept: .own
    case .common: .common(UInt32(clamping: CalendarDate(day: day).year))
    case .dropped: .common(0)
    }
  }

  /// Who was born up to then is so old on that day.
  private static func latestBirth(ofAge age: Int, on day: CalendarDate) -> Int32 {
    let year = day.year - age
    let birthday =
      CalendarDate(year: year, month: day.month, day: day.dayOfMonth)
      // 29 February where there is none.
      ?? CalendarDate(year: year, month: 2, day: 28)
    return birthday?.day ?? Int32.min
  }
}
