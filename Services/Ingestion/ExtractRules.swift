import Clinical
import Contracts
import Foundation
import Specification

/// What applies to every record of one extract: its specification, its dates, the exclusions in force, and which dates
/// carry their month only.
struct ExtractRules {
  let source: SourceSpecification
  let codes: CodeDecisions
  let monthOnly: AttributePolicy.MonthOnly
  /// First and last day that an entry may have.
  let earliest: Int32
  let last: Int32

  init(
    source: SourceSpecification, exclusions: ExclusionRules, period: Period, monthOnly: AttributePolicy.MonthOnly
  ) {
    self.source = source
    codes = CodeDecisions(source.codes, exclusions, births: monthOnly.codes)
    self.monthOnly = monthOnly
    earliest = source.lookBack.earliest(period).day
    last = period.last.day
  }

  func severity(_ field: SourceSpecification.Field) -> SourceSpecification.Severity? { source.fields[field] }
}

/// Finds the rules of extracts; extracts repeat, so what was found is kept.
final class ExtractRuleBook {
  private let specifications: [String: ExtractSpecification]
  private let exclusions: ExclusionLists
  private let monthOnly: AttributePolicy.MonthOnly
  private var found: [Key: ExtractRules] = [:]
  private var last: (opening: ExtractStore.Opening, rules: ExtractRules)?

  /// Seconds that a connector's clock may be ahead: whoever submits in the future wins over every correction.
  private static let greatestClockError = 86_400.0

  private struct Key: Hashable {
    let specification: String
    let source: Source
    let period: String
    let day: Int32
  }

  init(
    _ specifications: [String: ExtractSpecification], _ exclusions: ExclusionLists,
    monthOnly: AttributePolicy.MonthOnly
  ) {
    self.specifications = specifications
    self.exclusions = exclusions
    self.monthOnly = monthOnly
  }

  /// The extract a record belongs to and what applies to it; nil where either cannot be believed.
  ///
  /// Records of one extract mostly follow one another, and repeat what it is.
  func judged(_ record: PatientRecord) -> (ExtractStore.Opening, ExtractRules)? {
    if let last, last.opening.describes(record) { return last }
    let opening = record.opening
    guard ExtractHeader.isExtractID(opening.extractID), ExtractHeader.fault(opening) == nil,
      let rules = rules(opening)
    else { return nil }
    last = (opening, rules)
    return last
  }

  /// Why an extract cannot be judged at all; nil when it can.
  func reasonToRefuse(_ opening: ExtractStore.Opening) -> String? {
    guard let specification = specifications[opening.specification] else { return "specification_unknown" }
    guard specification.sources[opening.source] != nil else { return "source_not_in_specification" }
    guard let period = Period(opening.period), period >= specification.effectiveFrom else {
      return "specification_not_in_force"
    }
    let latest = Int64((Date.now.timeIntervalSince1970 + Self.greatestClockError) * 1e6)
    guard opening.submittedAt <= latest else { return "submitted_in_future" }
    guard Self.isOrganisation(opening.organisation, of: opening.source) else { return "organisation_not_of_source" }
    return nil
  }

  /// Nil where ``reasonToRefuse(_:)`` has a reason.
  ///
  /// The exclusions are those in force on the day of submission, so that a redelivery is judged alike; but never on one
  /// before the period, so that a clock that stands still does not switch them off.
  func rules(_ opening: ExtractStore.Opening) -> ExtractRules? {
    let first = Period(opening.period)?.first.day ?? .max
    let day = max(CalendarDate(microseconds: opening.submittedAt).day, first)
    let key = Key(
      specification: opening.specification, source: opening.source, period: opening.period, day: day)
    if let rules = found[key] { return rules }
    guard reasonToRefuse(opening) == nil, let specification = specifications[opening.specification],
      let source = specification.sources[opening.source], let period = Period(opening.period)
    else { return nil }
    let rules = ExtractRules(
      source: source,
      exclusions: exclusions.rules(for: specification.exclusionPurpose, on: CalendarDate(day: day)), period: period,
      monthOnly: monthOnly)
    if found.count > 1_000 { found = [:] }
    found[key] = rules
    return rules
  }

  /// General practices have a practice's code that is not one of the pseudo codes; others have not.
  private static func isOrganisation(_ text: String, of source: Source) -> Bool {
    guard let code = try? OrganisationCode(validating: text), !code.isPseudoPractice else { return false }
    return source != .gp || code.kind == .practice
  }
}

extension ExtractStore.Opening {
  fileprivate func describes(_ record: PatientRecord) -> Bool {
    extractID == record.extractID && submittedAt == record.submittedAt && source == record.source
      && organisation == record.organisation && period == record.period && specification == record.specification
  }
}
