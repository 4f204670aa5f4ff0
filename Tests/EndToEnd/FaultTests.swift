import Contracts
import Foundation
import Testing

@testable import caredata

extension WholeSystem {
  /// What a run without any fault publishes; made once.
  static let baseline = Result {
    let region = try Region.shared.get()
    return try withSystem { system in
      try system.submit(region)
      try system.awaitBalance(extracts: region.organisations.count)
      return try system.outcome()
    }
  }

  @Suite struct FaultTests {
    private let region: Region
    private let baseline: Outcome

    init() throws {
      region = try Region.shared.get()
      baseline = try WholeSystem.baseline.get()
    }

    private var all: [RegionDescription.Organisation] { region.organisations }

    @Test func `an undisturbed run publishes both datasets`() {
      for csv in [baseline.prevalence, baseline.admissions] {
        #expect(String(decoding: csv, as: UTF8.self).split(whereSeparator: \.isNewline).count > 50)
      }
      // Not suppressed.
      let fields = String(decoding: baseline.prevalence, as: UTF8.self).split { $0 == "," || $0.isNewline }
      #expect(fields.contains { Int($0) ?? 0 >= 20 })
      #expect(baseline.live > 400)
      #expect(baseline.notLive > 0)
    }

    @Test func `the comparison of outcomes sees a changed byte and a lost record`() {
      var changed = baseline.prevalence
      changed[changed.count / 2] ^= 1
      func planted(prevalence: [UInt8]? = nil, live: Int64? = nil) -> Outcome {
        Outcome(
          prevalence: prevalence ?? baseline.prevalence, admissions: baseline.admissions, facts: baseline.facts,
          live: live ?? baseline.live, notLive: baseline.notLive)
      }
      #expect(planted() == baseline)
      #expect(planted(prevalence: changed) != baseline)
      #expect(planted(live: baseline.live - 1) != baseline)
    }

    /// From the last service to the first, each while another extract flows, so that they are down together too.
    @Test func `each service is killed while records flow and nothing is lost or counted twice`() throws {
      let outcome = try withSystem(RunningSystem.smallBatches) { system in
        let database = try system.database()
        defer { database.close() }
        try system.enrol(region)
        try system.object(region)
        try system.delayBroker(milliseconds: 40)
        for (stage, organisation) in zip(StageName.allCases.reversed(), all) {
          let submission = try system.startSubmitting(organisation, of: region)
          let pid = try system.pid(stage)
          try system.disturb(stage, of: [organisation], database) {
            try killNow(pid)
            #expect(try system.progress(stage, of: [organisation], database) < 1, "it had finished")
          }
          try awaited("\(stage.rawValue) is started again") { try system.pid(stage) != pid }
          try system.finish([submission])
        }
        try system.delayBroker(milliseconds: 0)
        try system.awaitBalance(extracts: all.count)
        return try system.outcome()
      }
      #expect(outcome == baseline)
    }

    @Test func `two instances of every service share the partitions and publish the same`() throws {
      let two = Dictionary(uniqueKeysWithValues: StageName.allCases.map { ($0, 2) })
      let outcome = try withSystem(.init(instances: two)) { system in
        try awaited("both instances of every service hold partitions") {
          for stage in StageName.allCases {
            let held = try (1...2).map { try system.metric("caredata_partitions_assigned", stage, $0) }
            let topics = Topic.all(datasets: []).filter { $0.readers.contains(stage) }.count
            let total = Double(topics * (try system.layout().partitions))
            if held.contains(0) || held[0] + held[1] != total {
              return false
            }
          }
          return true
        }
        try system.submit(region)
        try system.awaitBalance(extracts: all.count)
        for stage in StageName.allCases {
          for instance in 1...2 {
            let received = try system.metric("caredata_messages_received_total", stage, instance)
            #expect(received > 10, "\(stage.rawValue)-\(instance)")
          }
        }
        return try system.outcome()
      }
      #expect(outcome == baseline)
    }

    @Test func `a broker that is down for some seconds is waited out`() throws {
      let outcome = try withSystem(RunningSystem.smallBatches) { system in
        let database = try system.database()
        defer { database.close() }
        try system.enrol(region)
        try system.object(region)
        try system.delayBroker(milliseconds: 40)
        let submissions = try system.startSubmitting(region)
        let services = try system.running().services
        try system.disturb(.publication, of: all, database) {
          try system.broker.send(.down(-1))
          // The length of the outage, not a wait for something.
          Thread.sleep(forTimeInterval: 4)
        }
        #expect(try system.progress(.publication, of: all, database) < 1)
        try system.delayBroker(milliseconds: 0)
        try system.broker.send(.up(-1))
        try system.finish(submissions)
        try system.awaitBalance(extracts: all.count)
        #expect(try system.running().services == services, "a service has ended instead of waiting")
        return try system.outcome()
      }
      #expect(outcome == baseline)
    }
  }
}
