import Clinical

/// What is published in place of a true count.
typealias PublishedCount = MaskedCount

/// Why a row reads as it does: suppressed, missing and zero are three different things.
enum RowStatus: String, CaseIterable, Sendable {
  case ok
  case suppressed
  case zero
  /// The measure has no meaning for these dimensions.
  case notApplicable = "not_applicable"
}

/// Statistical disclosure control for counts of people.
///
/// The sub-national rule of NHS Digital's Hospital Episode Statistics since 13 September 2018: 1 to 7 are shown as `*`,
/// all other counts are rounded to the nearest 5, 0 stays 0. Totals are made from true counts and then rounded, so
/// rows need not add up.
struct DisclosureControl: Equatable, Sendable {
  let suppressedUpTo: Int
  let base: Int

  static let hes = DisclosureControl(suppressedUpTo: PublishedCount.usualThreshold, base: PublishedCount.usualBase)

  /// - Precondition: `count` is at least 0.
  func publish(_ count: Int) -> PublishedCount {
    PublishedCount(count, suppressedUpTo: suppressedUpTo, base: base)
  }

  func isSmall(_ count: Int) -> Bool { PublishedCount.isSmall(count, suppressedUpTo: suppressedUpTo) }

  /// People with a property among people who could have it. The difference is a count of people, too: a small one
  /// hides the part.
  func part(_ part: Int, of whole: Int) -> (whole: PublishedCount, part: PublishedCount, status: RowStatus) {
    precondition(part <= whole, "a part is no larger than the whole")
    let shownWhole = publish(whole)
    let shownPart = isSmall(whole - part) ? .suppressed : publish(part)
    let isHidden = shownWhole == .suppressed || shownPart == .suppressed
    return (shownWhole, shownPart, isHidden ? .suppressed : part == 0 ? .zero : .ok)
  }

  /// Events of people. The threshold is on people: many events of few people are hidden with them.
  func events(
    _ events: Int, of people: Int
  ) -> (events: PublishedCount, people: PublishedCount, status: RowStatus) {
    precondition(people <= events, "each person has an event")
    guard !isSmall(people), !isSmall(events) else { return (.suppressed, .suppressed, .suppressed) }
    return (publish(events), publish(people), people == 0 ? .zero : .ok)
  }
}
