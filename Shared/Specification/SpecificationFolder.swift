import Clinical
import Foundation

/// All versions of what is collected, with the exclusion lists.
public struct Specifications: Sendable {
  public let versions: [String: ExtractSpecification]
  public let exclusions: ExclusionLists
  /// SHA-256 over the file of the exclusions and its code lists, hexadecimal.
  public let exclusionsDigest: String
  /// Version → reference set → what it is called.
  public let titles: [String: [String: String]]
  /// What the code lists call their codes, where they do.
  public let terms: [ClinicalCode: String]

  /// The version in force for a period: of those that may be used for it, the one that came last.
  public func newest(for period: Period) -> ExtractSpecification? {
    versions.values.filter { $0.effectiveFrom <= period }.max { $0.effectiveFrom < $1.effectiveFrom }
  }

  /// The versions as they followed each other.
  public var inOrder: [ExtractSpecification] { versions.values.sorted { $0.effectiveFrom < $1.effectiveFrom } }

  /// Reads `VERSION.yaml` for each version, `exclusions.yaml`, and the code lists that they name.
  ///
  /// - Throws: ``SpecificationFaults`` with all of them at once.
  public static func load(directory: String) throws(SpecificationFaults) -> Specifications {
    try SpecificationFolder(directory).load()
  }
}

/// A folder of specification files.
struct SpecificationFolder {
  static let exclusionsFile = "exclusions.yaml"

  private let store: CodeListStore
  private var faults: [SpecificationFault] = []

  init(_ directory: String) {
    store = CodeListStore(directory: directory)
  }

  func load() throws(SpecificationFaults) -> Specifications {
    var folder = self
    guard let specifications = folder.read() else {
      throw SpecificationFaults(folder.faults + folder.store.faults)
    }
    return specifications
  }

  private mutating func read() -> Specifications? {
    guard let files = try? FileManager.default.contentsOfDirectory(atPath: store.directory) else {
      faults.append(SpecificationFault(file: store.directory, line: nil, "is not a folder that can be read"))
      return nil
    }
    let visible = files.filter { !$0.hasPrefix(".") }.sorted()
    let names = visible.filter { $0.hasSuffix(".yaml") && $0 != Self.exclusionsFile }
    for file in visible where file.hasSuffix(".yml") {
      faults.append(SpecificationFault(file: store.path(file), line: nil, "is not read", hint: "let it end in .yaml"))
    }
    if names.isEmpty {
      faults.append(
        SpecificationFault(
          file: store.directory, line: nil, "there is no version in it", hint: "a version is a file like 1.yaml"))
    }
    let (exclusions, digest, purposes) = exclusions()
    var versions: [String: ExtractSpecification] = [:]
    var titles: [String: [String: String]] = [:]
    for file in names {
      guard let source = content(file) else { continue }
      let name = String(file.dropLast(".yaml".count))
      var parser = SpecificationParser(file: file, store: store)
      let version = parser.parse(version: name, source, purposes: purposes)
      faults += parser.yaml.faults
      guard let version else { continue }
      if let other = versions.values.first(where: { $0.effectiveFrom == version.effectiveFrom }) {
        faults.append(
          SpecificationFault(
            file: store.path(file), line: nil, "takes effect in the same month as version \(other.version)",
            hint: "one version is in force for a period"))
      }
      versions[name] = version
      titles[name] = parser.titles
    }
    guard faults.isEmpty, store.faults.isEmpty, let exclusions else { return nil }
    return Specifications(
      versions: versions, exclusions: exclusions, exclusionsDigest: digest, titles: titles, terms: store.terms)
  }

  private mutating func exclusions() -> (ExclusionLists?, digest: String, purposes: Set<String>?) {
    guard let source = content(Self.exclusionsFile) else { return (nil, "", nil) }
    var parser = ExclusionsParser(file: Self.exclusionsFile, store: store)
    let exclusions = parser.parse(source)
    faults += parser.yaml.faults
    let purposes = exclusions.map { _ in parser.purposes }
    return (exclusions, store.digest(source, parser.files), purposes)
  }

  private mutating func content(_ file: String) -> [UInt8]? {
    if let content = store.content(file) { return content }
    faults.append(SpecificationFault(file: store.path(file), line: nil, "cannot be read"))
    return nil
  }
}
