import Clinical
import Contracts
import Cryptography
import Yams

/// Reads one version of the specification; goes through the whole file and collects what is wrong.
struct SpecificationParser {
  private typealias Fields = YAMLReader.Fields

  private(set) var yaml: YAMLReader
  /// Set → what it is called.
  private(set) var titles: [String: String] = [:]
  private let store: CodeListStore
  private var files: Set<String> = []

  init(file: String, store: CodeListStore) {
    yaml = YAMLReader(file: store.path(file))
    self.store = store
  }

  private static let keys = [
    "version", "title", "effective_from", "schedule", "reference_sets", "sources", "exclusions",
  ]

  /// - Parameter purposes: of the exclusion lists; nil when they could not be read.
  mutating func parse(version name: String, _ source: [UInt8], purposes: Set<String>?) -> ExtractSpecification? {
    guard let root = yaml.root(source, keys: Self.keys) else { return nil }
    let version = declaredVersion(root, name)
    let title = yaml.text(root, "title")
    let effectiveFrom = declaredPeriod(root)
    let schedule = declaredSchedule(root)
    let (sets, names) = declaredSets(root)
    let sources = declaredSources(root, sets, names: names)
    let purpose = declaredPurpose(root, purposes)
    guard yaml.faults.isEmpty, sets.count == names.count, let version, let title, let effectiveFrom, let schedule,
      let purpose
    else { return nil }
    return ExtractSpecification(
      version: version, title: title, effectiveFrom: effectiveFrom, schedule: schedule, sources: sources,
      exclusionPurpose: purpose, digest: store.digest(source, files))
  }

  // MARK: - Parts

  private mutating func declaredVersion(_ root: Fields, _ name: String) -> String? {
    guard let version = yaml.text(root, "version") else { return nil }
    if version != name { yaml.fault(root["version"], "version: '\(version)' is not what the file is called") }
    guard (1...4).contains(version.utf8.count), version.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
    else { return yaml.fault(root["version"], "version: '\(version)' is not 1 to 4 letters or digits") }
    return version
  }

  private mutating func declaredPeriod(_ root: Fields) -> Period? {
    guard let text = yaml.text(root, "effective_from") else { return nil }
    guard let period = Period(text) else {
      return yaml.fault(root["effective_from"], "effective_from: '\(text)' is not a month of the form YYYY-MM")
    }
    return period
  }

  private mutating func declaredSchedule(_ root: Fields) -> ExtractSpecification.Schedule? {
    guard let fields = yaml.fields(root, "schedule", keys: ["due_by_day"]),
      let node = yaml.required(fields, "due_by_day"),
      // Every month has a 28th.
      let day = yaml.number(node, "schedule.due_by_day", 1...28)
    else { return nil }
    return ExtractSpecification.Schedule(dueByDay: day)
  }

  private mutating func declaredPurpose(_ root: Fields, _ purposes: Set<String>?) -> String? {
    guard let purpose = yaml.text(root, "exclusions") else { return nil }
    if let purposes, !purposes.contains(purpose) {
      return yaml.fault(
        root["exclusions"], "exclusions: no list is used for purpose '\(purpose)'",
        hint: "\(SpecificationFolder.exclusionsFile) has lists for \(purposes.sorted().joined(separator: ", "))")
    }
    return purpose
  }

  // MARK: - Reference sets

  private mutating func declaredSets(_ root: Fields) -> (sets: [String: CodeSet], names: [String]) {
    var sets: [String: CodeSet] = [:]
    guard let fields = yaml.fields(root, "reference_sets") else { return (sets, []) }
    for (name, line, node) in fields.entries {
      let path = fields.path(name)
      yaml.checkName(name, line, path)
      guard let set = yaml.fields(node, path, keys: ["title", "lists"]) else { continue }
      titles[name] = yaml.text(set, "title")
      sets[name] = yaml.lists(set, store, files: &files)
    }
    return (sets, fields.entries.map(\.name))
  }

  // MARK: - Sources

  private mutating func declaredSources(
    _ root: Fields, _ sets: [String: CodeSet], names: [String]
  ) -> [Source: SourceSpecification] {
    guard let fields = yaml.fields(root, "sources", keys: Source.named.map(\.name)) else { return [:] }
    if fields.entries.isEmpty { yaml.fault(root["sources"], "sources: none is declared") }
    var sources: [Source: SourceSpecification] = [:]
    var used: Set<String> = []
    for (name, _, node) in fields.entries {
      guard let source = Source(name: name) else { continue }
      sources[source] = declaredSource(node, fields.path(name), sets, names: names, used: &used)
    }
    if let declared = yaml.existing(root, "reference_sets") {
      for (name, line, _) in declared.entries where !used.contains(name) {
        yaml.add(
          SpecificationFault(
            file: yaml.file, line: line, "reference_sets.\(name) is collected from no source",
            hint: "name it under collect: or leave it out"))
      }
    }
    return sources
  }

  private mutating func declaredSource(
    _ node: Node, _ path: String, _ sets: [String: CodeSet], names: [String], used: inout Set<String>
  ) -> SourceSpecification? {
    guard
      let fields = yaml.fields(node, path, keys: ["coverage", "look_back", "fields", "entry_date", "collect"])
    else { return nil }
    let coverage = yaml.values(fields, "coverage", known: SourceSpecification.Coverage.allCases.map(\.rawValue)) {
      SourceSpecification.Coverage(rawValue: $0)
    }
    let lookBack = declaredLookBack(fields)
    let declared = declaredFields(fields)
    let entryDate = yaml.required(fields, "entry_date").flatMap { severity($0, fields.path("entry_date")) }
    let codes = declaredCodes(fields, sets, names: names, used: &used)
    guard let coverage, let lookBack, let declared, let entryDate, let codes else { return nil }
    return SourceSpecification(
      coverage: Set(coverage.map(\.value)), fields: declared, entryDate: entryDate, lookBack: lookBack, codes: codes)
  }

  private mutating func severity(_ node: Node, _ path: String) -> SourceSpecification.Severity? {
    yaml.choice(node, path, known: SourceSpecification.Severity.allCases.map(\.rawValue)) {
      SourceSpecification.Severity(rawValue: $0)
    }
  }

  private mutating func declaredLookBack(_ source: Fields) -> SourceSpecification.LookBack? {
    guard let fields = yaml.fields(source, "look_back", keys: ["since", "months"]) else { return nil }
    guard fields.entries.count == 1, let (name, _, node) = fields.entries.first else {
      return yaml.fault(line: fields.line, "\(fields.path) has one of since and months")
    }
    return name == "since"
      ? yaml.date(node, fields.path(name)).map { .since($0) }
      : yaml.number(node, fields.path(name), 1...1200).map { .months($0) }
  }

  private mutating func declaredFields(
    _ source: Fields
  ) -> [SourceSpecification.Field: SourceSpecification.Severity]? {
    let keys = SourceSpecification.Field.allCases.map(\.rawValue)
    guard let fields = yaml.fields(source, "fields", keys: keys) else { return nil }
    var severities: [SourceSpecification.Field: SourceSpecification.Severity] = [:]
    for (name, _, node) in fields.entries {
      guard let field = SourceSpecification.Field(rawValue: name) else { continue }
      severities[field] = severity(node, fields.path(name))
    }
    return severities
  }

  private mutating func declaredCodes(
    _ source: Fields, _ sets: [String: CodeSet], names: [String], used: inout Set<String>
  ) -> CollectedCodes? {
    guard let fields = yaml.fields(source, "collect", keys: ["sets", "systems"]) else { return nil }
    if fields.entries.isEmpty { return yaml.fault(line: fields.line, "\(fields.path): neither sets nor systems") }
    var systems: Set<CodeSystem> = []
    if fields["systems"] != nil {
      let known = CodeSystem.named.map(\.name)
      let values = yaml.values(fields, "systems", known: known) { CodeSystem(name: $0) } ?? []
      systems = Set(values.map(\.value))
    }
    var collected: [String: CodeSet] = [:]
    if fields["sets"] != nil {
      let values = yaml.values(fields, "sets", known: names) { names.contains($0) ? $0 : nil } ?? []
      for (name, _) in values {
        used.insert(name)
        collected[name] = sets[name]
      }
    }
    return CollectedCodes(systems: systems, referenceSets: collected)
  }
}

extension YAMLReader {
  /// A mapping that has been read already, whose faults are known.
  fileprivate func existing(_ parent: Fields, _ key: String) -> Fields? {
    guard let mapping = parent[key]?.mapping else { return nil }
    return Fields(
      path: key, line: nil,
      entries: mapping.compactMap { key, value in key.scalar.map { ($0.string, key.mark?.line, value) } })
  }
}

extension CodeListStore {
  /// SHA-256 over a file and its code lists, each with its name and length before it.
  func digest(_ source: [UInt8], _ files: Set<String>) -> String {
    let hasher = SHA256Hasher()
    func update(_ name: String, _ bytes: [UInt8]) {
      hasher.update(Array("\(name.utf8.count) \(name) \(bytes.count)\n".utf8))
      hasher.update(bytes)
    }
    update("", source)
    for file in files.sorted() { update(file, content(file) ?? []) }
    return hexadecimal(hasher.finish())
  }
}
