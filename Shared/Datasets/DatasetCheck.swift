import Clinical
import Contracts
import Specification

/// Faults that show only beside what is collected.
public enum DatasetCheck {
  /// Codes that the newest version of the extract specification asks nobody for.
  public static func uncollected(_ folder: DatasetFolder, _ specifications: Specifications) -> [SpecificationFault] {
    guard let newest = specifications.inOrder.last else { return [] }
    var faults: [SpecificationFault] = []
    func check(_ name: String, _ codes: CodeSet, _ sources: Set<Source>) {
      let missing = codes.codes.filter { code in
        sources.allSatisfy { !(newest.sources[$0]?.codes.contains(code) ?? false) }
      }
      guard !missing.isEmpty else { return }
      let some = missing.map(\.description).sorted().prefix(3).joined(separator: ", ")
      faults.append(
        SpecificationFault(
          file: "\(name)", line: nil, "\(missing.count) codes are collected from nobody, among them \(some)",
          hint: "version \(newest.version) of the specification asks for no such code"))
    }
    for cohort in folder.library.cohorts.values {
      guard case .recorded(let recording) = cohort.rule else { continue }
      check("cohort \(cohort.name)", recording.codes, recording.sources)
      check("cohort \(cohort.name), resolved", recording.resolved, recording.sources)
    }
    for definition in folder.definitions {
      guard case .codes(let groups) = definition.split?.values else { continue }
      for group in groups { check("dataset \(definition.name), \(group.name)", group.codes, [.gp]) }
    }
    return faults
  }
}
