import Contracts
import Foundation
import Kafka
import SwiftProtobuf
import Testing

@testable import caredata

extension WholeSystem {
  /// What goes on, and what does not, while nobody can know who objects nationally.
  @Suite struct FailClosedTests {
    private func output(_ system: RunningSystem, _ arguments: [String]) throws -> (status: Int32, text: String) {
      let command = try system.start(arguments)
      return (try command.finish(), command.text)
    }

    private func options(days: String) -> RunningSystem.Options {
      .init(environment: ["CAREDATA_NATIONAL_LIST_DAYS": days])
    }

    @Test func `without a recent national list nothing is admitted or released, and objections are taken all the same`()
      throws
    {
      let region = try Region.shared.get()
      let practice = try #require(region.organisations.first { $0.source == .gp })
      let folder = TestFolder.make("fail-closed")
      defer { TestFolder.remove(folder) }
      try withSystem(in: folder) { system in
        try awaited("up says what it waits for") { system.up.text.contains("no national list of objections") }
        try system.enrol([practice.code])
        let submission = try system.startSubmitting(practice, of: region)
        try awaited("ingestion waits") { try system.metric("caredata_paused", .ingestion, 1) == 1 }
        let request = "\(folder)/request.csv"
        try "nhs_number,type,decision,date\n9990000018,2,dissent,\n".write(
          toFile: request, atomically: true, encoding: .utf8)
        #expect(try system.run(["objections", "submit", request]).contains("1 objections acknowledged"))
        #expect(try system.run(["status"]).contains("ADMISSION WAITS"))
        #expect(submission.isRunning)
        let drawn = Date(timeIntervalSinceNow: -2 * 86_400).formatted(.iso8601)
        try system.run([
          "objections", "list", "\(region.folder)/\(region.description.nationalList)", "--drawn", drawn,
        ])
        #expect(try submission.finish() == 0)
        try system.awaitBalance(extracts: 1)
        #expect(try system.metric("caredata_paused", .ingestion, 1) == 0)
        _ = try system.release("condition-prevalence")
      }
      try withSystem(options(days: "1"), in: folder) { system in
        let refused = try output(system, ["release", "create", "condition-prevalence"])
        #expect(refused.status != 0 && refused.text.contains("2 days old, the limit is 1"), "\(refused.text)")
      }
      // Without the list it would be another regime, and the recipient has these records under this one.
      try withSystem(options(days: "off"), in: folder) { system in
        let refused = try output(system, ["release", "create", "condition-prevalence"])
        #expect(refused.status != 0 && refused.text.contains("type-1,type-2,national-list"), "\(refused.text)")
      }
      try withSystem(options(days: "3"), in: folder) { system in
        _ = try system.release("condition-prevalence")
      }
    }

    @Test func `a withdrawal that a stage cannot read holds every release until somebody has looked into it`() throws {
      let region = try Region.shared.get()
      let practice = try #require(region.organisations.first { $0.source == .gp })
      try withSystem { system in
        try system.enrol([practice.code])
        try system.object(region)
        #expect(try system.startSubmitting(practice, of: region).finish() == 0)
        try system.awaitBalance(extracts: 1)
        let topics = [Topic.permitted, .pseudonymised, .linked]
        try plantUnreadableWithdrawal(in: topics, of: system)
        let refused = try output(system, ["release", "create", "condition-prevalence"])
        #expect(refused.status != 0)
        for stage in [StageName.pseudonymisation, .linkage, .publication] {
          #expect(refused.text.contains("1 rejected objections wait at \(stage.rawValue)"), "\(refused.text)")
        }
        let listed = try system.run(["objections", "rejected"])
        for topic in topics { #expect(listed.contains("\(try system.layout().name(topic))/1/"), "\(listed)") }
        try system.resolveRejectedObjections()
        _ = try system.release("condition-prevalence")
      }
    }

    private func plantUnreadableWithdrawal(in topics: [Topic], of system: RunningSystem) throws {
      let producer = try Producer(try system.kafka())
      defer { producer.close() }
      let withdrawal = Envelope.with {
        $0.kind = .withdrawal
        $0.withdrawal.token = Data([1, 2, 3])
      }
      for topic in topics {
        try producer.send(
          topic: try system.layout().name(topic), partition: 1, key: [UInt8](repeating: 7, count: 16),
          value: try withdrawal.serializedBytes())
      }
      try producer.flush()
    }
  }
}
