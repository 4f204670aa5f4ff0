import Clinical
import Foundation

/// What remains of a person behind pseudonymisation, and which dates carry no day. What it does not name is dropped.
public struct AttributePolicy: Equatable, Sendable {
  public enum Attribute: String, CaseIterable, Sendable {
    case yearOfBirth = "year_of_birth"
    case sex
    case practice
    /// Small area of the postcode.
    case area
    /// Integrated care board of the postcode.
    case commissioner
    case ethnicCategory = "ethnic_category"
  }

  /// What becomes of the year of birth of the youngest and of the oldest.
  public enum YearOfBirth: String, CaseIterable, Sendable {
    case kept
    /// Theirs all is that of the oldest under the age, or of the oldest who are of the age.
    case common
    case dropped
  }

  public struct AgeLimit: Equatable, Sendable {
    /// Full years.
    public let age: Int
    public let year: YearOfBirth

    public init(age: Int, year: YearOfBirth) {
      self.age = age
      self.year = year
    }
  }

  /// Entries whose days would tell the day of a birth.
  public struct MonthOnly: Equatable, Sendable {
    /// Up to so many days after the day of birth.
    public let daysAfterBirth: Int
    /// An encounter with one of these or of `codes` is a birth episode.
    public let admissionMethods: Set<AdmissionMethod>
    public let codes: CodeSet

    public init(daysAfterBirth: Int, admissionMethods: Set<AdmissionMethod>, codes: CodeSet) {
      self.daysAfterBirth = daysAfterBirth
      self.admissionMethods = admissionMethods
      self.codes = codes
    }
  }

  public let attributes: Set<Attribute>
  /// Of those younger than its age.
  public let under: AgeLimit
  /// Of those older than its age.
  public let over: AgeLimit
  public let monthOnly: MonthOnly

  public init(attributes: Set<Attribute>, under: AgeLimit, over: AgeLimit, monthOnly: MonthOnly) {
    self.attributes = attributes
    self.under = under
    self.over = over
    self.monthOnly = monthOnly
  }

  /// - Throws: ``SpecificationFaults`` with all of them at once.
  public static func load(file: String) throws(SpecificationFaults) -> AttributePolicy {
    guard let source = try? Data(contentsOf: URL(fileURLWithPath: file)) else {
      throw SpecificationFaults([SpecificationFault(file: file, line: nil, "cannot be read")])
    }
    var parser = AttributePolicyParser(file: file)
    guard let policy = parser.parse([UInt8](source)) else { throw SpecificationFaults(parser.yaml.faults) }
    return policy
  }
}
