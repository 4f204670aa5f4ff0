import Foundation
import Testing

@Suite struct ConnectorExampleTests {
  private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private func text(_ path: String) throws -> String {
    try String(contentsOf: Self.package.appendingPathComponent(path), encoding: .utf8)
  }

  @Test func `the README shows the example of a connector as it is`() throws {
    let example = try text("compose/examples/connector.py")
    #expect(try text("README.md").contains("\n```python\n\(example)```\n"))
  }
}
