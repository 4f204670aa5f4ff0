import Clinical
import Yams

/// Reads the policy of attributes; goes through the whole file and collects what is wrong.
struct AttributePolicyParser {
  private typealias Fields = YAMLReader.Fields

  private(set) var yaml: YAMLReader

  init(file: String) { yaml = YAMLReader(file: file) }

  /// Nil where anything is wrong.
  mutating func parse(_ source: [UInt8]) -> AttributePolicy? {
    guard let root = yaml.root(source, keys: ["attributes", "year_of_birth", "month_only"]) else { return nil }
    let attributes = yaml.values(root, "attributes", known: AttributePolicy.Attribute.allCases.map(\.rawValue)) {
      AttributePolicy.Attribute(rawValue: $0)
    }
    let limits = yaml.fields(root, "year_of_birth", keys: ["under", "over"])
    let under = limits.flatMap { ageLimit($0, "under") }
    let over = limits.flatMap { ageLimit($0, "over") }
    if let limits, let under, let over, under.age > over.age {
      yaml.fault(limits["under"], "year_of_birth: under \(under.age) and over \(over.age) overlap")
    }
    let monthOnly = declaredMonthOnly(root)
    guard yaml.faults.isEmpty, let attributes, let under, let over, let monthOnly else { return nil }
    return AttributePolicy(
      attributes: Set(attributes.map(\.value)), under: under, over: over, monthOnly: monthOnly)
  }

  private mutating func ageLimit(_ limits: Fields, _ key: String) -> AttributePolicy.AgeLimit? {
    guard let fields = yaml.fields(limits, key, keys: ["age", "year"]) else { return nil }
    let age = yaml.required(fields, "age").flatMap { yaml.number($0, fields.path("age"), 0...120) }
    let year = yaml.required(fields, "year").flatMap { node in
      yaml.choice(node, fields.path("year"), known: AttributePolicy.YearOfBirth.allCases.map(\.rawValue)) {
        AttributePolicy.YearOfBirth(rawValue: $0)
      }
    }
    guard let age, let year else { return nil }
    return AttributePolicy.AgeLimit(age: age, year: year)
  }

  // MARK: - Dates

  private mutating func declaredMonthOnly(_ root: Fields) -> AttributePolicy.MonthOnly? {
    guard let fields = yaml.fields(root, "month_only", keys: ["days_after_birth", "birth_episodes"]) else { return nil }
    let days = yaml.required(fields, "days_after_birth").flatMap {
      yaml.number($0, fields.path("days_after_birth"), 0...366)
    }
    let systems = ClinicalCode.System.allCases.map(\.name)
    guard let episodes = yaml.fields(fields, "birth_episodes", keys: ["admission_methods"] + systems) else {
      return nil
    }
    if episodes.entries.isEmpty {
      yaml.fault(fields["birth_episodes"], "\(episodes.path): nothing tells a birth episode")
    }
    let methods = declaredMethods(episodes)
    let codes = ClinicalCode.System.allCases.flatMap { yaml.codes(episodes, $0.name, $0) }
    guard let days else { return nil }
    return AttributePolicy.MonthOnly(daysAfterBirth: days, admissionMethods: methods, codes: CodeSet(codes))
  }

  private mutating func declaredMethods(_ episodes: Fields) -> Set<AdmissionMethod> {
    guard episodes["admission_methods"] != nil else { return [] }
    let known = ["the codes of HES ADMIMETH, such as \"82\""]
    let methods = yaml.values(episodes, "admission_methods", known: known) { text in
      (try? AdmissionMethod(validating: text)).flatMap { $0.text == text ? $0 : nil }
    }
    return Set(methods?.map(\.value) ?? [])
  }
}
