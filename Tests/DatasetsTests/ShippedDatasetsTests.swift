import Foundation
import Testing

@testable import Datasets

@Suite struct ShippedDatasetsTests {
  @Test func `the shipped definitions are without fault`() throws {
    let folder = try DatasetFolder.load(directory: Places.datasets)
    #expect(folder.definitions.count >= 12)
    #expect(folder.library.cohorts.count > 15 && folder.library.diagnoses.count == 19)
    #expect(folder.definitions.allSatisfy { $0.digest.count == 32 })
  }
}

enum Places {
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let datasets = "\(package)/compose/datasets"
}
