import Contracts
import Postgres
import StageKit

/// What the embedded broker took with it when it ended, and nobody before linkage sends again.
///
/// Records come again from ingestion until publication has balanced their extract. A reassignment also concerns
/// records balanced long ago; one that was acknowledged and not yet read is in no topic and in no outbox any more. So in
/// a new life of the broker everything ever reassigned is sent once more; publication takes the highest number anyway.
/// Likewise the retractions of records that proved, after they had been sent, to be those of a person who objects.
struct BrokerLife {
  let database: Connection
  let layout: TopicLayout

  private static let page = 5_000

  /// Does its work once per incarnation, whatever the number of instances. An empty incarnation is a broker that
  /// forgets nothing.
  func begin(_ incarnation: String) throws {
    guard !incarnation.isEmpty else { return }
    try database.transaction {
      try LinkageLock.take(database)
      let isNew = try database.query(
        "insert into incarnation (id) values ($1) on conflict do nothing", [.text(incarnation)]
      ).affected
      guard isNew == 1 else { return }
      // Markers of a cut that lost some of its others would never be complete.
      try database.execute("truncate marker")
      try sendReassigned()
      try sendSuppressed()
    }
  }

  private func sendReassigned() throws {
    let number = try AssignmentNumber.next(database)
    var rows: Rows
    var last: [UInt8] = []
    repeat {
      rows = try database.query(
        """
        select o.record_id, o.header, s.person, s.rank
        from observation o join standing s on s.combination = o.combination
        where o.record_id > $1 and o.state = 0 and s.reassigned order by o.record_id limit \(Self.page)
        """, [.bytes(last)])
      let entries = LinkedEnvelope.reassignments(rows, layout) { row in
        LinkedEnvelope.Assignment(person: rows.token(row, 2)!, rank: UInt8(rows.int(row, 3)), number: number)
      }
      try Outbox.append(entries, to: database)
      if rows.count > 0 { last = rows.bytes(rows.count - 1, 0) }
    } while rows.count == Self.page
  }

  private func sendSuppressed() throws {
    var rows: Rows
    var last: [UInt8] = []
    repeat {
      rows = try database.query(
        """
        select record_id, header from observation where record_id > $1 and state = 4
        order by record_id limit \(Self.page)
        """, [.bytes(last)])
      try Outbox.append(LinkedEnvelope.suppressions(rows, layout), to: database)
      if rows.count > 0 { last = rows.bytes(rows.count - 1, 0) }
    } while rows.count == Self.page
  }
}
