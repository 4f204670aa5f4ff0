import Contracts
import Testing

@testable import Ingestion

struct ObjectionAlarmTests {
  private func alarm(
    _ dissents: Int64, of records: Int64, before: (Int64, Int64)? = nil, source: Source = .gp
  ) -> String? {
    ObjectionAlarm.of(
      .init(dissents: dissents, records: records), before: before.map { .init(dissents: $0.0, records: $0.1) },
      source: source)?.code
  }

  @Test func `no dissent among many is no chance, among few it may be`() {
    #expect(alarm(0, of: 500) == "objections_absent")
    #expect(alarm(0, of: 499) == nil)
    #expect(alarm(0, of: 499, before: (0, 499)) == nil)
  }

  @Test func `none where there was one is told, however small the practice`() {
    #expect(alarm(0, of: 40, before: (1, 40)) == "objections_absent")
    #expect(alarm(0, of: 0, before: (1, 40)) == nil)
  }

  @Test func `less than half of the share before is told, from ten on`() {
    #expect(alarm(49, of: 1_000, before: (100, 1_000)) == "objections_dropped")
    #expect(alarm(50, of: 1_000, before: (100, 1_000)) == nil)
    #expect(alarm(1, of: 1_000, before: (9, 1_000)) == nil)
    #expect(alarm(50, of: 500, before: (100, 1_000)) == nil)
  }

  @Test func `sources without objection codes raise none`() {
    #expect(alarm(0, of: 5_000, before: (10, 10), source: .hospital) == nil)
    #expect(alarm(0, of: 5_000, source: .community) == nil)
  }

  @Test func `an extract whose objections have stopped coming is admitted with the alarm in its receipt`() throws {
    let ingestion = try TestIngestion()
    func patients(dissents: Int) -> [TestPatient] {
      (1...20).map {
        TestPatient(ref: "p\($0)", token: UInt64($0), content: UInt64(dissents), dissents: $0 <= dissents)
      }
    }
    func receipt(_ id: String) throws -> Receipt? {
      try ingestion.outbox().receipts().last { $0.id == id }
    }
    try ingestion.submit("e1", at: 100, patients(dissents: 12))
    let first = try #require(try receipt("e1"))
    #expect(first.dissents == 12 && first.reason.isEmpty)
    try ingestion.submit("e2", at: 200, patients(dissents: 2))
    #expect(try receipt("e2")?.reason == "objections_dropped")
    try ingestion.submit("e3", at: 300, patients(dissents: 0))
    let third = try #require(try receipt("e3"))
    #expect(third.status == .admitted && third.reason == "objections_absent" && third.dissents == 0)
  }
}
