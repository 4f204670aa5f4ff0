import Contracts
import Postgres
import StageKit

/// Takes back everything that an organisation ever sent, a bounded piece at a time, after it has left with that wish.
struct Erasure {
  static let pieceRecords: Int64 = 5_000

  let admission: Admission
  let manifests: ManifestHandling
  let receipts: ReceiptFactory

  /// Returns whether there was something to do.
  func next(_ database: Connection) throws -> Bool {
    try database.transaction {
      try admission.version.enter(database)
      // What is on its way arrives first: publication counts a record that meets its own retraction nowhere.
      let tasks = try database.query(
        """
        select organisation, changed_at, retracted from erasure t
        where not exists (select from extract e where e.organisation = t.organisation and e.state = 'admitted')
          and not exists (
            select from extract e join scope s on s.extract_id = e.extract_id
            where e.organisation = t.organisation and e.state = 'emitted')
        order by organisation limit 1 for update skip locked
        """)
      guard tasks.count == 1 else { return false }
      let (organisation, since) = (tasks.text(0, 0), tasks.int(0, 1))
      try refuseStaging(organisation, database)
      try lockScopes(organisation, since: since, database)
      let retracted = try retract(organisation, since: since, database)
      if retracted > 0 {
        try database.query(
          "update erasure set retracted = retracted + $2 where organisation = $1",
          [.text(organisation), .int(Int64(retracted))])
        return true
      }
      let receipt = Receipt.with {
        $0.id = "\(organisation)@\(since)"
        $0.status = .erased
        $0.organisation = organisation
        $0.retractions = UInt32(clamping: tasks.int(0, 2))
      }
      try database.query("delete from erasure where organisation = $1", [.text(organisation)])
      try Outbox.append([try receipts.entry(receipt)], to: database)
      return true
    }
  }

  /// What was accepted before the organisation left, and has not been admitted, never will be.
  private func refuseStaging(_ organisation: String, _ database: Connection) throws {
    let rows = try database.query(
      "select \(ExtractStore.columns) from extract where organisation = $1 and state = 'staging' order by no for update",
      [.text(organisation)])
    for row in 0..<rows.count {
      try manifests.refuse(ExtractStore.extract(rows, row), reason: "organisation_withdrawn", database)
    }
  }

  /// Extracts submitted before the wish to erase lose against it, should one still be on its way.
  private func lockScopes(_ organisation: String, since: Int64, _ database: Connection) throws {
    try database.query(
      """
      update scope set version_time = greatest(version_time + 1, $2), version_digest = 0, extract_id = ''
      where organisation = $1 and extract_id <> ''
      """, [.text(organisation), .int(since)])
  }

  private func retract(_ organisation: String, since: Int64, _ database: Connection) throws -> Int {
    let rows = try database.query(
      """
      with piece as (
        select r.record_id from record_state r join scope s on s.no = r.scope_no
        where s.organisation = $1 and r.live order by r.record_id limit $2)
      update record_state r set live = false, version_time = greatest(r.version_time + 1, $3), version_digest = 0,
        stamp = nextval('stamp')
      from piece p, extract e where r.record_id = p.record_id and e.no = r.extract_no
      returning \(Admission.retractionColumns)
      """, [.text(organisation), .int(Self.pieceRecords), .int(since)])
    try admission.queueRetractions(rows, database)
    return rows.count
  }
}
