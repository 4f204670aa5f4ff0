import Clinical
import Linking
import Yams

extension DatasetDefinition {
  /// Reads a definition from the bytes of its YAML file.
  ///
  /// - Throws: ``DefinitionFaults`` with all of them at once.
  init(name: String, yaml source: [UInt8]) throws(DefinitionFaults) {
    var parser = DefinitionParser()
    guard let definition = parser.parse(name: name, source) else {
      throw DefinitionFaults(name: name, faults: parser.faults)
    }
    self = definition
  }
}

/// Goes through the whole document and collects what is wrong.
private struct DefinitionParser {
  var faults: [String] = []

  private static let systems: [(key: String, system: ClinicalCode.System)] = [
    ("read2", .read2), ("ctv3", .ctv3), ("snomed", .snomed),
  ]
  private static let keys = [
    "title", "purpose", "recipients", "legal_basis", "measure", "conditions", "age_bands", "admission_methods",
    "disclosure", "exclusions", "minimum_rank",
  ]

  mutating func parse(name: String, _ source: [UInt8]) -> DatasetDefinition? {
    guard let text = String(validating: source, as: UTF8.self) else { return fault("the file is not UTF-8") }
    let document: Node
    do {
      guard let node = try Yams.compose(yaml: text) else { return fault("the file is empty") }
      document = node
    } catch {
      return fault("no YAML: \(error)")
    }
    guard let root = mapping(document, "the document") else { return nil }
    for key in root.keys where !Self.keys.contains(key) {
      faults.append("'\(key)' is not known; known are \(Self.keys.joined(separator: ", "))")
    }
    let title = scalar(root, "title")
    let purpose = scalar(root, "purpose")
    let recipients = scalars(root, "recipients")
    let legalBasis = scalar(root, "legal_basis")
    let measure = declaredMeasure(root)
    let minimumRank = declaredMinimumRank(root, measure)
    let conditions = declaredConditions(root, measure)
    let ageBands = declaredAgeBands(root, measure)
    let admissionMethods = declaredAdmissionMethods(root, measure)
    let disclosure = declaredDisclosure(root)
    let exclusions = scalar(root, "exclusions")
    guard faults.isEmpty, let title, let purpose, let legalBasis, let measure, let disclosure, let exclusions else {
      return nil
    }
    return DatasetDefinition(
      name: name, title: title, purpose: purpose, recipients: recipients, legalBasis: legalBasis, measure: measure,
      exclusionPurpose: exclusions, minimumRank: minimumRank,
      conditions: conditions.sorted { $0.name < $1.name }, ageBands: ageBands, admissionMethods: admissionMethods,
      disclosure: disclosure, source: source)
  }

  // MARK: - Parts

  private mutating func declaredMeasure(_ root: [String: Node]) -> Measure? {
    guard let text = scalar(root, "measure") else { return nil }
    guard let measure = Measure(rawValue: text) else {
      return fault("measure: '\(text)' is none of \(Measure.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return measure
  }

  private mutating func declaredDisclosure(_ root: [String: Node]) -> DisclosureControl? {
    guard let text = scalar(root, "disclosure") else { return nil }
    guard text == "hes" else { return fault("disclosure: '\(text)' is not known; the one rule is hes") }
    return .hes
  }

  private mutating func declaredMinimumRank(_ root: [String: Node], _ measure: Measure?) -> Int? {
    guard let node = root["minimum_rank"] else { return nil }
    if measure == .linkageQuality { return fault("minimum_rank does not belong to measure linkage-quality") }
    let ranks = 1...LinkPass.allCases.count
    guard let text = node.scalar?.string, let rank = Int(text), ranks.contains(rank) else {
      return fault("minimum_rank is no number from \(ranks.lowerBound), the surest link, to \(ranks.upperBound)")
    }
    return rank
  }

  private mutating func declaredConditions(_ root: [String: Node], _ measure: Measure?) -> [Condition] {
    guard measure != .linkageQuality else {
      if root["conditions"] != nil { faults.append("conditions does not belong to measure linkage-quality") }
      return []
    }
    guard let node = required(root, "conditions"), let conditions = mapping(node, "conditions") else { return [] }
    if conditions.isEmpty { faults.append("conditions: none is declared") }
    return conditions.sorted { $0.key < $1.key }.compactMap { name, node in
      let path = "conditions.\(name)"
      guard let systems = mapping(node, path) else { return nil }
      for key in systems.keys.sorted() where !Self.systems.contains(where: { $0.key == key }) {
        faults.append("\(path): '\(key)' is no code system; use \(Self.systems.map(\.key).joined(separator: ", "))")
      }
      var codes: [ClinicalCode] = []
      for (key, system) in Self.systems {
        for text in systems[key].map({ list($0, "\(path).\(key)") }) ?? [] {
          do throws(ClinicalCode.Fault) {
            codes.append(try ClinicalCode(system: system, normalising: text))
          } catch {
            faults.append("\(path).\(key): '\(text)' is no \(key) code (\(error.rawValue))")
          }
        }
      }
      if Set(codes).count < codes.count { faults.append("\(path): a code stands there twice") }
      if codes.isEmpty, systems.keys.allSatisfy({ key in Self.systems.contains { $0.key == key } }) {
        faults.append("\(path): no code")
      }
      return Condition(name: name, codes: codes)
    }
  }

  private mutating func declaredAgeBands(_ root: [String: Node], _ measure: Measure?) -> [AgeBand] {
    guard belongs("age_bands", to: .conditionPrevalence, root, measure), let node = required(root, "age_bands") else {
      return []
    }
    var bands: [AgeBand] = []
    var next: Int? = 0
    for label in list(node, "age_bands") {
      let isOpen = label.hasSuffix("+")
      let bounds = isOpen ? [label.dropLast()] : label.split(separator: "-", omittingEmptySubsequences: false)
      let numbers = bounds.compactMap { Int($0) }
      guard numbers.count == bounds.count, numbers.count == (isOpen ? 1 : 2), numbers[0] <= numbers.last!
      else {
        faults.append("age_bands: '\(label)' is neither like 18-39 nor like 80+")
        return []
      }
      if numbers[0] != next {
        faults.append("age_bands: '\(label)' does not begin where the band before it ends")
      }
      next = numbers.count == 2 ? numbers[1] + 1 : nil
      bands.append(AgeBand(label: label, lower: numbers[0]))
    }
    if next != nil { faults.append("age_bands: the last band is not open; end with one like 80+") }
    return bands
  }

  private mutating func declaredAdmissionMethods(_ root: [String: Node], _ measure: Measure?) -> [String] {
    guard belongs("admission_methods", to: .emergencyAdmissions, root, measure),
      let node = required(root, "admission_methods")
    else { return [] }
    let methods = list(node, "admission_methods")
    if methods.isEmpty { faults.append("admission_methods: none is declared") }
    for text in methods {
      guard let method = try? AdmissionMethod(validating: text), method.text == text else {
        faults.append("admission_methods: '\(text)' is no ADMIMETH code")
        continue
      }
    }
    return methods
  }

  /// Whether the key is to be read; names it where it stands and does not belong.
  private mutating func belongs(_ key: String, to owner: Measure, _ root: [String: Node], _ measure: Measure?) -> Bool {
    guard let measure else { return false }
    if measure != owner, root[key] != nil {
      faults.append("\(key) does not belong to measure \(measure.rawValue)")
    }
    return measure == owner
  }

  // MARK: - Nodes

  private mutating func required(_ root: [String: Node], _ key: String) -> Node? {
    guard let node = root[key] else { return fault("\(key) is missing") }
    return node
  }

  private mutating func scalar(_ root: [String: Node], _ key: String) -> String? {
    guard let node = required(root, key) else { return nil }
    guard let text = node.scalar?.string, !text.isEmpty else { return fault("\(key) is not a text") }
    return text
  }

  private mutating func scalars(_ root: [String: Node], _ key: String) -> [String] {
    guard let node = required(root, key) else { return [] }
    let texts = list(node, key)
    if texts.isEmpty { faults.append("\(key): none is declared") }
    return texts
  }

  /// Scalars as they are written: a SNOMED CT identifier is no number here.
  private mutating func list(_ node: Node, _ path: String) -> [String] {
    guard let sequence = node.sequence else { return fault("\(path) is not a list") ?? [] }
    return sequence.compactMap { $0.scalar?.string ?? fault("\(path) holds something that is not a text") }
  }

  private mutating func mapping(_ node: Node, _ path: String) -> [String: Node]? {
    guard let mapping = node.mapping else { return fault("\(path) is not a mapping") }
    var entries: [String: Node] = [:]
    for (key, value) in mapping {
      guard let name = key.scalar?.string else { return fault("\(path) has a key that is not a text") }
      if entries.updateValue(value, forKey: name) != nil { faults.append("\(path): '\(name)' stands there twice") }
    }
    return entries
  }

  private mutating func fault<T>(_ text: String) -> T? {
    faults.append(text)
    return nil
  }
}
