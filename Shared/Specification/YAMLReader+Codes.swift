import Clinical

extension YAMLReader {
  /// Codes as a list says them, categories of a classification also as a range: `[P00-P96, Z38]`. None where the key is
  /// not there.
  package mutating func codes(_ fields: Fields, _ key: String, _ system: ClinicalCode.System) -> [ClinicalCode] {
    guard fields[key] != nil, let nodes = nodes(fields, key) else { return [] }
    let path = fields.path(key)
    var codes: Set<ClinicalCode> = []
    for node in nodes {
      guard let text = text(node, path) else { continue }
      for single in Self.categories(text, system) ?? [text] {
        switch CodeListEntry.code(single, system) {
        case .success(let code):
          if !codes.insert(code).inserted { fault(node, "\(path): '\(single)' stands there twice") }
        case .failure(let unusable): fault(node, "\(path): \(unusable.reason)", hint: unusable.hint)
        }
      }
    }
    return Array(codes)
  }

  /// The categories of a range of a classification, `P00-P96`; nil where the text is none.
  static func categories(_ text: String, _ system: ClinicalCode.System) -> [String]? {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false)
    guard system == .icd10 || system == .opcs4, ends.count == 2, ends.allSatisfy({ $0.utf8.count == 3 }),
      ends[0].first == ends[1].first, let first = Int(ends[0].dropFirst()), let last = Int(ends[1].dropFirst()),
      first >= 0, first < last
    else { return nil }
    return (first...last).map { "\(ends[0].prefix(1))\($0 < 10 ? "0" : "")\($0)" }
  }
}
