import Contracts
import Foundation
import Postgres
import StageKit

/// What one batch brings, grouped so that each table is written once.
struct Intake {
  let layout: TopicLayout
  var records: [ExtractStore.Opening: [StagedRecord]] = [:]
  var manifests: [Manifest] = []
  var unknownCodeSystem: Set<String> = []
  var spoken: [ObjectionLedger.Spoken] = []
  var objections: [Objection] = []
  var cuts: [String] = []
  var enrolments: [PracticeEnrolment] = []
  var balanced: [Receipt] = []

  init(layout: TopicLayout) { self.layout = layout }

  /// Of the receipts, ingestion heeds only that publication has accounted for an extract.
  mutating func take(receipt: Receipt) {
    if receipt.status == .balanced { balanced.append(receipt) }
  }
}

extension Manifest {
  var opening: ExtractStore.Opening {
    .init(
      extractID: extractID, organisation: organisation, source: source, period: period, submittedAt: submittedAt,
      specification: specification)
  }
}

/// What manifests do to an extract.
enum ManifestHandling {
  /// The gate's decision is taken once, here, and stored.
  static func open(
    _ manifest: Manifest, _ extract: ExtractRow, _ receipts: ReceiptFactory, _ database: Connection
  ) throws {
    guard !extract.opened, extract.state == "staging" else { return }
    try database.query(
      "update extract set opened = true, expected = $2::bigint where no = $1::bigint",
      [.int(extract.no), .int(Int64(manifest.expectedRecords))])
    if let reason = try Practices.reasonToRefuse(extract.organisation, database) {
      try refuse(extract, reason: reason, receipts, database)
    }
  }

  static func end(
    _ manifest: Manifest, _ extract: ExtractRow, _ receipts: ReceiptFactory, _ database: Connection
  ) throws {
    guard try isStaging(extract, database) else { return }
    if manifest.state == .abandoned {
      let receipt = Receipt.with {
        $0.id = extract.extractID
        $0.status = .abandoned
        $0.reason = "abandoned_by_connector"
      }
      try ExtractStore.end(extract, as: "abandoned", receipt: receipt, database)
      return try Outbox.append([try receipts.entry(receipt)], to: database)
    }
    let rejected = String(decoding: try JSONEncoder().encode(manifest.rejectedByConnector), as: UTF8.self)
    try database.query(
      "update extract set closed = true, expected = $2::bigint, rejected_by_connector = $3 where no = $1::bigint",
      [.int(extract.no), .int(Int64(manifest.expectedRecords)), .text(rejected)])
  }

  static func refuse(
    _ extract: ExtractRow, reason: String, _ receipts: ReceiptFactory, _ database: Connection
  ) throws {
    guard try isStaging(extract, database) else { return }
    let receipt = Receipt.with {
      $0.id = extract.extractID
      $0.status = .refused
      $0.reason = reason
      $0.organisation = extract.organisation
      $0.source = extract.source
      $0.period = extract.period
    }
    try ExtractStore.end(extract, as: "refused", receipt: receipt, database)
    try Outbox.append([try receipts.entry(receipt)], to: database)
  }

  static func isStaging(_ extract: ExtractRow, _ database: Connection) throws -> Bool {
    try database.query("select state = 'staging' from extract where no = $1::bigint", [.int(extract.no)]).bool(0, 0)
  }
}

/// Objections sent outside extracts: acknowledged per submission once all of it is in the ledger.
enum ObjectionIntake {
  /// Returns the receipts of the submissions that this batch completes.
  static func store(_ objections: [Objection], _ database: Connection) throws -> [Receipt] {
    guard !objections.isEmpty else { return [] }
    try database.query(
      """
      insert into objection_received
      select distinct * from unnest($1::text[], $2::bigint[]::int[], $3::bigint[]::int[]) on conflict do nothing
      """,
      [
        .textArray(objections.map(\.submissionID)), .intArray(objections.map { Int64($0.sequence) }),
        .intArray(objections.map { Int64($0.expected) }),
      ])
    let complete = try database.query(
      """
      select submission_id, count(*) from objection_received where submission_id = any($1)
      group by submission_id having count(*) >= max(expected)
      """, [.textArray(Array(Set(objections.map(\.submissionID))))])
    return (0..<complete.count).map { row in
      Receipt.with {
        $0.id = complete.text(row, 0)
        $0.status = .objectionsAcknowledged
        $0.recordsAdmitted = UInt32(complete.int(row, 1))
      }
    }
  }
}
