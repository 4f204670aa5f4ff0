import Clinical
import Contracts
import Disclosure

/// People of `lower` to the next band's `lower` less one; the last band is open.
public struct Band: Hashable, Sendable {
  public let label: String
  public let lower: Int

  public init(label: String, lower: Int) {
    self.label = label
    self.lower = lower
  }
}

/// A dataset as its YAML file declares it.
public struct DatasetDefinition: Equatable, Sendable {
  public enum ReleaseClass: String, CaseIterable, Sendable {
    case aggregate
    case record
  }

  /// What the period of a cell is.
  public enum Grain: String, CaseIterable, Sendable {
    /// One day, the last of the newest period; of events, all that count together.
    case snapshot
    case month
    case quarter
    case year
  }

  public enum Population: String, CaseIterable, Sendable {
    /// Who is registered with a practice on the reference day.
    case registered
    /// Whoever has a record.
    case known
  }

  public enum Dimension: String, CaseIterable, Sendable {
    /// Practice of registration on the reference day; `unknown` where there is none.
    case practice
    case sex
    case ageBand = "age_band"
    case ethnicCategory = "ethnic_category"
    /// Small area of the postcode, as the attributes have it.
    case area
    /// Integrated care board of the postcode.
    case commissioner
    /// Of an event, whether the cohort of its row held on its day: with, without, or unlinked where the person has no
    /// record of a general practice, which alone could say.
    case gpRecord = "gp_record"
    /// What the split says; the column has its name.
    case split
    /// What the tally says; the column has its name.
    case tally
    /// Month, quarter or year of an event, by the grain.
    case period
    /// Of the linkage subject: what the row is about, its value, and the kind of source.
    case property
    case value
    case source
  }

  /// What a row is about besides its dimensions: a person, or an event, counts in every row that it belongs to.
  public struct Split: Equatable, Sendable {
    public enum Values: Equatable, Sendable {
      case cohorts([Cohort])
      case diagnoses([DiagnosisGroup])
      case codes([CodedGroup])
    }

    public struct CodedGroup: Equatable, Sendable {
      public let name: String
      public let codes: CodeSet
    }

    public let column: String
    public let text: String
    public let values: Values

    public var names: [String] {
      switch values {
      case .cohorts(let cohorts): cohorts.map(\.name)
      case .diagnoses(let groups): groups.map(\.name)
      case .codes(let groups): groups.map(\.name)
      }
    }
  }

  /// A dimension that counts in how many of these cohorts a person is.
  public struct Tally: Equatable, Sendable {
    public let column: String
    public let text: String
    public let cohorts: [Cohort]
    public let bands: [Band]
  }

  public struct Column: Equatable, Sendable {
    public enum Value: Equatable, Sendable {
      case count(CountKind)
      /// Columns by their names.
      case rate(of: String, by: String, per: Int)
      case standardised(of: String, by: String, per: Int)
    }

    public let name: String
    public let text: String
    public let value: Value
  }

  /// Of practices, then of what lies above them.
  public enum Level: String, CaseIterable, Sendable {
    case practice
    case subICB = "sub_icb"
    case icb
  }

  public enum Subject: Equatable, Sendable {
    case people
    case events(EventSelection)
    /// Records by one property after the other: who is linked less often is counted less often everywhere else.
    case linkage

    var isOfEvents: Bool { if case .events = self { true } else { false } }
  }

  public let name: String
  public let title: String
  public let purpose: String
  public let recipients: [String]
  public let legalBasis: String
  public let releaseClass: ReleaseClass
  /// Purpose whose exclusion lists of sensitive codes apply.
  public let exclusionPurpose: String
  /// Rank of the least sure link that counts: a record that is its person's by a less sure one counts as somebody else's,
  /// of whom nothing more is known. Nil: every link counts.
  public var minimumRank: Int?
  public let grain: Grain
  /// Events of so many months up to the newest period count; nil: of all months.
  public let months: Int?
  public let population: Population
  public let dimensions: [Dimension]
  public let ageBands: [Band]
  public let split: Split?
  public let tally: Tally?
  public let subject: Subject
  public let columns: [Column]
  /// Practices alone, or also sums over their published counts; empty: no dimension is a practice, or only that.
  public let levels: [Level]
  /// Dimensions with rows `all`, the sums of the published counts.
  public let totals: [Dimension]
  public let rule: DisclosureRule
  /// SHA-256 over everything that the definition says, what it refers to included.
  public internal(set) var digest: [UInt8]

  /// The counts it shows, in order.
  public var counts: [CountKind] {
    columns.compactMap { if case .count(let kind) = $0.value { kind } else { nil } }
  }
}

/// Which events count.
public struct EventSelection: Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    /// Hospital spells, by admission method (HES ADMIMETH, ``PersonHistory/packed(_:)``); nil: any.
    case spells(methods: Set<UInt64>?)
    /// Community contacts, by CSDS team type (packed) and attendance status; nil: any.
    case contacts(teams: Set<UInt64>?, attendances: Set<Int32>?)
    /// Entries of general practices with the codes of the row.
    case entries
  }

  public enum Day: String, CaseIterable, Sendable {
    /// Of admission, contact or entry.
    case start
    /// Of discharge; spells without one do not count.
    case discharge
  }

  /// What must come after, and within how many days.
  public struct Following: Equatable, Sendable {
    public let kind: Kind
    public let days: Int
  }

  public let kind: Kind
  /// Only spells of one of these; empty: of any.
  public let diagnoses: [DiagnosisGroup]
  public let day: Day
  public let following: Following?
}
