import Contracts
import Foundation
import Kafka
import Postgres
import StageKit
import SwiftProtobuf
import Testing

@testable import caredata

/// An objection that is lost between two stages would never reach the records behind them.
@Suite(.serialized)
struct UnreadableObjectionTests {
  @Test(
    arguments: [
      (StageName.objectionFilter, Topic.validated), (.pseudonymisation, .permitted), (.linkage, .pseudonymised),
      (.publication, .linked),
    ])
  func `what a stage cannot read and may tell of an objection holds every release until it is looked into`(
    stage: StageName, topic: Topic
  ) async throws {
    let pipeline = try await Pipeline(keys: TestPostgres.keys())
    let node = pipeline.nodes[try #require(StageName.allCases.firstIndex(of: stage))]
    func waiting() throws -> Int64 {
      try node.database.query("select count(*) from rejected_objection where resolved_at is null").int(0, 0)
    }
    func reasons(_ cut: String) throws -> [String] {
      try pipeline.reasons(cut: cut).filter { $0.contains("rejected objections") }
    }
    let withdrawal = Envelope.with {
      $0.kind = .withdrawal
      $0.withdrawal.token = Data([1, 2, 3])
    }
    let retraction = Envelope.with { $0.kind = .retraction }
    let record = Envelope.with { $0.kind = .record }
    try pipeline.plant([try record.serializedBytes()], in: topic)
    #expect(try reasons("before").isEmpty, "a record tells of no objection")

    try pipeline.plant(
      [try withdrawal.serializedBytes(), [0xff, 0xfe, 0xfd], try retraction.serializedBytes()], in: topic)
    #expect(try reasons("held") == UnresolvedObjections.reasons(3, at: stage))
    try node.restart(redelivered: 100)
    #expect(try reasons("again") == UnresolvedObjections.reasons(3, at: stage), "delivered again, counted once")

    try node.database.execute("update rejected_objection set resolved_at = now(), resolved_by = 'me', reason = 'known'")
    try node.restart(redelivered: 100)
    let fresh = try reasons("fresh")
    #expect(try waiting() == 0 && fresh.isEmpty)
  }
}
