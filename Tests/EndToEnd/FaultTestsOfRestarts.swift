import Contracts
import Foundation
import Postgres
import Testing

@testable import caredata

extension WholeSystem {
  /// `caredata up` itself stops or is killed, and starts again on the same folder.
  @Suite struct RestartTests {
    private let region: Region
    private let baseline: Outcome

    init() throws {
      region = try Region.shared.get()
      baseline = try WholeSystem.baseline.get()
    }

    private var all: [RegionDescription.Organisation] { region.organisations }

    /// Everything is admitted and little of it published when `body` ends the system.
    private func submit(to system: RunningSystem, thenEnd end: () throws -> Void) throws {
      let database = try system.database()
      defer { database.close() }
      try system.enrol(region)
      try system.object(region)
      let filter = try system.pid(.objectionFilter)
      kill(filter, SIGSTOP)
      try system.finish(try system.startSubmitting(region))
      try system.delayBroker(milliseconds: 40)
      kill(filter, SIGCONT)
      try system.disturb(.publication, of: all, database, end)
    }

    @Test func `a second run on the same folder finishes the first one's work, releases the same and goes on`() throws {
      let folder = TestFolder.make("restart")
      defer { TestFolder.remove(folder) }
      try withSystem(RunningSystem.smallBatches, in: folder) { system in
        try submit(to: system) { try system.stop() }
      }
      let (prevalence, admissions) = try withSystem(in: folder) { system in
        try system.awaitBalance(extracts: all.count)
        #expect(try system.outcome() == baseline)
        return (try system.release("condition-prevalence").0, try system.release("emergency-admissions").0)
      }
      try withSystem(in: folder) { system in
        // Nothing is under way, and what is published is known.
        try system.awaitBalance(extracts: all.count, seconds: 20)
        #expect(try system.release("condition-prevalence").0 == prevalence)
        #expect(try system.release("emergency-admissions").0 == admissions)
        #expect(try system.outcome() == baseline)

        let correction = try Region(patients: 60, seed: Region.seed + 1, folder: folder + "/correction")
        try system.finish([try system.startSubmitting(correction.organisations[0], of: correction)])
        try system.awaitBalance(extracts: all.count + 1)
        #expect(try system.release("condition-prevalence").0.release != prevalence.release)
      }
    }

    @Test func `when caredata up is killed nothing of it stays, and the next run finishes its work`() throws {
      let folder = TestFolder.make("killed")
      defer { TestFolder.remove(folder) }
      try withSystem(RunningSystem.smallBatches, in: folder) { system in
        try submit(to: system) { try killNow(system.up.pid) }
        #expect(!system.processes.isEmpty, "nothing was left to end")
        try system.awaitNoProcess(seconds: 45)
      }
      try withSystem(in: folder) { system in
        try system.awaitBalance(extracts: all.count)
        #expect(try system.outcome() == baseline)
      }
    }

    @Test func `the search for processes sees one that carries the folder in its environment or its arguments`() throws
    {
      let folder = TestFolder.make("planted")
      defer { TestFolder.remove(folder) }
      #expect(ProcessScan.processes(of: folder).isEmpty)
      let output = folder + ".txt"
      defer { TestFolder.remove(output) }
      for planted in [
        try SpawnedProcess("/bin/sleep", ["60"], environment: ["CAREDATA_PLANTED": folder + "/x"], output: output),
        try SpawnedProcess("/bin/sh", ["-c", "sleep 60; : \(folder)"], output: output),
      ] {
        try awaited("the planted process is seen") { ProcessScan.processes(of: folder)[planted.pid] != nil }
        try killNow(planted.pid)
        #expect(ProcessScan.processes(of: folder)[planted.pid] == nil)
      }
    }
  }
}
