import Clinical

/// Reads an RF2 file of simple reference sets: tab-separated lines, one member each.
///
/// A full release holds every state that a member was ever in; the newest is what counts, as in a snapshot.
struct ReferenceSetReader {
  private static let columns = ["id", "effectiveTime", "active", "moduleId", "refsetId", "referencedComponentId"]

  private struct State {
    let line: Int
    let effectiveTime: String
    let isActive: Bool
    let component: String
  }

  let file: String
  private(set) var list = CodeListEntries()
  private(set) var faults: [SpecificationFault] = []

  init(file: String) { self.file = file }

  mutating func read(_ referenceSet: String, _ bytes: [UInt8]) {
    if case .failure(let unusable) = CodeListEntry.code(referenceSet, .snomed) {
      return fault(nil, "the reference set \(unusable.reason)", hint: unusable.hint)
    }
    var members: [String: State] = [:]
    var others: Set<String> = []
    var number = 0
    for bytes in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      var line = bytes
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      if number == 1 {
        guard isHeader(line) else {
          return fault(
            1, "is not the header of a simple reference set",
            hint: "the columns of such a file are \(Self.columns.joined(separator: ", "))")
        }
        continue
      }
      // The last line ends in a line feed too.
      if line.isEmpty { continue }
      let values = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
      guard values.count == Self.columns.count else {
        fault(number, "\(values.count) values where the header has \(Self.columns.count)")
        continue
      }
      guard values[4].elementsEqual(referenceSet.utf8) else {
        if others.count < 5 { others.insert(String(decoding: values[4], as: UTF8.self)) }
        continue
      }
      guard values[2].elementsEqual("1".utf8) || values[2].elementsEqual("0".utf8) else {
        fault(number, "active is neither 0 nor 1")
        continue
      }
      let id = String(decoding: values[0], as: UTF8.self)
      let time = String(decoding: values[1], as: UTF8.self)
      if let known = members[id], known.effectiveTime >= time { continue }
      members[id] = State(
        line: number, effectiveTime: time, isActive: values[2].elementsEqual("1".utf8),
        component: String(decoding: values[5], as: UTF8.self))
    }
    for member in members.values where member.isActive {
      switch CodeListEntry.code(member.component, .snomed) {
      case .success(let code): list.add(code, term: nil)
      case .failure(let unusable): fault(member.line, unusable.reason, hint: unusable.hint)
      }
    }
    guard list.codes.isEmpty, faults.isEmpty else { return }
    if members.isEmpty {
      fault(
        nil, "holds nothing of the reference set \(referenceSet)",
        hint: others.isEmpty ? nil : "it holds \(others.sorted().joined(separator: ", "))")
    } else {
      fault(nil, "the reference set \(referenceSet) has no active member")
    }
  }

  private func isHeader(_ line: ArraySlice<UInt8>) -> Bool {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let text = line.starts(with: mark) ? line.dropFirst(3) : line
    return text.elementsEqual(Self.columns.joined(separator: "\t").utf8)
  }

  private mutating func fault(_ line: Int?, _ reason: String, hint: String? = nil) {
    faults.append(SpecificationFault(file: file, line: line, reason, hint: hint))
  }
}
