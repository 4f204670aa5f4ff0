import Clinical
import Yams

/// Reads what is expected from the nodes of a YAML file and collects what is found otherwise, with its line.
package struct YAMLReader {
  /// A mapping with the way it is reached.
  package struct Fields {
    package let path: String
    package let line: Int?
    package let entries: [(name: String, line: Int?, node: Node)]

    package subscript(name: String) -> Node? { entries.first { $0.name == name }?.node }

    package func path(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
  }

  package let file: String
  package private(set) var faults: [SpecificationFault] = []

  package init(file: String) { self.file = file }

  package mutating func root(_ bytes: [UInt8], keys: [String]) -> Fields? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return fault(line: nil, "is not UTF-8") }
    do {
      guard let node = try Yams.compose(yaml: text) else { return fault(line: nil, "the file is empty") }
      return fields(node, "", keys: keys)
    } catch let error as YamlError {
      switch error {
      case .duplicatedKeysInMapping(let names, let context):
        return fault(line: context.mark.line, "\(names.map { "'\($0)'" }.joined(separator: ", ")) stands there twice")
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        return fault(line: mark.line, "no YAML: \(problem)")
      default: return fault(line: nil, "no YAML: \(error)")
      }
    } catch {
      return fault(line: nil, "no YAML: \(error)")
    }
  }

  // MARK: - Mappings

  /// `keys` nil: any, as where they are names.
  package mutating func fields(_ node: Node, _ path: String, keys: [String]? = nil) -> Fields? {
    guard let mapping = node.mapping else {
      return fault(node, "\(path.isEmpty ? "the document" : path) is not a mapping")
    }
    var entries: [(name: String, line: Int?, node: Node)] = []
    for (key, value) in mapping {
      guard let name = key.scalar?.string else {
        fault(key, "\(path) has a key that is not a text")
        continue
      }
      if let keys, !keys.contains(name) {
        fault(
          key, "'\(name)' is not known\(path.isEmpty ? "" : " in \(path)")",
          hint: "known are \(keys.joined(separator: ", "))")
        continue
      }
      entries.append((name, key.mark?.line, value))
    }
    return Fields(path: path, line: node.mark?.line, entries: entries)
  }

  package mutating func fields(_ parent: Fields, _ key: String, keys: [String]? = nil) -> Fields? {
    required(parent, key).flatMap { fields($0, parent.path(key), keys: keys) }
  }

  package mutating func required(_ fields: Fields, _ key: String) -> Node? {
    guard let node = fields[key] else { return fault(line: fields.line, "\(fields.path(key)) is missing") }
    return node
  }

  // MARK: - Values

  package mutating func text(_ fields: Fields, _ key: String) -> String? {
    required(fields, key).flatMap { text($0, fields.path(key)) }
  }

  /// Scalars as they are written: a SNOMED CT identifier is no number here.
  package mutating func text(_ node: Node, _ path: String) -> String? {
    guard let text = node.scalar?.string, !text.isEmpty else { return fault(node, "\(path) is not a text") }
    return text
  }

  package mutating func nodes(_ fields: Fields, _ key: String) -> [Node]? {
    guard let node = required(fields, key) else { return nil }
    guard let sequence = node.sequence else { return fault(node, "\(fields.path(key)) is not a list") }
    if sequence.isEmpty { fault(node, "\(fields.path(key)) is empty") }
    return Array(sequence)
  }

  /// The values of a list, each once, as `parse` reads them.
  package mutating func values<T: Hashable>(
    _ fields: Fields, _ key: String, known: [String], _ parse: (String) -> T?
  ) -> [(value: T, node: Node)]? {
    var values: [(value: T, node: Node)] = []
    guard let nodes = nodes(fields, key) else { return nil }
    for node in nodes {
      guard let value = choice(node, fields.path(key), known: known, parse) else { continue }
      if values.contains(where: { $0.value == value }) {
        fault(node, "\(fields.path(key)): '\(node.scalar?.string ?? "")' stands there twice")
      }
      values.append((value, node))
    }
    return values
  }

  package mutating func choice<T>(_ node: Node, _ path: String, known: [String], _ parse: (String) -> T?) -> T? {
    guard let text = text(node, path) else { return nil }
    guard let value = parse(text) else {
      return fault(node, "\(path): '\(text)' is not known", hint: "known are \(known.joined(separator: ", "))")
    }
    return value
  }

  package mutating func number(_ node: Node, _ path: String, _ range: ClosedRange<Int>) -> Int? {
    guard let text = text(node, path) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      return fault(
        node, "\(path): '\(text)' is not a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  package mutating func date(_ node: Node, _ path: String) -> CalendarDate? {
    guard let text = text(node, path) else { return nil }
    guard let date = CalendarDate(iso: text) else {
      return fault(node, "\(path): '\(text)' is not a date of the form YYYY-MM-DD")
    }
    return date
  }

  // MARK: - Faults

  package mutating func fault<T>(_ node: Node?, _ reason: String, hint: String? = nil) -> T? {
    fault(line: node?.mark?.line, reason, hint: hint)
  }

  package mutating func fault(_ node: Node?, _ reason: String, hint: String? = nil) {
    add(SpecificationFault(file: file, line: node?.mark?.line, reason, hint: hint))
  }

  package mutating func fault<T>(line: Int?, _ reason: String, hint: String? = nil) -> T? {
    add(SpecificationFault(file: file, line: line, reason, hint: hint))
    return nil
  }

  package mutating func add(_ fault: SpecificationFault) { faults.append(fault) }
}
