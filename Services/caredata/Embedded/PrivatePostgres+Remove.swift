import Foundation

extension PrivatePostgres {
  /// Stops the cluster and deletes what it holds, also where it lives outside ``directory``.
  func remove() throws {
    try stop()
    let link = directory + "/cluster"
    if let place = try? FileManager.default.destinationOfSymbolicLink(atPath: link) {
      try FileManager.default.removeItem(atPath: place)
    }
    if FileManager.default.fileExists(atPath: directory) { try FileManager.default.removeItem(atPath: directory) }
  }
}
