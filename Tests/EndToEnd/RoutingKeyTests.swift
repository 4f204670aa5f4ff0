import Contracts
import Foundation
import KeyRing
import Testing

@testable import caredata

extension WholeSystem {
  /// The key is replaced that decides where each person's stream lies.
  @Suite struct RoutingKeyTests {
    private func withConnector(in folder: String, _ body: (Connector) throws -> Void) async throws {
      let system = try RunningSystem(in: folder)
      do {
        let connector = try await Connector(system, folder: folder)
        try body(connector)
        try system.stop()
      } catch {
        system.clear()
        throw Failure("\(error)\n\(system.up.text)")
      }
    }

    private func extract(_ practice: String, _ numbers: [String], period: String) -> TestExtract {
      var extract = TestExtract(
        organisation: practice,
        patients: numbers.enumerated().map {
          .init(ref: "P\($0.offset)", nhsNumber: $0.element, entries: [.diabetes])
        })
      extract.period = period
      return extract
    }

    private func formerKey(_ system: RunningSystem) throws -> String {
      let ring = try system.state.keys.ring(of: .ingestion)
      return try #require(ring.usable(.routing).first { $0.version == 1 }).entry.id
    }

    @Test func `objections stand under a new routing key before any record passes, and the former one can go`()
      async throws
    {
      let folder = TestFolder.make("routing-key")
      defer { TestFolder.remove(folder) }
      var numbers: [String] = []
      var practice = ""
      try await withConnector(in: folder) { connector in
        let system = connector.system
        try connector.loadNationalList([])
        practice = try connector.enrolled(.gp)
        numbers = (0..<3).map { _ in connector.newNumber() }
        try connector.object([TestObjection(nhsNumber: numbers[0])])
        try connector.submit(extract(practice, numbers, period: "2026-08"))
        let rotated = try system.run(["keys", "rotate", "--service", "ingestion", "--purpose", "routing"])
        #expect(rotated.contains("version 2"))
        try awaited("tokens are replaced, and all objections stated anew") {
          try connector.count("select version from ingestion.routing_version") == 2
            && !system.run(["status"]).contains("routing key")
        }
        let early = try system.start(["keys", "retire", "--service", "ingestion", try formerKey(system)])
        #expect(try early.finish() != 0 && early.text.contains("still needed"), "\(early.text)")

        try connector.submit(extract(practice, numbers, period: "2026-09"))
        // Two people of two months each; what was linked before and after is one person's.
        let before = try connector.published([practice])
        #expect(before.records.count == 4 && before.persons.count == 2)
        // What was published under the former key is reached under the new one.
        try connector.object([TestObjection(nhsNumber: numbers[2])])
        try connector.release()
        #expect(try connector.published([practice]).records.count == 2)
        #expect(try system.run(["explain", "--nhs-number", numbers[0]]).contains("held back by type 2"))
      }
      // The broker has forgotten all; it is stated again, under the new key alone.
      try await withConnector(in: folder) { connector in
        let system = connector.system
        let retired = try system.run(["keys", "retire", "--service", "ingestion", try formerKey(system)])
        #expect(retired.contains("is destroyed"))
        try connector.submit(extract(practice, numbers, period: "2026-10"))
        #expect(try connector.published([practice]).records.count == 3)
        try connector.release()
      }
    }
  }
}
