import Contracts
import Cryptography
import Foundation
import Testing

@testable import caredata

extension WholeSystem {
  @Suite struct CanaryTests {
    /// The same look for everybody: what is found of a person at an organisation behind the objection filter.
    private struct Sight: Equatable {
      /// Records on the topics `validated` and `permitted`.
      var validated = 0
      var permitted = 0
      /// Live at linkage and at publication.
      var linked: Int64 = 0
      var published: Int64 = 0
    }

    private func sight(
      of nhsNumber: String, at organisation: String, _ system: RunningSystem, _ check: CanaryCheck,
      _ topics: [Topic: [RunningSystem.Record]]
    ) throws -> Sight {
      let key = check.routingToken(nhsNumber).bytes
      func records(_ topic: Topic) throws -> Int {
        try topics[topic, default: []].filter { $0.key == key }
          .map { try Envelope(serializedBytes: $0.value) }.filter { $0.kind == .record }
          .map { try Header(serializedBytes: $0.header) }.filter { $0.organisation == organisation }.count
      }
      let database = try system.database()
      defer { database.close() }
      let linked = try database.query(
        """
        select count(*) from linkage.live_observation o join ingestion.extract e using (extract_id)
        where o.withdrawal_token = $1 and e.organisation = $2
        """, [.bytes(check.withdrawalToken(nhsNumber).bytes), .text(organisation)])
      return Sight(
        validated: try records(.validated), permitted: try records(.permitted), linked: linked.int(0, 0),
        published: try check.look(for: nhsNumber, at: organisation).published)
    }

    /// Who does not object, is in order, and registered with the practice.
    private func ordinary(practice: Int) throws -> SyntheticPerson {
      let population = SyntheticPopulation(count: Region.patients, seed: Region.seed)
      return try #require(
        (population.objectionCanaries.upperBound..<population.count).lazy.map(population.person).first {
          $0.practice == practice && $0.objection == nil && $0.previousPractice == nil
            && !population.identity(of: $0, in: .gp).isFaulty
        })
    }

    @Test func `a synthetic objector in every organisation is found nowhere behind the objection filter`() throws {
      let region = try Region.shared.get()
      let canaries = region.description.objectionCanaries
      #expect(Set(canaries.map(\.organisation)) == Set(region.organisations.map(\.code)))
      try withSystem { system in
        try system.submit(region)
        try system.awaitBalance(extracts: region.organisations.count)
        let database = try system.database()
        defer { database.close() }
        let check = try CanaryCheck(keys: system.state.keys, database)
        let topics = try [Topic.validated: system.records(in: .validated), .permitted: system.records(in: .permitted)]
        for canary in canaries {
          let look = try check.look(for: canary.nhsNumber, at: canary.organisation)
          #expect(look.isSafe, "\(canary.organisation): \(look)")
          #expect(look.admitted == 1)
          let sight = try sight(of: canary.nhsNumber, at: canary.organisation, system, check, topics)
          #expect(sight == Sight(validated: 1), "\(canary.organisation): \(sight)")
        }
        // The look itself is no blind one: who does not object is found everywhere.
        for practice in 0..<2 {
          let (number, code) = (try ordinary(practice: practice).nhsNumber, "A\(81_001 + practice)")
          let sight = try sight(of: number, at: code, system, check, topics)
          #expect(sight == Sight(validated: 1, permitted: 1, linked: 1, published: 1), "\(code): \(sight)")
          #expect(try !check.look(for: number, at: code).isSafe)
        }
      }
    }
  }
}
