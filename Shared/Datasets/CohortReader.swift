import Clinical
import Contracts
import Specification
import Yams

/// Reads the cohorts that definitions share; goes through the whole file and collects what is wrong.
///
/// A cohort has a title and one of: `lists` (codes, with `sources`, `when` and `resolved`), `all_of`, `any_of`,
/// `at_least` with `of`, each with `none_of`, `missing`, `seen_in`, `implausible`.
struct CohortReader {
  private typealias Fields = YAMLReader.Fields

  private(set) var yaml: YAMLReader
  private(set) var cohorts: [String: Cohort] = [:]
  private let store: CodeListStore
  private var files: Set<String> = []
  private var declared: [String: Node] = [:]
  var broken: Set<String> { Set(declared.keys).subtracting(cohorts.keys) }
  /// Cohorts that are being read: one of them again is a circle.
  private var open: [String] = []

  init(file: String, store: CodeListStore) {
    yaml = YAMLReader(file: file)
    self.store = store
  }

  mutating func read(_ source: [UInt8]) {
    guard let root = yaml.root(source, keys: ["cohorts"]), let fields = yaml.fields(root, "cohorts") else { return }
    for (name, line, node) in fields.entries {
      yaml.checkName(name, line, fields.path(name))
      declared[name] = node
    }
    for (name, _, node) in fields.entries { _ = cohort(name, from: node) }
  }

  private mutating func cohort(_ name: String, from node: Node?) -> Cohort? {
    if let known = cohorts[name] { return known }
    guard let own = declared[name] else {
      return yaml.fault(
        node, "there is no cohort '\(name)'", hint: "there are \(declared.keys.sorted().joined(separator: ", "))")
    }
    guard !open.contains(name) else {
      return yaml.fault(node, "cohort '\(name)' is made of itself: \((open + [name]).joined(separator: ", "))")
    }
    open.append(name)
    defer { open.removeLast() }
    guard let fields = yaml.fields(own, "cohorts.\(name)", keys: ["title"] + Self.kinds.flatMap(\.keys)),
      let title = yaml.text(fields, "title"), let rule = rule(fields, own)
    else { return nil }
    let cohort = Cohort(name: name, title: title, rule: rule)
    cohorts[name] = cohort
    return cohort
  }

  /// The key that tells the kind, with all that may stand beside it.
  private static let kinds: [(key: String, keys: [String])] = [
    ("lists", ["lists", "sources", "when", "resolved"]), ("all_of", ["all_of", "none_of"]),
    ("any_of", ["any_of", "none_of"]), ("at_least", ["at_least", "of", "none_of"]), ("missing", ["missing"]),
    ("seen_in", ["seen_in"]), ("implausible", ["implausible"]),
  ]

  private mutating func rule(_ fields: Fields, _ node: Node) -> CohortRule? {
    let found = Self.kinds.filter { fields[$0.key] != nil }
    guard found.count == 1, let kind = found.first else {
      return yaml.fault(
        node, "\(fields.path) says \(found.isEmpty ? "not" : "in several ways") who belongs to it",
        hint: "use one of \(Self.kinds.map(\.key).joined(separator: ", "))")
    }
    for (name, _, node) in fields.entries where name != "title" && !kind.keys.contains(name) {
      yaml.fault(node, "\(fields.path): '\(name)' does not belong to '\(kind.key)'")
    }
    switch kind.key {
    case "lists": return recording(fields)
    case "all_of": return members(fields, "all_of").flatMap { combined(atLeast: $0.count, $0, fields) }
    case "any_of": return members(fields, "any_of").flatMap { combined(atLeast: 1, $0, fields) }
    case "at_least": return counted(fields)
    case "missing":
      return choice(fields, "missing", PersonAttribute.allCases.map(\.rawValue), PersonAttribute.init)
        .map(CohortRule.missing)
    case "seen_in":
      return choice(fields, "seen_in", Source.specified.map(\.name)) { Source(name: $0) }.map(CohortRule.seen)
    default:
      return choice(fields, "implausible", ImplausibleHistory.allCases.map(\.rawValue), ImplausibleHistory.init)
        .map(CohortRule.implausible)
    }
  }

  private mutating func choice<T>(
    _ fields: Fields, _ key: String, _ known: [String], _ parse: (String) -> T?
  ) -> T? {
    yaml.required(fields, key).flatMap { yaml.choice($0, fields.path(key), known: known, parse) }
  }

  private mutating func recording(_ fields: Fields) -> CohortRule? {
    var sources: Set<Source>? = [.gp]
    if fields["sources"] != nil {
      sources = yaml.values(fields, "sources", known: Source.specified.map(\.name)) { Source(name: $0) }
        .map { Set($0.map(\.value)) }
    }
    var time: Recording.Time? = .ever
    if fields["when"] != nil {
      time = choice(fields, "when", ["ever", "latest_unless_resolved", "last_12_months"], Self.time)
    }
    let codes = yaml.lists(fields, store, files: &files)
    var resolved: CodeSet? = CodeSet()
    if let node = fields["resolved"] {
      resolved = yaml.fields(node, fields.path("resolved"), keys: ["lists"]).flatMap {
        yaml.lists($0, store, files: &files)
      }
      if time != .latestUnlessResolved {
        yaml.fault(node, "\(fields.path): 'resolved' belongs to when: latest_unless_resolved")
      }
    } else if time == .latestUnlessResolved {
      yaml.fault(fields["when"], "\(fields.path): 'resolved' is missing")
    }
    guard let sources, let time, let codes, let resolved else { return nil }
    return .recorded(Recording(sources: sources, codes: codes, resolved: resolved, time: time))
  }

  /// `last_N_months` with N from 1 to 120.
  private static func time(_ text: String) -> Recording.Time? {
    switch text {
    case "ever": return .ever
    case "latest_unless_resolved": return .latestUnlessResolved
    default:
      let parts = text.split(separator: "_")
      guard parts.count == 3, parts[0] == "last", parts[2] == "months", let months = Int(parts[1]), 1...120 ~= months
      else { return nil }
      return .last(months: months)
    }
  }

  private mutating func counted(_ fields: Fields) -> CohortRule? {
    guard let of = members(fields, "of"), let node = yaml.required(fields, "at_least"),
      let count = yaml.number(node, fields.path("at_least"), 1...max(1, of.count))
    else { return nil }
    return combined(atLeast: count, of, fields)
  }

  private mutating func combined(atLeast count: Int, _ of: [Cohort], _ fields: Fields) -> CohortRule? {
    let others: [Cohort]? = fields["none_of"] == nil ? [] : members(fields, "none_of")
    return others.map { .combined(atLeast: count, of: of, noneOf: $0) }
  }

  private mutating func members(_ fields: Fields, _ key: String) -> [Cohort]? {
    guard let nodes = yaml.nodes(fields, key) else { return nil }
    var members: [Cohort] = []
    for node in nodes {
      guard let name = yaml.text(node, fields.path(key)) else { continue }
      if let cohort = cohort(name, from: node) { members.append(cohort) }
    }
    return members.count == nodes.count ? members : nil
  }
}

/// Reads the groups of diagnoses; goes through the whole file and collects what is wrong.
struct DiagnosisReader {
  private typealias Fields = YAMLReader.Fields

  private(set) var yaml: YAMLReader
  private(set) var groups: [String: DiagnosisGroup] = [:]
  private(set) var broken: Set<String> = []

  init(file: String) { yaml = YAMLReader(file: file) }

  mutating func read(_ source: [UInt8]) {
    guard let root = yaml.root(source, keys: ["procedures", "diagnoses"]), let fields = yaml.fields(root, "diagnoses")
    else { return }
    var procedures: [String: CodeSet] = [:]
    if root["procedures"] != nil, let lists = yaml.fields(root, "procedures") {
      for (name, line, _) in lists.entries {
        yaml.checkName(name, line, lists.path(name))
        procedures[name] = CodeSet(yaml.codes(lists, name, .opcs4))
      }
    }
    for (name, line, node) in fields.entries {
      yaml.checkName(name, line, fields.path(name))
      groups[name] = group(name, node, fields.path(name), procedures)
      if groups[name] == nil { broken.insert(name) }
    }
  }

  private mutating func group(
    _ name: String, _ node: Node, _ path: String, _ procedures: [String: CodeSet]
  ) -> DiagnosisGroup? {
    guard let fields = yaml.fields(node, path, keys: ["title", "any_of", "without_procedures"]) else { return nil }
    let title = yaml.text(fields, "title")
    var conditions: [DiagnosisGroup.Condition] = []
    for node in yaml.nodes(fields, "any_of") ?? [] {
      let keys = ["primary", "secondary", "anywhere"]
      guard let condition = yaml.fields(node, fields.path("any_of"), keys: keys) else { continue }
      if condition.entries.isEmpty { yaml.fault(node, "\(condition.path): no diagnosis is named") }
      var sets: [CodeSet?] = []
      for key in keys { sets.append(condition[key] == nil ? nil : CodeSet(yaml.codes(condition, key, .icd10))) }
      conditions.append(DiagnosisGroup.Condition(primary: sets[0], secondary: sets[1], anywhere: sets[2]))
    }
    var barred = CodeSet()
    if let node = fields["without_procedures"] {
      let known = procedures.keys.sorted()
      barred = yaml.choice(node, fields.path("without_procedures"), known: known) { procedures[$0] } ?? barred
    }
    guard let title, !conditions.isEmpty else { return nil }
    return DiagnosisGroup(name: name, title: title, conditions: conditions, withoutProcedures: barred)
  }
}
