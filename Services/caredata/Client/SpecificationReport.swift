import Clinical
import Contracts
import Specification

/// One version of what is collected, for people and programs to read.
struct SpecificationReport: Encodable {
  struct Origin: Encodable {
    let name: String
    let coverage: [String]
    let lookBack: String
    let entryDate: String
    let fields: [String: String]
    /// Code systems of which every code is collected.
    let systems: [String]
    let referenceSets: [Codes]
  }

  /// A reference set or an exclusion list.
  struct Codes: Encodable {
    let name: String
    let title: String
    var statutory: Bool?
    let codes: Int
    let bySystem: [String: Int]

    init(_ name: String, _ title: String, _ set: CodeSet, statutory: Bool? = nil) {
      self.name = name
      self.title = title
      self.statutory = statutory
      codes = set.codes.count
      bySystem = Dictionary(set.codes.map { ($0.system.name, 1) }, uniquingKeysWith: +)
    }
  }

  let version: String
  let title: String
  let effectiveFrom: String
  let dueByDay: Int
  let digest: String
  let sources: [Origin]
  let exclusionPurpose: String
  let exclusionsOn: String
  let exclusions: [Codes]

  init(_ specifications: Specifications, _ version: ExtractSpecification, on day: CalendarDate) {
    self.version = version.version
    title = version.title
    effectiveFrom = version.effectiveFrom.text
    dueByDay = version.schedule.dueByDay
    digest = version.digest
    let titles = specifications.titles[version.version] ?? [:]
    sources = Source.specified.compactMap { source in
      version.sources[source].map { Self.origin(source.name, $0, titles) }
    }
    exclusionPurpose = version.exclusionPurpose
    exclusionsOn = day.iso
    exclusions = specifications.exclusions.lists
      .filter { $0.uses.contains { $0.isInForce(for: version.exclusionPurpose, on: day) } }
      .map { Codes($0.name, $0.title, $0.codes, statutory: $0.isStatutory) }
  }

  private static func origin(_ name: String, _ source: SourceSpecification, _ titles: [String: String]) -> Origin {
    Origin(
      name: name, coverage: source.coverage.map(\.rawValue).sorted(by: >), lookBack: source.lookBack.text,
      entryDate: source.entryDate.rawValue,
      fields: Dictionary(source.fields.map { ($0.key.rawValue, $0.value.rawValue) }) { first, _ in first },
      systems: source.codes.systems.sorted { $0.rawValue < $1.rawValue }.map(\.name),
      referenceSets: source.codes.referenceSets.sorted { $0.key < $1.key }.map {
        Codes($0.key, titles[$0.key] ?? "", $0.value)
      })
  }
}

extension SpecificationReport {
  var text: String {
    var parts = [
      """
      version \(version): \(title)

        in force from  \(effectiveFrom)
        due            by day \(dueByDay) of the month after the extract's
        digest         \(digest)
      """
    ]
    parts += sources.map(\.text)
    parts.append("left out for purpose \(exclusionPurpose), as in force on \(exclusionsOn)")
    parts.append(
      exclusions.isEmpty ? "  nothing" : Codes.table(exclusions, "exclusion list", mark: { $0.statutory == true }))
    return parts.joined(separator: "\n\n")
  }
}

extension SpecificationReport.Origin {
  fileprivate var text: String {
    var table = TextTable("field", "severity")
    for field in SourceSpecification.Field.allCases {
      table.row([field.rawValue, fields[field.rawValue] ?? "not collected"])
    }
    table.row(["date of an entry", entryDate])
    var text = """
      \(name)

        coverage   \(coverage.joined(separator: ", "))
        look-back  \(lookBack)

      \(table.render())
      """
    if !systems.isEmpty { text += "\n\n  every code of \(systems.joined(separator: ", "))" }
    if !referenceSets.isEmpty { text += "\n\n" + SpecificationReport.Codes.table(referenceSets, "reference set") }
    return text
  }
}

extension SpecificationReport.Codes {
  /// With a column for each system that one of them has codes of.
  fileprivate static func table(_ lists: [Self], _ heading: String, mark: ((Self) -> Bool)? = nil) -> String {
    let systems = ClinicalCode.System.allCases.map(\.name).filter { name in
      lists.contains { $0.bySystem[name] != nil }
    }
    var table = TextTable(
      columns: [heading, "title"] + (mark == nil ? [] : ["law"]) + systems + ["codes"])
    for list in lists {
      table.row(
        [list.name, list.title] + (mark.map { [$0(list) ? "statutory" : ""] } ?? [])
          + systems.map { "\(list.bySystem[$0] ?? 0)" } + ["\(list.codes)"])
    }
    return table.render()
  }
}

/// What changes between two versions, for people and programs to read.
struct SpecificationDifferenceReport: Encodable {
  struct Change: Encodable {
    let what: String
    let before: String?
    let after: String?
  }

  struct Codes: Encodable {
    let of: String
    let added: [Code]
    let removed: [Code]
  }

  struct Code: Encodable {
    let system: String
    let code: String
    let term: String?
  }

  let before: String
  let after: String
  let changes: [Change]
  let codes: [Codes]

  init(_ specifications: Specifications, from old: ExtractSpecification, to new: ExtractSpecification) {
    before = old.version
    after = new.version
    let difference = SpecificationDifference(from: old, to: new, exclusions: specifications.exclusions)
    changes = difference.changes.map { Change(what: $0.subject, before: $0.before, after: $0.after) }
    func named(_ codes: [ClinicalCode]) -> [Code] {
      codes.map { Code(system: $0.system.name, code: $0.code, term: specifications.terms[$0]) }
    }
    codes = difference.codes.map { Codes(of: $0.subject, added: named($0.added), removed: named($0.removed)) }
  }

  var text: String {
    if changes.isEmpty, codes.isEmpty { return "version \(after) collects what version \(before) collects" }
    var parts: [String] = []
    if !changes.isEmpty {
      var table = TextTable("what", "version \(before)", "version \(after)")
      for change in changes { table.row([change.what, change.before ?? "-", change.after ?? "-"]) }
      parts.append(table.render())
    }
    for list in codes {
      var lines = ["\(list.of): \(list.added.count) added, \(list.removed.count) removed"]
      for (sign, codes) in [("+", list.added), ("-", list.removed)] {
        lines += codes.map { "  \(sign) \($0.system) \($0.code)\($0.term.map { "  \($0)" } ?? "")" }
      }
      parts.append(lines.joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n")
  }
}

/// What `check` says.
enum SpecificationCheck {
  static func text(_ specifications: Specifications) -> String {
    var table = TextTable("version", "in force from", "sources", "reference sets", "codes")
    for version in specifications.inOrder {
      let sets = version.sources.values.map(\.codes.referenceSets).reduce(into: [:]) { all, own in
        all.merge(own) { first, _ in first }
      }
      table.row([
        version.version, version.effectiveFrom.text, "\(version.sources.count)", "\(sets.count)",
        "\(CodeSet(union: sets.values).codes.count)",
      ])
    }
    let lists = specifications.exclusions.lists
    let codes = CodeSet(union: lists.map(\.codes)).codes.count
    return table.render()
      + "\n\n\(lists.count) exclusion lists with \(codes) codes, \(lists.count(where: \.isStatutory)) of them statutory"
      + "\nno fault"
  }

  static func text(_ faults: SpecificationFaults) -> String {
    "\(faults)\n\(faults.faults.count == 1 ? "1 fault" : "\(faults.faults.count) faults")"
  }
}
