import Clinical

/// What a dataset counts; each has its query.
enum Measure: String, CaseIterable, Sendable {
  case conditionPrevalence = "condition-prevalence"
  case emergencyAdmissions = "emergency-admissions"
  case linkageQuality = "linkage-quality"
}

/// People of `lower` to the next band's `lower` less one year.
struct AgeBand: Equatable, Sendable {
  let label: String
  let lower: Int
}

/// A condition by the codes that record it.
struct Condition: Equatable, Sendable {
  let name: String
  let codes: [ClinicalCode]
}

/// A dataset as its YAML file declares it.
struct DatasetDefinition: Equatable, Sendable {
  let name: String
  let title: String
  let purpose: String
  let recipients: [String]
  let legalBasis: String
  let measure: Measure
  /// Purpose whose exclusion lists of sensitive codes apply.
  let exclusionPurpose: String
  /// Rank of the least sure link that counts: a record that is its person's by a less sure one counts as somebody else's,
  /// of whom nothing more is known. Nil: every link counts.
  let minimumRank: Int?
  /// In order of name; none unless the measure has conditions.
  let conditions: [Condition]
  /// From 0 without gap, the last one open; empty unless the measure has ages.
  let ageBands: [AgeBand]
  /// HES ADMIMETH codes that count as emergencies; empty unless the measure has admissions.
  let admissionMethods: [String]
  let disclosure: DisclosureControl
  /// The file's own bytes, part of every release id.
  let source: [UInt8]
}

/// Everything wrong with a definition, in order of appearance.
struct DefinitionFaults: Error, Equatable, CustomStringConvertible {
  let name: String
  let faults: [String]

  var description: String {
    "the definition of dataset '\(name)' cannot be used:\n" + faults.map { "  - \($0)" }.joined(separator: "\n")
  }
}
