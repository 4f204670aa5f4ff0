import Contracts
import Kafka
import Postgres
import StageKit
import SwiftProtobuf

/// A cut through the stream: everything acknowledged before it, objections included, has been applied here.
struct ReleaseCut {
  let id: String
  let database: Connection

  /// Tags that have come, and how many make the cut complete: one per pair of a `validated` and a `pseudonymised`
  /// partition; 0 while none has come.
  func tags() throws -> (tags: Int64, total: Int64) {
    let rows = try database.query(
      "select count(*), coalesce(max(partitions) * max(partitions), 0) from cut where cut_id = $1", [.text(id)])
    return (rows.int(0, 0), rows.int(0, 1))
  }

  func request(_ configuration: StageConfiguration) throws {
    let producer = try Producer(configuration.kafka)
    defer { producer.close() }
    let message = ObjectionMessage.with { $0.cut.cutID = id }
    try producer.send(
      topic: configuration.layout.name(.objections), partition: configuration.layout.partition(ofText: id),
      key: Array(id.utf8), value: try message.serializedBytes())
    try producer.flush()
  }

  /// - Returns: the regime, as ``regime()``.
  func wait(_ patience: Duration, partitions: Int) async throws -> String {
    let deadline = ContinuousClock.now + patience
    while true {
      let (tags, total) = try tags()
      if total > 0, tags == total { break }
      guard ContinuousClock.now < deadline else {
        throw ReleaseError.cutIncomplete(
          seconds: Int(patience.components.seconds), tags: tags, of: max(total, Int64(partitions * partitions)))
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    let regime = Result { try self.regime() }
    try database.query("delete from cut where cut_id = $1", [.text(id)])
    return try regime.get()
  }

  /// Which objections were honoured up to the cut; empty where ingestion does not say.
  /// - Throws: `ReleaseError.held` with what the stages say and what publication itself could not read, `.mixedRegimes`. A tag that says nothing beside others that do is another regime.
  func regime() throws -> String {
    let held = try database.query(
      "select distinct reason from cut, unnest(held_by) as reason where cut_id = $1 order by reason", [.text(id)])
    let reasons =
      try (0..<held.count).map { held.text($0, 0) } + UnresolvedObjections.reasons(at: .publication, database)
    guard reasons.isEmpty else { throw ReleaseError.held(reasons) }
    let rows = try database.query(
      """
      select distinct coalesce(regime, '') from cut left join lateral unnest(regimes) as regime on true
      where cut_id = $1 order by 1
      """, [.text(id)])
    let regimes = (0..<rows.count).map { rows.text($0, 0) }
    guard regimes.count <= 1 else { throw ReleaseError.mixedRegimes(regimes) }
    return regimes.first ?? ""
  }
}
