import Clinical

/// The sensitive and restricted codes, list by list, each for purposes and from a day on.
public struct ExclusionLists: Sendable {
  public struct List: Sendable {
    public let name: String
    public let title: String
    /// Barred by law (HFE Act, Gender Recognition Act): the whole record loses its identity and is never linked.
    public let isStatutory: Bool
    public let codes: CodeSet
    public let uses: [Use]

    public init(name: String, title: String, isStatutory: Bool, codes: CodeSet, uses: [Use]) {
      self.name = name
      self.title = title
      self.isStatutory = isStatutory
      self.codes = codes
      self.uses = uses
    }
  }

  /// When a list is in force for a purpose.
  public struct Use: Hashable, Sendable {
    public let purpose: String
    public let from: CalendarDate
    /// The first day on which it is no longer in force.
    public let until: CalendarDate?

    public init(purpose: String, from: CalendarDate, until: CalendarDate?) {
      self.purpose = purpose
      self.from = from
      self.until = until
    }

    public func isInForce(for purpose: String, on day: CalendarDate) -> Bool {
      self.purpose == purpose && from <= day && until.map { day < $0 } ?? true
    }
  }

  public let lists: [List]

  public init(lists: [List]) { self.lists = lists }

  public func rules(for purpose: String, on day: CalendarDate) -> ExclusionRules {
    ExclusionRules(lists: lists.filter { $0.uses.contains { $0.isInForce(for: purpose, on: day) } })
  }
}

/// The lists in force for one purpose on one day, as one decision per code.
public struct ExclusionRules: Sendable {
  public enum Verdict: Sendable {
    case excluded
    case statutory
  }

  /// Names of the lists.
  public let names: [String]
  public let excluded: CodeSet
  public let statutory: CodeSet

  public init(lists: [ExclusionLists.List]) {
    names = lists.map(\.name).sorted()
    excluded = CodeSet(union: lists.filter { !$0.isStatutory }.map(\.codes))
    statutory = CodeSet(union: lists.filter(\.isStatutory).map(\.codes))
  }

  public func verdict(_ code: ClinicalCode) -> Verdict? {
    if statutory.contains(code) { return .statutory }
    return excluded.contains(code) ? .excluded : nil
  }
}
