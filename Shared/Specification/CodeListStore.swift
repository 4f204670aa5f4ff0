import Clinical
import Foundation
import Yams

/// Where a list of codes comes from, as declared under `lists:`.
struct CodeListSource: Hashable {
  enum Content: Hashable {
    case csv(system: ClinicalCode.System?, column: String?)
    case referenceSet(String)
  }

  /// Below the folder of the specification, unless it begins with a slash.
  let file: String
  let content: Content
}

/// The code lists of a folder, each read once however often it is declared.
package final class CodeListStore {
  package let directory: String
  package private(set) var faults: [SpecificationFault] = []
  private(set) var terms: [ClinicalCode: String] = [:]
  private var bytes: [String: [UInt8]] = [:]
  private var lists: [CodeListSource: CodeListFile?] = [:]

  package init(directory: String) { self.directory = directory }

  package func path(_ file: String) -> String { file.hasPrefix("/") ? file : "\(directory)/\(file)" }

  /// Nil when the file cannot be read.
  package func content(_ file: String) -> [UInt8]? {
    if let known = bytes[file] { return known }
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path(file))) else { return nil }
    bytes[file] = [UInt8](data)
    return bytes[file]
  }

  /// Nil when there is something wrong in it, which is among the faults then.
  func list(_ source: CodeListSource, _ content: [UInt8]) -> CodeListFile? {
    if let known = lists[source] { return known }
    var list: CodeListFile?
    do throws(SpecificationFaults) {
      let read =
        switch source.content {
        case .csv(let system, let column):
          try CodeListFile.csv(content, file: path(source.file), system: system, column: column)
        case .referenceSet(let id): try CodeListFile.referenceSet(id, content, file: path(source.file))
        }
      terms.merge(read.terms) { first, _ in first }
      list = read
    } catch {
      faults += error.faults
    }
    lists[source] = .some(list)
    return list
  }
}

extension YAMLReader {
  /// What `lists:` declares: `{file: …, system: …, column: …}` for CSV, `{rf2: …, refset: …}` for a release file.
  package mutating func lists(
    _ fields: Fields, _ store: CodeListStore, files: inout Set<String>
  ) -> CodeSet? {
    guard let nodes = nodes(fields, "lists") else { return nil }
    var sets: [CodeSet] = []
    for node in nodes {
      guard let source = listSource(node, fields.path("lists")) else { continue }
      guard let content = store.content(source.file) else {
        fault(node, "\(source.file) cannot be read", hint: "files are looked for below \(store.directory)")
        continue
      }
      files.insert(source.file)
      if let list = store.list(source, content) { sets.append(list.codes) }
    }
    return sets.count == nodes.count ? CodeSet(union: sets) : nil
  }

  private mutating func listSource(_ node: Node, _ path: String) -> CodeListSource? {
    guard let fields = fields(node, path, keys: ["file", "system", "column", "rf2", "refset"]) else { return nil }
    if fields["rf2"] != nil {
      for key in ["file", "system", "column"] where fields[key] != nil {
        fault(node, "\(path): '\(key)' does not belong to an rf2 file")
      }
      guard let file = text(fields, "rf2"), let set = text(fields, "refset") else { return nil }
      return CodeListSource(file: file, content: .referenceSet(set))
    }
    if fields["refset"] != nil { fault(node, "\(path): 'refset' does not belong to a CSV file", hint: "use rf2:") }
    guard let file = text(fields, "file") else { return nil }
    var system: ClinicalCode.System?
    if let named = fields["system"] {
      system = choice(named, fields.path("system"), known: [ClinicalCode.System.names]) {
        ClinicalCode.System(name: $0)
      }
      if system == nil { return nil }
    }
    let column = fields["column"].flatMap { text($0, fields.path("column")) }
    return CodeListSource(file: file, content: .csv(system: system, column: column))
  }

  /// Names stand in messages, file names and metrics.
  package mutating func checkName(_ name: String, _ line: Int?, _ path: String) {
    let isName = name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-" || $0 == "_") }
    if name.isEmpty || !isName {
      add(
        SpecificationFault(
          file: file, line: line, "\(path): '\(name)' is no name",
          hint: "names have lower-case letters, digits, - and _"))
    }
  }
}
