import Clinical
import Yams

/// Reads the exclusion lists; goes through the whole file and collects what is wrong.
struct ExclusionsParser {
  private(set) var yaml: YAMLReader
  private(set) var files: Set<String> = []
  /// Of all uses, those of faulty lists included.
  private(set) var purposes: Set<String> = []
  private let store: CodeListStore

  init(file: String, store: CodeListStore) {
    yaml = YAMLReader(file: store.path(file))
    self.store = store
  }

  /// Nil where the file as a whole is not readable; else the lists that are, with all faults collected.
  mutating func parse(_ source: [UInt8]) -> ExclusionLists? {
    guard let root = yaml.root(source, keys: ["exclusions"]), let fields = yaml.fields(root, "exclusions") else {
      return nil
    }
    if fields.entries.isEmpty { yaml.fault(root["exclusions"], "exclusions: none is declared") }
    var lists: [ExclusionLists.List] = []
    for (name, line, node) in fields.entries {
      let path = fields.path(name)
      yaml.checkName(name, line, path)
      guard let list = yaml.fields(node, path, keys: ["title", "statutory", "lists", "uses"]) else { continue }
      let title = yaml.text(list, "title")
      let isStatutory = yaml.required(list, "statutory").flatMap { node in
        yaml.choice(node, "\(path).statutory", known: ["true", "false"]) { ["true": true, "false": false][$0] }
      }
      let codes = yaml.lists(list, store, files: &files)
      let uses = declaredUses(list)
      guard let title, let isStatutory, let uses else { continue }
      lists.append(
        ExclusionLists.List(
          name: name, title: title, isStatutory: isStatutory, codes: codes ?? CodeSet(), uses: uses))
    }
    return ExclusionLists(lists: lists)
  }

  private mutating func declaredUses(_ list: YAMLReader.Fields) -> [ExclusionLists.Use]? {
    guard let nodes = yaml.nodes(list, "uses") else { return nil }
    let path = list.path("uses")
    var uses: [ExclusionLists.Use] = []
    for node in nodes {
      guard let fields = yaml.fields(node, path, keys: ["purpose", "from", "until"]) else { continue }
      let purpose = yaml.text(fields, "purpose")
      let from = yaml.required(fields, "from").flatMap { yaml.date($0, fields.path("from")) }
      let until = fields["until"].flatMap { yaml.date($0, fields.path("until")) }
      if let purpose { purposes.insert(purpose) }
      guard let purpose, let from else { continue }
      if let until, until <= from {
        yaml.fault(node, "\(path): until \(until.iso) is not after from \(from.iso)")
        continue
      }
      let use = ExclusionLists.Use(purpose: purpose, from: from, until: until)
      if uses.contains(where: { $0.overlaps(use) }) {
        yaml.fault(node, "\(path): another use for '\(purpose)' overlaps the one from \(from.iso)")
      }
      uses.append(use)
    }
    return uses
  }
}

extension ExclusionLists.Use {
  fileprivate func overlaps(_ other: Self) -> Bool {
    purpose == other.purpose && (until.map { other.from < $0 } ?? true) && (other.until.map { from < $0 } ?? true)
  }
}
