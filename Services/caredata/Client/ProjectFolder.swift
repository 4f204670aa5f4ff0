import Foundation

/// A folder or file of definitions that comes with the project.
struct ProjectFolder {
  let variable: String
  /// Below the project's folder.
  let path: String
  /// What to say where there is none.
  let missing: String

  static let specification = ProjectFolder(
    variable: "CAREDATA_SPECIFICATION_DIRECTORY", path: "compose/specification",
    missing: "no specification found; name its folder, or set CAREDATA_SPECIFICATION_DIRECTORY")
  static let datasets = ProjectFolder(
    variable: "CAREDATA_DATASETS_DIRECTORY", path: "compose/datasets",
    missing: "no dataset definitions found; name their folder with --datasets")
  static let policy = ProjectFolder(
    variable: "CAREDATA_POLICY_FILE", path: "compose/policy/attributes.yaml",
    missing: "no policy of attributes found; name its file in CAREDATA_POLICY_FILE")

  /// The folder that is given, else the one the environment names, else the project's own.
  func locate(
    _ given: String?, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    var candidates = [given, environment[variable]].compactMap(\.self)
    if candidates.isEmpty {
      candidates.append(path)
      // A build folder lies inside the project.
      var folder = (own as NSString).deletingLastPathComponent
      while folder.count > 1 {
        candidates.append("\(folder)/\(path)")
        folder = (folder as NSString).deletingLastPathComponent
      }
    }
    guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
      throw ClientError(missing)
    }
    return URL(fileURLWithPath: found).standardizedFileURL.path
  }
}
