import Contracts
import Foundation
import KeyRing
import StageKit
import Testing

@testable import caredata

extension WholeSystem {
  /// The keys are replaced that stored names rest on: that which decides where each person's stream lies, and that under
  /// which linkage compares.
  @Suite struct ReplacedKeyTests {
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

    private func retire(_ purpose: KeyPurpose, _ system: RunningSystem) throws -> SpawnedProcess {
      let ring = try system.state.keys.ring(of: purpose.service)
      let former = try #require(ring.usable(purpose).first { $0.version == 1 }).entry.id
      return try system.start(["keys", "retire", "--service", purpose.service.rawValue, former])
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
        let early = try retire(.routing, system)
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
        let late = try retire(.routing, connector.system)
        #expect(try late.finish() == 0 && late.text.contains("is destroyed"), "\(late.text)")
        try connector.submit(extract(practice, numbers, period: "2026-10"))
        #expect(try connector.published([practice]).records.count == 3)
        try connector.release()
      }
    }

    /// Ended as by kill -9 when the key is in the ring and no token has been replaced.
    private func killRotation(of system: RunningSystem) throws {
      let ring = try system.state.keys.ring(of: .pseudonymisation)
      let version = try ring.active(.linkage).version
      let database = try system.database()
      try database.execute("set search_path to linkage")
      try database.transaction {
        try LinkageLock.take(database)
        let command = try system.start(["keys", "rotate", "--service", "pseudonymisation", "--purpose", "linkage"])
        try awaited("the key is in the ring") {
          _ = try ring.refresh()
          return try ring.active(.linkage).version > version
        }
        command.send(SIGKILL)
        _ = try command.finish()
      }
    }

    @Test func `persons stay as they are under a new linkage key, and an objection finds all their records`()
      async throws
    {
      let folder = TestFolder.make("linkage-key")
      defer { TestFolder.remove(folder) }
      try await withConnector(in: folder) { connector in
        let system = connector.system
        try connector.loadNationalList([])
        let (practice, hospital) = (try connector.enrolled(.gp), try connector.enrolled(.hospital))
        let (number, place) = (connector.newNumber(), connector.newPostcode())
        func stay(_ ref: String, _ period: String) -> TestExtract {
          TestExtract(
            source: .hospital, organisation: hospital, period: period,
            patients: [
              .init(ref: ref, nhsNumber: "", postcode: place, entries: [.init(date: "\(period)-05", code: "E119")])
            ])
        }
        func persons() throws -> [[String]] { try connector.published([practice, hospital]).persons }
        func ids() throws -> [String] {
          let rows = try connector.database.query(
            "select distinct encode(person_id, 'hex') from linkage.live_observation")
          return (0..<rows.count).map { rows.text($0, 0) }
        }
        try connector.submit([
          TestExtract(
            organisation: practice,
            patients: [.init(ref: "P1", nhsNumber: number, postcode: place, entries: [.diabetes])]),
          stay("H1", "2026-08"),
        ])
        let former = try ids()
        #expect(try persons().count == 1 && former.count == 1)

        let said = try system.run(["keys", "rotate", "--service", "pseudonymisation", "--purpose", "linkage"])
        #expect(
          said.contains("2 stored identities") && said.contains("nothing is under a former linkage key"), "\(said)")
        #expect(try ids() == former)
        try connector.submit(stay("H1", "2026-09"))
        #expect(try persons().map(\.count) == [3])
        let early = try retire(.linkage, system)
        #expect(try early.finish() != 0 && early.text.contains("still needed"), "\(early.text)")
        #expect(try system.run(["keys", "reencrypt"]).contains("nothing is under a former linkage key"))

        try killRotation(of: system)
        let waiting = try connector.send(stay("H1", "2026-07"))
        try awaited("linkage waits for the tokens it has stored") {
          try connector.count(
            "select count(*) from ingestion.extract where extract_id = $1 and state = 'emitted'", [.text(waiting)]) == 1
        }
        #expect(try system.run(["keys", "reencrypt"]).contains("2 stored identities"))
        try connector.awaitBalance()
        #expect(try persons().map(\.count) == [4])

        try connector.object([TestObjection(nhsNumber: number)])
        try connector.release()
        #expect(try persons().isEmpty)
        // Not sent before the objection, nor linked before the key was replaced.
        try connector.submit(stay("H2", "2026-10"))
        #expect(try persons().isEmpty)
      }
      try await withConnector(in: folder) { connector in
        let late = try retire(.linkage, connector.system)
        #expect(try late.finish() == 0 && late.text.contains("is destroyed"), "\(late.text)")
        try connector.release()
      }
    }
  }
}
