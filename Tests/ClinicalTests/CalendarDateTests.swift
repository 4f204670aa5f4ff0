import Clinical
import Testing

struct CalendarDateTests {
  @Test func `a time belongs to the day that has begun, also before 1970`() {
    let day = CalendarDate.microsecondsPerDay
    for (time, expected) in [(0, 0), (day - 1, 0), (day, 1), (-1, -1), (-day, -1), (-day - 1, -2)] as [(Int64, Int32)] {
      #expect(CalendarDate(microseconds: time).day == expected)
    }
  }

  @Test func `every day from 1890 to 2110 has the date that counting on gives`() throws {
    var expected = (year: 1890, month: 1, day: 1)
    let first = try #require(CalendarDate(year: 1890, month: 1, day: 1)).day
    let last = try #require(CalendarDate(year: 2110, month: 12, day: 31)).day
    var wrong = 0
    for day in first...last {
      let date = CalendarDate(day: day)
      let isExpected = (date.year, date.month, date.dayOfMonth) == expected
      let comesBack = CalendarDate(year: expected.year, month: expected.month, day: expected.day) == date
      if !isExpected || !comesBack { wrong += 1 }
      let isLeap = expected.year % 4 == 0 && (expected.year % 100 != 0 || expected.year % 400 == 0)
      let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      expected.day += 1
      if expected.day > lengths[expected.month - 1] { expected = (expected.year, expected.month + 1, 1) }
      if expected.month > 12 { expected = (expected.year + 1, 1, 1) }
    }
    #expect(wrong == 0)
    #expect(expected == (2111, 1, 1))
  }

  @Test(arguments: [
    ("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11_016), ("0001-01-01", -719_162), ("9999-12-31", 2_932_896),
  ])
  func `known days count from 1970`(text: String, day: Int) {
    #expect(CalendarDate(iso: text)?.day == Int32(day))
    #expect(CalendarDate(day: Int32(day)).iso == text)
  }

  @Test(arguments: [
    "", "2026-1-01", "2026-02-30", "2025-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "0000-01-01",
    "2026/01/01", "20260101", " 2026-01-01", "2026-01-01T00", "2026-01-0a", "٢٠٢٦-01-01", "+026-01-01",
  ])
  func `what is not exactly an existing ISO day is refused`(text: String) {
    #expect(CalendarDate(iso: text) == nil)
  }

  @Test func `British dates are read strictly`() {
    #expect(CalendarDate(british: "03/02/2026") == CalendarDate(iso: "2026-02-03"))
    for text in ["3/2/2026", "2026-02-03", "31/02/2026", "02/13/2026", "03-02-2026", "03/02/26", ""] {
      #expect(CalendarDate(british: text) == nil)
    }
  }

  @Test func `a part of a longer text is read like a text`() {
    let line = "a,2026-02-03,b"
    #expect(CalendarDate(iso: line.dropFirst(2).prefix(10))?.iso == "2026-02-03")
  }

  @Test func `the ends of the number range do not trap`() {
    #expect(CalendarDate(day: .max).year == 5_881_580)
    #expect(CalendarDate(day: .min).iso.hasSuffix("-06-23"))
    #expect(CalendarDate(day: .min) < CalendarDate(day: .max))
  }

  @Test func `a period knows its days and sorts by time`() throws {
    let period = try #require(Period("2028-02"))
    #expect(period.text == "2028-02")
    #expect(period.first.iso == "2028-02-01")
    #expect(period.last.iso == "2028-02-29")
    #expect(try #require(Period("2026-12")) < #require(Period("2027-01")))
    #expect(Period(containing: period.last) == period)
    #expect("\(period)" == "2028-02")
  }

  @Test(arguments: [
    "", "2026", "2026-1", "2026-13", "2026-00", "0000-01", "2026-10-01", "2026/10", "2o26-10", " 2026-10",
  ])
  func `what is not exactly a month is refused as a period`(text: String) {
    #expect(Period(text) == nil)
  }
}
