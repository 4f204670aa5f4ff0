import Clinical
import Contracts
import Cryptography
import Disclosure
import Specification
import Yams

extension DefinitionReader {
  // MARK: - What is counted

  mutating func subject(_ root: Fields) -> DatasetDefinition.Subject? {
    if let node = root["linkage"] {
      if root["events"] != nil { yaml.fault(node, "linkage and events exclude each other") }
      return yaml.choice(node, "linkage", known: ["by_property"]) { $0 == "by_property" ? .linkage : nil }
    }
    guard root["events"] != nil else { return .people }
    guard let fields = yaml.fields(root, "events", keys: Self.kindKeys + ["diagnoses", "day", "followed_by"]) else {
      return nil
    }
    let kind = eventKind(fields)
    var day: EventSelection.Day? = .start
    if let node = fields["day"] {
      day = yaml.choice(node, fields.path("day"), known: EventSelection.Day.allCases.map(\.rawValue)) {
        EventSelection.Day(rawValue: $0)
      }
      if day == .discharge, let kind, !kind.isSpell {
        yaml.fault(node, "\(fields.path("day")): only spells have a discharge")
      }
    }
    var following: EventSelection.Following?
    if fields["followed_by"] != nil {
      guard let later = yaml.fields(fields, "followed_by", keys: Self.kindKeys + ["within_days"]),
        let node = yaml.required(later, "within_days"),
        let days = yaml.number(node, later.path("within_days"), 0...366), let laterKind = eventKind(later)
      else { return nil }
      if day != .discharge {
        yaml.fault(fields["followed_by"], "\(later.path): days count from discharge", hint: "day: discharge")
      }
      following = EventSelection.Following(kind: laterKind, days: days)
    }
    var diagnoses: [DiagnosisGroup]? = []
    if let node = fields["diagnoses"] {
      diagnoses = named(fields, "diagnoses", library.diagnoses)
      if let kind, !kind.isSpell { yaml.fault(node, "\(fields.path("diagnoses")) belongs to spells") }
    }
    guard let kind, let diagnoses, let day else { return nil }
    return .events(EventSelection(kind: kind, diagnoses: diagnoses, day: day, following: following))
  }

  private static let kindKeys = ["spells", "contacts", "entries"]

  private mutating func eventKind(_ fields: Fields) -> EventSelection.Kind? {
    let found = Self.kindKeys.filter { fields[$0] != nil }
    guard found.count == 1 else {
      return yaml.fault(
        line: fields.line, "\(fields.path): one kind of event is expected",
        hint: "one of \(Self.kindKeys.joined(separator: ", "))")
    }
    switch found[0] {
    case "spells":
      guard let spells = yaml.fields(fields, "spells", keys: ["methods"]) else { return nil }
      if spells["methods"] == nil { return .spells(methods: nil) }
      let methods = yaml.values(spells, "methods", known: ["the codes of HES ADMIMETH, such as \"21\""]) { text in
        (try? AdmissionMethod(validating: text)).flatMap { $0.text == text ? PersonHistory.packed(text.utf8) : nil }
      }
      return methods.map { .spells(methods: Set($0.map(\.value))) }
    case "contacts":
      guard let contacts = yaml.fields(fields, "contacts", keys: ["teams", "attendances"]) else { return nil }
      let isTeam = { (text: String) in 1...8 ~= text.utf8.count ? PersonHistory.packed(text.utf8) : nil }
      let teams =
        contacts["teams"] == nil
        ? .some([]) : yaml.values(contacts, "teams", known: ["CSDS team types, such as \"12\""], isTeam)?.map(\.value)
      let attendances =
        contacts["attendances"] == nil
        ? .some([])
        : yaml.values(contacts, "attendances", known: ["CSDS attendance statuses, such as \"5\""]) { Int32($0) }?
          .map(\.value)
      guard let teams, let attendances else { return nil }
      return .contacts(
        teams: teams.isEmpty ? nil : Set(teams), attendances: attendances.isEmpty ? nil : Set(attendances))
    default:
      return yaml.choice(fields["entries"]!, fields.path("entries"), known: ["gp"]) { $0 == "gp" ? .entries : nil }
    }
  }

  // MARK: - Split and tally

  mutating func split(_ root: Fields, _ subject: DatasetDefinition.Subject?) -> DatasetDefinition.Split? {
    guard root["split"] != nil else {
      if case .events(let events) = subject, events.kind == .entries {
        yaml.fault(root["events"], "events.entries asks for codes", hint: "split: {column: …, codes: {…}}")
      }
      return nil
    }
    guard let fields = yaml.fields(root, "split", keys: ["column", "text", "cohorts", "diagnoses", "codes"]),
      let column = column(fields), let text = yaml.text(fields, "text")
    else { return nil }
    let found = ["cohorts", "diagnoses", "codes"].filter { fields[$0] != nil }
    guard found.count == 1 else {
      return yaml.fault(line: fields.line, "split: one of cohorts, diagnoses and codes is expected")
    }
    let values: DatasetDefinition.Split.Values?
    switch found[0] {
    case "cohorts": values = named(fields, "cohorts", library.cohorts).map { .cohorts($0) }
    case "diagnoses":
      values = named(fields, "diagnoses", library.diagnoses).map { .diagnoses($0) }
      if case .events(let events) = subject, events.kind.isSpell {
      } else {
        yaml.fault(fields["diagnoses"], "split.diagnoses belongs to events of spells")
      }
    default:
      values = codedGroups(fields).map { .codes($0) }
      if case .events(let events) = subject, events.kind == .entries {
      } else {
        yaml.fault(fields["codes"], "split.codes belongs to events of entries")
      }
    }
    return values.map { DatasetDefinition.Split(column: column, text: text, values: $0) }
  }

  mutating func tally(_ root: Fields) -> DatasetDefinition.Tally? {
    guard root["tally"] != nil,
      let fields = yaml.fields(root, "tally", keys: ["column", "text", "cohorts", "bands"]),
      let column = column(fields), let text = yaml.text(fields, "text"),
      let cohorts = named(fields, "cohorts", library.cohorts), let bands = bands(fields, "bands")
    else { return nil }
    return DatasetDefinition.Tally(column: column, text: text, cohorts: cohorts, bands: bands)
  }

  private mutating func column(_ fields: Fields) -> String? {
    guard let node = yaml.required(fields, "column"), let name = yaml.text(node, fields.path("column")) else {
      return nil
    }
    let taken = DatasetDefinition.Dimension.allCases.map(\.rawValue) + DatasetDefinition.Grain.allCases.map(\.rawValue)
    if taken.contains(name) || name == "status" || name == "level" {
      return yaml.fault(node, "\(fields.path("column")): '\(name)' is the name of another column")
    }
    yaml.checkName(name, node.mark?.line, fields.path("column"))
    return name
  }

  private mutating func named<T>(_ fields: Fields, _ key: String, _ known: [String: T]) -> [T]? {
    let broken = library.broken
    let names = yaml.values(fields, key, known: known.keys.sorted()) { name in
      known[name] != nil || broken.contains(name) ? name : nil
    }
    return names?.compactMap { known[$0.value] }
  }

  private mutating func codedGroups(_ fields: Fields) -> [DatasetDefinition.Split.CodedGroup]? {
    guard let groups = yaml.fields(fields, "codes") else { return nil }
    var found: [DatasetDefinition.Split.CodedGroup] = []
    for (name, line, node) in groups.entries {
      yaml.checkName(name, line, groups.path(name))
      guard let group = yaml.fields(node, groups.path(name), keys: ["lists"]),
        let codes = yaml.lists(group, store, files: &files)
      else { continue }
      found.append(DatasetDefinition.Split.CodedGroup(name: name, codes: codes))
    }
    if groups.entries.isEmpty { yaml.fault(line: groups.line, "\(groups.path): none is declared") as Void? }
    return found
  }

  // MARK: - Columns

  mutating func columns(
    _ root: Fields, _ subject: DatasetDefinition.Subject?, hasSplit: Bool
  ) -> [DatasetDefinition.Column]? {
    guard let fields = yaml.fields(root, "columns") else { return nil }
    var columns: [DatasetDefinition.Column] = []
    for (name, line, node) in fields.entries {
      yaml.checkName(name, line, fields.path(name))
      guard
        let column = yaml.fields(
          node, fields.path(name), keys: ["count", "rate", "standardised", "by", "per", "text"]),
        let text = yaml.text(column, "text"), let value = value(column, node, columns, subject, hasSplit: hasSplit)
      else { continue }
      columns.append(DatasetDefinition.Column(name: name, text: text, value: value))
    }
    if columns.allSatisfy({ if case .count = $0.value { false } else { true } }) {
      yaml.fault(line: fields.line, "columns: nothing is counted") as Void?
    }
    return columns
  }

  private mutating func value(
    _ fields: Fields, _ node: Node, _ before: [DatasetDefinition.Column], _ subject: DatasetDefinition.Subject?,
    hasSplit: Bool
  ) -> DatasetDefinition.Column.Value? {
    let found = ["count", "rate", "standardised"].filter { fields[$0] != nil }
    guard found.count == 1 else {
      return yaml.fault(node, "\(fields.path): one of count, rate and standardised is expected")
    }
    if found[0] == "count" {
      let kinds = Self.kinds(subject, hasSplit: hasSplit)
      return yaml.choice(fields["count"]!, fields.path("count"), known: kinds.map(\.rawValue)) { text in
        kinds.first { $0.rawValue == text }
      }.map { .count($0) }
    }
    let counts = before.filter { if case .count = $0.value { true } else { false } }.map(\.name)
    func count(_ key: String) -> String? { fields[key]?.scalar?.string }
    for key in [found[0], "by"] {
      guard let node = yaml.required(fields, key),
        yaml.choice(node, fields.path(key), known: counts, { counts.contains($0) ? $0 : nil }) != nil
      else { return nil }
    }
    guard let per = yaml.required(fields, "per").flatMap({ yaml.number($0, fields.path("per"), 1...1_000_000) }) else {
      return nil
    }
    let (of, by) = (count(found[0])!, count("by")!)
    return found[0] == "rate" ? .rate(of: of, by: by, per: per) : .standardised(of: of, by: by, per: per)
  }

  private static func kinds(_ subject: DatasetDefinition.Subject?, hasSplit: Bool) -> [CountKind] {
    switch subject {
    case .people: hasSplit ? [.population, .members] : [.population]
    case .events(let events):
      [.population] + (hasSplit ? [.members] : []) + [.events, .people]
        + (events.following == nil ? [] : [.followed, .followedPeople])
    case .linkage: [.events, .people, .followed, .followedPeople]
    case nil: CountKind.allCases
    }
  }

  /// A standardised rate stands in the rows of all ages, and is made of the others.
  mutating func checkStandardised(
    _ root: Fields, _ columns: [DatasetDefinition.Column]?, _ dimensions: [DatasetDefinition.Dimension]?,
    _ totals: [DatasetDefinition.Dimension]?, _ bands: [Band]?
  ) {
    guard let columns, columns.contains(where: { if case .standardised = $0.value { true } else { false } }) else {
      return
    }
    if !(totals ?? []).contains(.ageBand) {
      yaml.fault(
        root["columns"], "columns: a standardised rate asks for totals over age_band", hint: "totals: [age_band]")
    }
    if let bands, !bands.isEmpty, StandardPopulation.weights(of: bands) == nil {
      yaml.fault(root["age_bands"], "age_bands: the standard population has groups of five years up to 95")
    }
  }

  // MARK: - Digest

  /// Other codes under the same name, or another table, are another definition.
  func digest(_ source: [UInt8], _ definition: DatasetDefinition) -> [UInt8] {
    var parts = [source]
    for file in files.sorted() { parts.append(store.content(file) ?? []) }
    switch definition.split?.values {
    case .cohorts(let cohorts): parts += cohorts.map { Array($0.canonical.utf8) }
    case .diagnoses(let groups): parts += groups.map { Array($0.canonical.utf8) }
    case .codes(let groups): parts += groups.map { Array($0.codes.canonical.utf8) }
    case nil: break
    }
    if case .events(let events) = definition.subject { parts += events.diagnoses.map { Array($0.canonical.utf8) } }
    parts += definition.tally?.cohorts.map { Array($0.canonical.utf8) } ?? []
    if !definition.levels.isEmpty { parts.append(store.content(DatasetLibrary.organisationsFile) ?? []) }
    return SHA256Digest.hash(parts.flatMap { SHA256Digest.hash($0) })
  }
}

extension EventSelection.Kind {
  var isSpell: Bool { if case .spells = self { true } else { false } }
}

extension CodeSet {
  /// The same for the same codes.
  var canonical: String { codes.map(\.description).sorted().joined(separator: ",") }
}

extension Cohort {
  var canonical: String {
    switch rule {
    case .recorded(let recording):
      let sources = recording.sources.map(\.name).sorted().joined(separator: ",")
      return "recorded(\(sources);\(recording.codes.canonical);\(recording.resolved.canonical);\(recording.time))"
    case .combined(let count, let members, let others):
      return "combined(\(count);\(members.map(\.canonical));\(others.map(\.canonical)))"
    case .missing, .seen, .implausible: return "\(rule)"
    }
  }
}

extension DiagnosisGroup {
  var canonical: String {
    conditions.map {
      "(\($0.primary?.canonical ?? "-");\($0.secondary?.canonical ?? "-");\($0.anywhere?.canonical ?? "-"))"
    }.joined() + withoutProcedures.canonical
  }
}
