import Contracts
import Foundation
import Postgres
import StageKit

/// What manifests do to an extract.
struct ManifestHandling {
  let receipts: ReceiptFactory
  let practices: Practices

  /// The gate's decision is taken once, here, and stored. A manifest that comes again for a decided extract is
  /// answered with the receipt it had.
  func take(_ manifest: Manifest, asJSON: Bool, _ extract: ExtractRow, _ database: Connection) throws {
    guard try Self.isStaging(extract, database) else { return try answerAgain(extract, database) }
    switch manifest.state {
    case .opened: try open(manifest, asJSON: asJSON, extract, database)
    case .abandoned:
      var receipt = extract.receipt
      receipt.status = .abandoned
      receipt.reason = "abandoned_by_connector"
      try ExtractStore.end(extract, as: "abandoned", receipt: receipt, receipts, database)
    default: try close(manifest, extract, database)
    }
  }

  private func open(
    _ manifest: Manifest, asJSON: Bool, _ extract: ExtractRow, _ database: Connection
  ) throws {
    guard !extract.opened else { return }
    try database.query(
      """
      update extract set opened = true, json = $3, declared_at_opening = $2::bigint, examined = -1,
        touched = clock_timestamp(), held = ''
      where no = $1::bigint
      """, [.int(extract.no), .int(Int64(manifest.expectedRecords)), .bool(asJSON)])
    if let reason = try practices.reasonToRefuse(extract.organisation, database) {
      try refuse(extract, reason: reason, database)
    }
  }

  /// A later closing manifest replaces an earlier one: that is how a miscounted extract is completed.
  private func close(_ manifest: Manifest, _ extract: ExtractRow, _ database: Connection) throws {
    let encoder = JSONEncoder()
    let rejected = String(decoding: try encoder.encode(Self.named(manifest.rejectedByConnector)), as: UTF8.self)
    let leftOut = String(decoding: try encoder.encode(Self.named(manifest.leftOutByConnector)), as: UTF8.self)
    try database.query(
      """
      update extract set closed = true, expected = $2::bigint, expected_entries = $3, rejected_by_connector = $4,
        left_out_by_connector = $5, examined = -1, touched = clock_timestamp(), held = ''
      where no = $1::bigint
      """,
      [
        .int(extract.no), .int(Int64(manifest.expectedRecords)),
        manifest.hasExpectedEntries ? .int(Int64(clamping: manifest.expectedEntries)) : .null, .text(rejected),
        .text(leftOut),
      ])
  }

  /// The names are told again in the receipt, so they may not be text that somebody has chosen: what has the form of a
  /// name is kept, everything else is counted together.
  ///
  /// Receipts are messages with a greatest length, so there are not more of them than `greatestNames`.
  static func named<Number: FixedWidthInteger>(_ counts: [String: Number]) -> [String: Number] {
    counts.sorted { $0.key < $1.key }.reduce(into: [:]) { named, count in
      let isName =
        1...80 ~= count.key.utf8.count
        && count.key.utf8.allSatisfy({
          switch $0 {
          case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F, 0x3A, 0x5F: true
          default: false
          }
        }) && count.key.utf8.count(where: { 0x30...0x39 ~= $0 }) <= 4
      let name = isName && named.count < greatestNames ? count.key : "other"
      named[name, default: 0].add(clamping: count.value)
    }
  }

  private static let greatestNames = 1_000

  private func answerAgain(_ extract: ExtractRow, _ database: Connection) throws {
    let rows = try database.query("select receipt from extract where no = $1::bigint", [.int(extract.no)])
    guard !rows.isNull(0, 0) else { return }
    let receipt = try Receipt(serializedBytes: rows.bytes(0, 0))
    try Outbox.append([try receipts.entry(receipt, asJSON: extract.isJSON)], to: database)
  }

  func refuse(_ extract: ExtractRow, reason: String, _ database: Connection) throws {
    guard try Self.isStaging(extract, database) else { return }
    var receipt = extract.receipt
    receipt.status = .refused
    receipt.reason = reason
    try ExtractStore.end(extract, as: "refused", receipt: receipt, receipts, database)
  }

  static func isStaging(_ extract: ExtractRow, _ database: Connection) throws -> Bool {
    try database.query("select state = 'staging' from extract where no = $1::bigint", [.int(extract.no)]).bool(0, 0)
  }
}

extension FixedWidthInteger {
  mutating func add(clamping other: Self) {
    let (sum, overflow) = addingReportingOverflow(other)
    self = overflow ? .max : sum
  }
}
