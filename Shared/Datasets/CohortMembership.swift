import Clinical
import Contracts

/// A cohort by the numbers of its code lists.
indirect enum TestedCohort: Sendable {
  case recorded(sources: Set<Source>, test: Int, resolved: Int?, time: Recording.Time)
  case combined(atLeast: Int, of: [TestedCohort], noneOf: [TestedCohort])
  case missing(PersonAttribute)
  case seen(Source)
  case implausible(ImplausibleHistory)

  init(_ cohort: Cohort, _ tests: inout CodeTests) throws(CodeTests.TooMany) {
    switch cohort.rule {
    case .recorded(let recording):
      let resolved = recording.resolved.isEmpty ? nil : try tests.test(recording.resolved)
      self = .recorded(
        sources: recording.sources, test: try tests.test(recording.codes), resolved: resolved, time: recording.time)
    case .combined(let count, let members, let others):
      self = .combined(
        atLeast: count, of: try Self.each(members, &tests), noneOf: try Self.each(others, &tests))
    case .missing(let attribute): self = .missing(attribute)
    case .seen(let source): self = .seen(source)
    case .implausible(let history): self = .implausible(history)
    }
  }

  private static func each(
    _ cohorts: [Cohort], _ tests: inout CodeTests
  ) throws(CodeTests.TooMany) -> [TestedCohort] {
    var tested: [TestedCohort] = []
    for cohort in cohorts { tested.append(try TestedCohort(cohort, &tests)) }
    return tested
  }
}

/// Who is in a cohort on a day.
enum CohortMembership {
  /// - Parameters:
  ///   - day: what came after it is not known yet. What has only its month counts as having come on its first day.
  ///   - attributes: the record that says what else is known of the person.
  static func holds(
    _ cohort: TestedCohort, _ person: PersonView, on day: Int32, attributes: PersonHistory.Record
  ) -> Bool {
    switch cohort {
    case .recorded(let sources, let test, let resolved, let time):
      holds(sources: sources, test: test, resolved: resolved, time: time, person, on: day)
    case .combined(let count, let members, let others):
      members.count { holds($0, person, on: day, attributes: attributes) } >= count
        && !others.contains { holds($0, person, on: day, attributes: attributes) }
    case .missing(let attribute): isMissing(attribute, attributes)
    case .seen(let source): person.sources.contains(source)
    case .implausible(let history): ImplausibleHistories.holds(history, person)
    }
  }

  private static func holds(
    sources: Set<Source>, test: Int, resolved: Int?, time: Recording.Time, _ person: PersonView, on day: Int32
  ) -> Bool {
    switch time {
    case .ever:
      return person.coded.contains { $0.entry.day <= day && $0.tests.contains(test) && sources.contains($0.source) }
    case .last(let months):
      guard let latest = latest(test, sources, person, day), latest != PersonHistory.undated else { return false }
      return latest > CalendarDate(day: day).monthsBefore(months).day
    case .latestUnlessResolved:
      guard let latest = latest(test, sources, person, day) else { return false }
      guard let resolved, let end = Self.latest(resolved, sources, person, day) else { return true }
      return latest > end
    }
  }

  private static func latest(_ test: Int, _ sources: Set<Source>, _ person: PersonView, _ day: Int32) -> Int32? {
    person.coded.lazy.filter { $0.entry.day <= day && $0.tests.contains(test) && sources.contains($0.source) }
      .map(\.entry.day).max()
  }

  private static func isMissing(_ attribute: PersonAttribute, _ record: PersonHistory.Record) -> Bool {
    switch attribute {
    case .yearOfBirth: record.yearOfBirth == 0
    case .sex: record.sex != 1 && record.sex != 2
    case .ethnicCategory: record.ethnicCategory == Names.empty
    case .area: record.area == Names.empty
    }
  }
}

extension CalendarDate {
  /// The same day so many months earlier, or the last of that month where it has no such day.
  func monthsBefore(_ count: Int) -> CalendarDate {
    let first = Period(containing: self).advanced(by: -count).first
    let last = Period(containing: first).last
    return CalendarDate(day: min(first.day + Int32(dayOfMonth) - 1, last.day))
  }
}
