import Clinical
import Contracts

/// One version of what is collected: sources, fields, codes, how far back, what is left out, and when it is due.
///
/// Versions are data (`VERSION.yaml` with its code lists), so that everybody can read what is taken and what a new
/// version changes.
public struct ExtractSpecification: Sendable {
  /// 1 to 4 letters or digits; stands in every record header and receipt.
  public let version: String
  public let title: String
  /// The first period it may be used for.
  public let effectiveFrom: Period
  public let schedule: Schedule
  public let sources: [Source: SourceSpecification]
  /// Purpose whose exclusion lists apply at collection.
  public let exclusionPurpose: String
  /// SHA-256 over the file and its code lists, hexadecimal.
  public let digest: String

  public init(
    version: String, title: String, effectiveFrom: Period, schedule: Schedule,
    sources: [Source: SourceSpecification], exclusionPurpose: String, digest: String
  ) {
    self.version = version
    self.title = title
    self.effectiveFrom = effectiveFrom
    self.schedule = schedule
    self.sources = sources
    self.exclusionPurpose = exclusionPurpose
    self.digest = digest
  }

  /// An extract covers a calendar month and is due by a day of the month after it.
  public struct Schedule: Hashable, Sendable {
    public let dueByDay: Int

    public init(dueByDay: Int) { self.dueByDay = dueByDay }
  }
}

/// What one kind of organisation sends.
public struct SourceSpecification: Sendable {
  public enum Coverage: String, CaseIterable, Sendable {
    /// The newest period's record tells registration and demographics.
    case snapshot
    /// Entries of all periods add.
    case increment
  }

  /// Of a patient's record, beside the patient reference, which is always mandatory.
  public enum Field: String, CaseIterable, Sendable {
    case nhsNumber = "nhs_number"
    case dateOfBirth = "date_of_birth"
    case sex
    case postcode
    case ethnicCategory = "ethnic_category"
    case practice
    case registeredFrom = "registered_from"
    case registeredTo = "registered_to"
  }

  /// As in the Community Services Data Set.
  public enum Severity: String, CaseIterable, Sendable {
    /// Missing or unusable: the record is rejected.
    case mandatory
    /// Missing or unusable: the record is accepted, the fault counted.
    case required
    /// Missing is no fault; unusable is counted.
    case optional
  }

  public enum LookBack: Hashable, Sendable {
    case since(CalendarDate)
    /// Before the first day of the extract's period.
    case months(Int)

    /// The first day that an entry of an extract for `period` may have.
    public func earliest(_ period: Period) -> CalendarDate {
      switch self {
      case .since(let date): date
      case .months(let months): period.advanced(by: -months).first
      }
    }
  }

  public let coverage: Set<Coverage>
  /// A field that is not there is not collected: a value sent in it is left out and counted.
  public let fields: [Field: Severity]
  /// Mandatory: an entry without a date is dropped. Required: kept and counted.
  public let entryDate: Severity
  public let lookBack: LookBack
  public let codes: CollectedCodes

  public init(
    coverage: Set<Coverage>, fields: [Field: Severity], entryDate: Severity, lookBack: LookBack, codes: CollectedCodes
  ) {
    self.coverage = coverage
    self.fields = fields
    self.entryDate = entryDate
    self.lookBack = lookBack
    self.codes = codes
  }
}

/// Which codes of a source are taken: whole code systems, and the reference sets by name.
public struct CollectedCodes: Sendable {
  /// Every valid code of these is taken.
  public let systems: Set<CodeSystem>
  public let referenceSets: [String: CodeSet]
  private let union: CodeSet

  public init(systems: Set<CodeSystem>, referenceSets: [String: CodeSet]) {
    self.systems = systems
    self.referenceSets = referenceSets
    union = CodeSet(union: referenceSets.values)
  }

  public func contains(_ code: ClinicalCode) -> Bool {
    if !systems.isEmpty, let system = CodeSystem(rawValue: code.system.rawValue), systems.contains(system) {
      return true
    }
    return union.contains(code)
  }
}
