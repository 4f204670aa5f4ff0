import Clinical
import Contracts

/// A group of people by what is known of them.
public struct Cohort: Hashable, Sendable {
  public let name: String
  public let title: String
  public let rule: CohortRule

  public init(name: String, title: String, rule: CohortRule) {
    self.name = name
    self.title = title
    self.rule = rule
  }
}

public indirect enum CohortRule: Hashable, Sendable {
  case recorded(Recording)
  /// In at least so many of these, and in none of those.
  case combined(atLeast: Int, of: [Cohort], noneOf: [Cohort])
  case missing(PersonAttribute)
  /// Has a record of this kind of source.
  case seen(Source)
  case implausible(ImplausibleHistory)
}

/// What a person has by codes of their records.
public struct Recording: Hashable, Sendable {
  public enum Time: Hashable, Sendable {
    /// By the day that is asked about. What has no date counts as long ago.
    case ever
    /// By that day, unless it was recorded as resolved since, or the same day (the registers of QOF).
    case latestUnlessResolved
    /// Within so many months up to that day. What has no date does not count.
    case last(months: Int)
  }

  public let sources: Set<Source>
  public let codes: CodeSet
  /// Empty unless the time is ``Time/latestUnlessResolved``.
  public let resolved: CodeSet
  public let time: Time

  public init(sources: Set<Source>, codes: CodeSet, resolved: CodeSet = CodeSet(), time: Time) {
    self.sources = sources
    self.codes = codes
    self.resolved = resolved
    self.time = time
  }
}

/// What is known of a person besides codes.
public enum PersonAttribute: String, CaseIterable, Sendable {
  case yearOfBirth = "year_of_birth"
  case sex
  case ethnicCategory = "ethnic_category"
  case area
}

/// A kind of hospital spell by its diagnoses and procedures.
public struct DiagnosisGroup: Hashable, Sendable {
  /// All that it names must be met.
  public struct Condition: Hashable, Sendable {
    /// First diagnosis of the spell's first episode; nil: any.
    public let primary: CodeSet?
    /// Another diagnosis of that episode; nil: any or none.
    public let secondary: CodeSet?
    /// The first or another.
    public let anywhere: CodeSet?

    public init(primary: CodeSet?, secondary: CodeSet?, anywhere: CodeSet?) {
      self.primary = primary
      self.secondary = secondary
      self.anywhere = anywhere
    }
  }

  public let name: String
  public let title: String
  /// One of them must hold.
  public let conditions: [Condition]
  /// Spells with one of these procedures do not belong.
  public let withoutProcedures: CodeSet

  public init(name: String, title: String, conditions: [Condition], withoutProcedures: CodeSet = CodeSet()) {
    self.name = name
    self.title = title
    self.conditions = conditions
    self.withoutProcedures = withoutProcedures
  }
}
