import Contracts
import Foundation

@testable import caredata

/// A folder that goes with the test.
final class ExtractFixture: Sendable {
  let folder: String

  init() {
    folder = FileManager.default.temporaryDirectory.path + "/caredata-test-" + UUID().uuidString
    try! FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)
  }

  @discardableResult
  func write(_ name: String, _ text: String) -> String { write(name, Array(text.utf8)) }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) -> String {
    let file = "\(folder)/\(name)"
    try! Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  func contents() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder).sorted()) ?? [] }
}

extension ExtractReader {
  func all() throws -> [PatientRecord] {
    var records: [PatientRecord] = []
    while let grouped = try next() { records.append(grouped.record) }
    return records
  }
}

/// The line a person sees, with the folder's name left out; nil when nothing is thrown.
func errorLine(_ fixture: ExtractFixture, _ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)".replacingOccurrences(of: fixture.folder + "/", with: "")
  }
}
