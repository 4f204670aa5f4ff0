import Clinical
import Disclosure

/// What the counts of a release are counts of, so that releases can be set beside each other: part of every published
/// `datapackage.json`, for whoever wants to try what can be found out.
///
/// A subject is a text; two figures with the same subject count the same people or events, each at its place.
public struct FigureScheme: Codable, Equatable, Sendable {
  public struct Dimension: Codable, Equatable, Sendable {
    public enum Role: String, Codable, Sendable {
      /// Tells people apart, by the name that stands beside it.
      case place
      /// The same, by ages `18-39`, `80+`.
      case ages
      /// Part of the subject.
      case subject
    }

    public let column: String
    public let role: Role
    /// Under which other releases have the same dimension.
    public let name: String
  }

  public struct Count: Codable, Equatable, Sendable {
    public let column: String
    public let kind: String
  }

  public struct Rule: Codable, Equatable, Sendable {
    public let name: String
    /// Of perturbation: counts below it are left out.
    public let threshold: Int?
    /// Of perturbation: the least and the greatest change.
    public let changes: [Int]?
  }

  /// A count hidden beyond the rule.
  public struct Hidden: Codable, Hashable, Sendable {
    public let labels: [String]
    public let kind: String
  }

  public let rule: Rule
  public let dimensions: [Dimension]
  public let counts: [Count]
  /// Of the people who could be counted.
  public let population: String
  /// Of events; nil where people are counted.
  public let events: String?
  /// Whom or what each value of the split stands for.
  public let split: [String: String]
  /// Column of the split, and of whether the general practice knew.
  public let splitColumn: String?
  public let groupColumn: String?
  /// Whether the rows go through one property after the other.
  public let isByProperty: Bool
  public var hidden: [Hidden] = []
}

extension FigureScheme {
  /// - Parameter day: of reference: other days are other people.
  public init(_ definition: DatasetDefinition, on day: CalendarDate) {
    let base = [
      definition.exclusionPurpose, definition.minimumRank.map { "rank \($0)" } ?? "every link", day.iso,
    ].joined(separator: ", ")
    let population = "people \(definition.population.rawValue), \(base)"
    self.population = population
    rule = Rule(definition.rule)
    counts = definition.columns.compactMap { column in
      if case .count(let kind) = column.value { Count(column: column.name, kind: kind.rawValue) } else { nil }
    }
    dimensions = definition.dimensions.map { Self.dimension($0, definition) }
    var subjects: [String: String] = [:]
    switch definition.split?.values {
    case .cohorts(let cohorts): for cohort in cohorts { subjects[cohort.name] = cohort.canonical }
    case .diagnoses(let groups): for group in groups { subjects[group.name] = group.canonical }
    case .codes(let groups): for group in groups { subjects[group.name] = group.codes.canonical }
    case nil: break
    }
    split = subjects
    splitColumn = definition.split?.column
    groupColumn = definition.dimensions.contains(.gpRecord) ? DatasetDefinition.Dimension.gpRecord.rawValue : nil
    isByProperty = definition.subject == .linkage
    switch definition.subject {
    case .people: events = nil
    case .events(let selection):
      let window = definition.months.map { "\($0) months" } ?? "all months"
      events = "\(selection.canonical), by \(definition.grain.rawValue) of \(window), of \(population)"
    case .linkage: events = "records, \(base)"
    }
  }

  private static func dimension(_ dimension: DatasetDefinition.Dimension, _ definition: DatasetDefinition) -> Dimension
  {
    switch dimension {
    case .practice:
      Dimension(column: definition.levels.isEmpty ? "practice" : "organisation", role: .place, name: "practice")
    case .sex, .ethnicCategory, .area, .commissioner:
      Dimension(column: dimension.rawValue, role: .place, name: dimension.rawValue)
    case .ageBand: Dimension(column: dimension.rawValue, role: .ages, name: "age")
    case .tally:
      Dimension(
        column: definition.tally!.column, role: .place,
        name: "number of \(definition.tally!.cohorts.map(\.canonical).joined(separator: ", "))")
    case .gpRecord: Dimension(column: dimension.rawValue, role: .subject, name: dimension.rawValue)
    case .split: Dimension(column: definition.split!.column, role: .subject, name: definition.split!.column)
    case .period: Dimension(column: definition.grain.rawValue, role: .subject, name: definition.grain.rawValue)
    case .property: Dimension(column: "dimension", role: .subject, name: "dimension")
    case .value: Dimension(column: "value", role: .place, name: "value")
    case .source: Dimension(column: "source", role: .place, name: "source")
    }
  }
}

extension FigureScheme.Rule {
  init(_ rule: DisclosureRule) {
    name = rule.name
    if case .cellKey(let table) = rule {
      (threshold, changes) = (table.threshold, [table.changes.lowerBound, table.changes.upperBound])
    } else {
      (threshold, changes) = (nil, nil)
    }
  }

  /// What may stand behind a published count of people.
  func possible(_ published: PublishedCount) -> ClosedRange<Int> {
    switch name {
    case "midpoint6": DisclosureRule.midpoint6.possible(published)
    case "cell-key":
      PerturbationTable.possible(
        published, threshold: threshold ?? 0, changes: (changes?.first ?? 0)...(changes?.last ?? 0))
    default: DisclosureRule.hes.possible(published)
    }
  }

  var hidesSmallRests: Bool { name == "hes" }
}

extension EventSelection {
  /// The same for the same selection.
  var canonical: String {
    let following = following.map { ", followed by \(Self.text($0.kind)) within \($0.days) days" } ?? ""
    let groups = diagnoses.isEmpty ? "" : " of \(diagnoses.map(\.canonical).sorted().joined(separator: "; "))"
    return "\(Self.text(kind))\(groups) by \(day.rawValue)\(following)"
  }

  private static func text(_ kind: Kind) -> String {
    func list<T: Comparable>(_ set: Set<T>?) -> String { set.map { "\($0.sorted())" } ?? "any" }
    switch kind {
    case .spells(let methods): return "spells \(list(methods))"
    case .contacts(let teams, let attendances): return "contacts \(list(teams)) \(list(attendances))"
    case .entries: return "entries"
    }
  }
}
