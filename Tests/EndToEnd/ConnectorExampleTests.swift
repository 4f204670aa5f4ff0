import Contracts
import Foundation
import SwiftProtobuf
import Testing

@testable import caredata

extension WholeSystem.Semantics {
  /// Debian's interpreter, for which `compose/test` installs the Kafka client.
  private static let python = "/usr/bin/python3"

  @Test func `a connector in another language needs no generated code`() throws {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    let folder = TestFolder.make("connector")
    defer { TestFolder.remove(folder) }
    let example = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("compose/examples/connector.py").path
    let bootstrap = try #require(try connector.system.running().environment["CAREDATA_KAFKA_BOOTSTRAP_SERVERS"])
    let command = try SpawnedProcess(
      Self.python, [example, practice], environment: ["CAREDATA_KAFKA_BOOTSTRAP_SERVERS": bootstrap],
      output: "\(folder)/connector.txt")
    let status = try command.finish(seconds: 150)
    #expect(status == 0, "\(command.text)")
    // The Kafka client may have said something before.
    let receipt = try Receipt(jsonString: String(command.text.drop { $0 != "{" }))
    #expect(receipt.status == .admitted && receipt.organisation == practice)
    #expect(receipt.recordsExpected == 2 && receipt.recordsAdmitted == 2 && receipt.entriesAdmitted == 2)
    try connector.awaitBalance()
    #expect(try connector.published([practice]).records.count == 2)
  }
}
