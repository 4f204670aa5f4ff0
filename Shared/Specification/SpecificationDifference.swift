import Clinical
import Contracts

/// What changes from one version of the specification to another.
public struct SpecificationDifference: Equatable, Sendable {
  /// Nil before: new; nil after: gone.
  public struct Change: Equatable, Sendable {
    public let subject: String
    public let before: String?
    public let after: String?
  }

  public struct CodeChange: Equatable, Sendable {
    /// "gp diabetes" for a reference set of a source, "exclusion hiv" for an exclusion list.
    public let subject: String
    public let added: [ClinicalCode]
    public let removed: [ClinicalCode]
  }

  public let changes: [Change]
  public let codes: [CodeChange]

  public var isEmpty: Bool { changes.isEmpty && codes.isEmpty }

  /// Exclusion lists are compared as each is in force at the first day of the version.
  public init(from old: ExtractSpecification, to new: ExtractSpecification, exclusions: ExclusionLists) {
    var comparison = Comparison()
    comparison.compare("title", old.title, new.title)
    comparison.compare("effective from", old.effectiveFrom.text, new.effectiveFrom.text)
    comparison.compare("due by day", "\(old.schedule.dueByDay)", "\(new.schedule.dueByDay)")
    comparison.compare("exclusion purpose", old.exclusionPurpose, new.exclusionPurpose)
    for (name, source) in Source.named { comparison.compare(name, old.sources[source], new.sources[source]) }
    comparison.compare(exclusions.inForce(old), exclusions.inForce(new))
    changes = comparison.changes
    codes = comparison.codes
  }
}

extension ExclusionLists {
  /// The lists that apply at collection on the day a version takes effect.
  fileprivate func inForce(_ version: ExtractSpecification) -> [String: List] {
    let day = version.effectiveFrom.first
    let lists = lists.filter { $0.uses.contains { $0.isInForce(for: version.exclusionPurpose, on: day) } }
    return Dictionary(lists.map { ($0.name, $0) }) { first, _ in first }
  }
}

private struct Comparison {
  var changes: [SpecificationDifference.Change] = []
  var codes: [SpecificationDifference.CodeChange] = []

  mutating func compare(_ subject: String, _ before: String?, _ after: String?) {
    if before != after { changes.append(.init(subject: subject, before: before, after: after)) }
  }

  mutating func compare(_ name: String, _ old: SourceSpecification?, _ new: SourceSpecification?) {
    if (old == nil) != (new == nil) { compare(name, old.map { _ in "collected" }, new.map { _ in "collected" }) }
    compare("\(name) coverage", old?.coverageText, new?.coverageText)
    compare("\(name) look-back", old.map { $0.lookBack.text }, new.map { $0.lookBack.text })
    compare("\(name) entry date", old?.entryDate.rawValue, new?.entryDate.rawValue)
    for field in SourceSpecification.Field.allCases {
      compare("\(name) field \(field.rawValue)", old?.fields[field]?.rawValue, new?.fields[field]?.rawValue)
    }
    for (system, value) in CodeSystem.named {
      func whole(_ source: SourceSpecification?) -> String? {
        source?.codes.systems.contains(value) == true ? "collected" : nil
      }
      compare("\(name) system \(system)", whole(old), whole(new))
    }
    let sets = (old?.codes.referenceSets ?? [:], new?.codes.referenceSets ?? [:])
    for set in Set(sets.0.keys).union(sets.1.keys).sorted() {
      if (sets.0[set] == nil) != (sets.1[set] == nil) {
        compare("\(name) set \(set)", sets.0[set].map { _ in "collected" }, sets.1[set].map { _ in "collected" })
      }
      compare("\(name) \(set)", sets.0[set], sets.1[set])
    }
  }

  mutating func compare(_ old: [String: ExclusionLists.List], _ new: [String: ExclusionLists.List]) {
    func text(_ list: ExclusionLists.List?) -> String? {
      list.map { $0.isStatutory ? "in force, statutory" : "in force" }
    }
    for name in Set(old.keys).union(new.keys).sorted() {
      compare("exclusion \(name)", text(old[name]), text(new[name]))
      compare("exclusion \(name)", old[name]?.codes, new[name]?.codes)
    }
  }

  private mutating func compare(_ subject: String, _ old: CodeSet?, _ new: CodeSet?) {
    let (before, after) = (old?.codes ?? [], new?.codes ?? [])
    guard before != after else { return }
    codes.append(
      .init(
        subject: subject, added: after.subtracting(before).inOrder, removed: before.subtracting(after).inOrder))
  }
}

extension Set<ClinicalCode> {
  /// By system, then code.
  public var inOrder: [ClinicalCode] {
    sorted { ($0.system.rawValue, $0.code) < ($1.system.rawValue, $1.code) }
  }
}

extension SourceSpecification {
  public var coverageText: String { coverage.map(\.rawValue).sorted(by: >).joined(separator: ", ") }
}

extension SourceSpecification.LookBack {
  /// "since 1995-01-01", "24 months"
  public var text: String {
    switch self {
    case .since(let date): "since \(date.iso)"
    case .months(let months): months == 1 ? "1 month" : "\(months) months"
    }
  }
}
