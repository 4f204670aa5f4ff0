import Contracts
import Foundation
import Postgres
import Testing

@testable import caredata

extension WholeSystem {
  /// The database and the broker's process end while records flow.
  @Suite struct DependencyFaultTests {
    private let region: Region
    private let baseline: Outcome

    init() throws {
      region = try Region.shared.get()
      baseline = try WholeSystem.baseline.get()
    }

    private var all: [RegionDescription.Organisation] { region.organisations }

    private func postmaster(_ system: RunningSystem) throws -> pid_t {
      let place = try ClusterPlace.find(directory: system.state.postgres, alternative: "/nonexistent")
      guard let pid = place.postmaster() else { throw Failure("there is no postmaster") }
      return pid
    }

    private func stopPostgresAtOnce(_ system: RunningSystem) throws {
      let place = try ClusterPlace.find(directory: system.state.postgres, alternative: "/nonexistent")
      let (status, output) = try place.programs.run([
        place.programs.path("pg_ctl"), "-D", place.data, "-m", "immediate", "-w", "stop",
      ])
      guard status == 0 else { throw Failure("pg_ctl: \(output)") }
    }

    private func connected(_ system: RunningSystem) throws -> Connection {
      try awaitedValue("the database is back", seconds: 60) { try? system.database() }
    }

    @Test func `a database that is killed, and one that is stopped for some seconds, are waited out`() throws {
      let outcome = try withSystem(RunningSystem.smallBatches) { system in
        var database = try system.database()
        try system.enrol(region)
        try system.object(region)
        try system.delayBroker(milliseconds: 40)
        let submissions = try system.startSubmitting(region)
        let services = try system.running().services
        try system.disturb(.publication, of: all, database) { try killNow(try postmaster(system)) }
        database = try connected(system)
        try system.disturb(.publication, at: 0.4, of: all, database) {
          // Without `up`, which would start it again at once.
          kill(system.up.pid, SIGSTOP)
          defer { kill(system.up.pid, SIGCONT) }
          try stopPostgresAtOnce(system)
          // The length of the outage, not a wait for something.
          Thread.sleep(forTimeInterval: 4)
        }
        try system.delayBroker(milliseconds: 0)
        database = try connected(system)
        try system.finish(submissions)
        try system.awaitBalance(extracts: all.count)
        #expect(try system.running().services == services, "a service has ended instead of waiting")
        return try system.outcome()
      }
      #expect(outcome == baseline)
    }

    @Test func `a killed broker is followed by a new incarnation, to which everything unproven is sent again`() throws {
      let outcome = try withSystem(RunningSystem.smallBatches) { system in
        var database = try system.database()
        try system.enrol(region)
        try system.object(region)

        // Admitted and acknowledged to the connector, and nothing of it beyond the broker.
        let first = all[0]
        kill(try system.pid(.objectionFilter), SIGSTOP)
        try system.finish([try system.startSubmitting(first, of: region)])
        try awaited("the extract is in the broker") {
          try database.query("select count(*) from ingestion.extract where state = 'emitted'").int(0, 0) == 1
        }
        #expect(try system.progress(.objectionFilter, of: [first], database) == 0)
        try killBroker(system)
        try system.awaitBalance(extracts: 1)

        // In the middle of all the others, at every stage.
        let others = Array(all.dropFirst())
        let filter = try system.pid(.objectionFilter)
        kill(filter, SIGSTOP)
        try system.finish(try others.map { try system.startSubmitting($0, of: region) })
        try system.delayBroker(milliseconds: 40)
        kill(filter, SIGCONT)
        database = try system.database()
        try system.disturb(.publication, of: others, database) {
          let former = try system.brokerState()
          try killNow(former.pid)
          // Also what is only just starting again.
          let successor = try awaitedValue("a new incarnation") {
            try EmbeddedBrokerState.read(system.state.brokerState).flatMap {
              $0.incarnation == former.incarnation ? nil : $0
            }
          }
          try killNow(successor.pid)
          let linkage = try system.pid(.linkage)
          try awaited("linkage is started again and killed") {
            let started = try system.pid(.linkage)
            // One that was started for the killed successor may have been ended with it already.
            return started != linkage && kill(started, SIGKILL) == 0
          }
          try system.awaitReady()
        }
        try system.awaitBalance(extracts: all.count)
        return try system.outcome()
      }
      #expect(outcome == baseline)
    }

    private func killBroker(_ system: RunningSystem) throws {
      let former = try system.brokerState()
      try killNow(former.pid)
      try awaited("a new incarnation", seconds: 60) {
        let state = try EmbeddedBrokerState.read(system.state.brokerState)
        let published = try system.state.running()?.environment["CAREDATA_INCARNATION"]
        return state != nil && state?.incarnation != former.incarnation && published == state?.incarnation
      }
      try system.awaitReady()
    }
  }
}
