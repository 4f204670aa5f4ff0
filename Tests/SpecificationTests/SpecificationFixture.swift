import Foundation

@testable import Specification

/// A folder that goes with the test.
final class SpecificationFixture: Sendable {
  let folder: String

  init() {
    folder = FileManager.default.temporaryDirectory.path + "/caredata-specification-" + UUID().uuidString
    try! FileManager.default.createDirectory(atPath: folder + "/lists", withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  @discardableResult
  func write(_ name: String, _ text: String) -> String {
    let file = "\(folder)/\(name)"
    try! Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }

  /// What a person sees, with the folder's name left out; nothing when there is no fault.
  func faults(_ body: () throws -> Void) -> [String] {
    do {
      try body()
      return []
    } catch let error as SpecificationFaults {
      return error.faults.map { "\($0)".replacingOccurrences(of: folder + "/", with: "") }
    } catch {
      return ["\(error)"]
    }
  }
}

/// What lies outside the sources.
enum Places {
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
    .standardizedFileURL.path
  static let specification = package + "/compose/specification"
  /// Code lists and release files of others, which are not part of the project; nil where they are not at hand.
  static let sharedData: String? = {
    let named = ProcessInfo.processInfo.environment["CAREDATA_SHARED_DATA"]
    let folder = named ?? package + "/../shared/data"
    return FileManager.default.fileExists(atPath: folder) ? folder : nil
  }()
}
