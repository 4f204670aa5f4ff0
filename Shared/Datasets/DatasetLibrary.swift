import Clinical
import Disclosure
import Foundation
import Specification

/// What dataset definitions refer to: cohorts, groups of diagnoses, perturbation tables, organisations.
public struct DatasetLibrary: Sendable {
  public static let folder = "shared"
  static let cohortsFile = "cohorts.yaml"
  static let diagnosesFile = "diagnoses.yaml"
  static let organisationsFile = "organisations.csv"

  public let cohorts: [String: Cohort]
  public let diagnoses: [String: DiagnosisGroup]
  public let organisations: OrganisationHierarchy
  /// Names of what is declared and has a fault: whoever refers to it has none by that.
  let broken: Set<String>
}

/// All definitions of a folder with what they refer to.
public struct DatasetFolder: Sendable {
  public let library: DatasetLibrary
  /// In order of name.
  public let definitions: [DatasetDefinition]

  public subscript(name: String) -> DatasetDefinition? { definitions.first { $0.name == name } }

  /// Reads `DIRECTORY/*.yaml` and `DIRECTORY/shared/`.
  ///
  /// - Throws: everything wrong in any of the files.
  public static func load(directory: String) throws(SpecificationFaults) -> DatasetFolder {
    let shared = "\(directory)/\(DatasetLibrary.folder)"
    let store = CodeListStore(directory: shared)
    var faults: [SpecificationFault] = []
    var cohorts = CohortReader(file: store.path(DatasetLibrary.cohortsFile), store: store)
    if let source = store.content(DatasetLibrary.cohortsFile) { cohorts.read(source) }
    var diagnoses = DiagnosisReader(file: store.path(DatasetLibrary.diagnosesFile))
    if let source = store.content(DatasetLibrary.diagnosesFile) { diagnoses.read(source) }
    faults += cohorts.yaml.faults + diagnoses.yaml.faults
    var organisations = OrganisationHierarchy()
    if let source = store.content(DatasetLibrary.organisationsFile) {
      do throws(SpecificationFaults) {
        organisations = try OrganisationHierarchy(csv: source, file: store.path(DatasetLibrary.organisationsFile))
      } catch {
        faults += error.faults
      }
    }
    let library = DatasetLibrary(
      cohorts: cohorts.cohorts, diagnoses: diagnoses.groups, organisations: organisations,
      broken: cohorts.broken.union(diagnoses.broken))
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    let files = names.filter { $0.hasSuffix(".yaml") }.sorted()
    if files.isEmpty {
      faults.append(SpecificationFault(file: directory, line: nil, "there is no dataset definition (*.yaml)"))
    }
    var definitions: [DatasetDefinition] = []
    for file in files {
      var reader = DefinitionReader(file: "\(directory)/\(file)", library: library, store: store)
      if let definition = reader.read(name: String(file.dropLast(5))) { definitions.append(definition) }
      faults += reader.yaml.faults
    }
    faults += store.faults
    guard faults.isEmpty else { throw SpecificationFaults(faults) }
    return DatasetFolder(library: library, definitions: definitions)
  }
}
