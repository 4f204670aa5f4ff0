import Foundation

@testable import caredata

/// The synthetic region that the tests submit: 400 people, two practices, two hospitals, a community provider.
struct Region {
  static let seed: UInt64 = 20_261_001
  static let patients = 400

  let folder: String
  let description: RegionDescription

  var organisations: [RegionDescription.Organisation] { description.organisations }

  /// Written once per test run; removed at its end.
  static let shared = Result { try Region(patients: patients, seed: seed, folder: TestFolder.make("region")) }

  init(patients: Int, seed: UInt64, folder: String) throws {
    self.folder = folder
    description = try RegionWriter.write(patients: patients, seed: seed, to: folder)
    print("region: \(patients) patients, seed \(seed), \(folder)")
  }
}

/// Folders in /tmp that other users may pass through, as the one that runs PostgreSQL has to.
enum TestFolder {
  static func make(_ name: String) -> String {
    var template = Array("/tmp/caredata-\(name)-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    precondition(chmod(path, 0o755) == 0)
    removals.add(path)
    return path
  }

  static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

  private static let removals = Removals()

  private final class Removals: @unchecked Sendable {  // guarded by its lock
    private let lock = NSLock()
    private var paths: [String] = []

    init() { atexit { TestFolder.removals.all() } }

    func add(_ path: String) { lock.withLock { paths.append(path) } }

    func all() { lock.withLock { paths.forEach(TestFolder.remove) } }
  }
}
