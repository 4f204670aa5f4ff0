import Foundation

/// What the embedded broker tells its clients, as a JSON file.
struct EmbeddedBrokerState: Codable, Equatable, Sendable {
  var bootstrapServers: String
  /// Hexadecimal, random per start.
  var incarnation: String
  var pid: Int32

  init(_ broker: EmbeddedBroker) {
    bootstrapServers = broker.bootstrapServers
    incarnation = broker.incarnation
    pid = getpid()
  }

  /// - Returns: `nil` when there is no such file.
  static func read(_ path: String) throws -> EmbeddedBrokerState? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// Replaces the file in one step: a reader sees the former state or this one, never a part.
  func write(_ path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
  }

  /// Removes the file if it is still this broker's.
  func remove(_ path: String) {
    guard (try? Self.read(path)) == self else { return }
    unlink(path)
  }
}
