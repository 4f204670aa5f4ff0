/// What is published in place of a true count.
enum PublishedCount: Hashable, Sendable {
  case count(Int)
  case suppressed

  /// As it stands in a file.
  var text: String {
    switch self {
    case .count(let value): "\(value)"
    case .suppressed: "*"
    }
  }
}

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

  static let hes = DisclosureControl(suppressedUpTo: 7, base: 5)

  /// - Precondition: `count` is at least 0.
  func publish(_ count: Int) -> PublishedCount {
    isSmall(count) ? .suppressed : .count(rounded(count))
  }

  func isSmall(_ count: Int) -> Bool { count > 0 && count <= suppressedUpTo }

  /// To the nearest multiple, by integers: with an odd base there is no tie.
  private func rounded(_ count: Int) -> Int { (count + base / 2) / base * base }

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
