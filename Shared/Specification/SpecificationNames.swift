import Clinical
import Contracts

extension ClinicalCode.System {
  /// By its name in code lists and specifications: read2, ctv3, snomed, icd10, opcs4; dmd, whose codes are SNOMED CT
  /// identifiers, stands for snomed.
  public init?(name: some StringProtocol) {
    if name == "dmd" {
      self = .snomed
    } else if let system = Self.allCases.first(where: { $0.name == name }) {
      self = system
    } else {
      return nil
    }
  }

  public var name: String { "\(self)" }

  static let names = "read2, ctv3, snomed, dmd, icd10, opcs4"
}

extension CodeSystem {
  /// By its name in specifications; the clinical ones are called as `ClinicalCode.System` calls them.
  public init?(name: String) {
    guard let system = Self.named.first(where: { $0.name == name })?.system else { return nil }
    self = system
  }

  public var name: String { Self.named.first { $0.system == self }?.name ?? "unknown" }

  static let named: [(name: String, system: CodeSystem)] =
    ClinicalCode.System.allCases.compactMap { own in CodeSystem(rawValue: own.rawValue).map { (own.name, $0) } }
    + [
      ("admission_method", .admissionMethod), ("community_team", .communityTeam),
      ("discharge_method", .dischargeMethod),
    ]
}

extension Source {
  /// By its name in specifications.
  public init?(name: String) {
    guard let source = Self.named.first(where: { $0.name == name })?.source else { return nil }
    self = source
  }

  public var name: String { Self.named.first { $0.source == self }?.name ?? "unknown" }

  /// In the order in which they are shown.
  static let named: [(name: String, source: Source)] = [
    ("gp", .gp), ("hospital", .hospital), ("community", .community),
  ]

  public static let specified = named.map(\.source)
}
