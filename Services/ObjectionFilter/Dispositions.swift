import Clinical
import Contracts
import Foundation
import Postgres
import StageKit
import SwiftProtobuf

/// Tells a connector, once per extract, that every record has been decided, and how many were held back: by type, small
/// numbers masked, and never how many passed, which would unmask them.
final class Dispositions: BatchState {
  private struct Admission {
    let receipt: Receipt
    let asJSON: Bool
  }

  /// Receipts that one check makes at most.
  private static let limit = 1_000

  private let layout: TopicLayout
  private var batch: [String: Admission] = [:]
  /// Something was counted or admitted since the last check; also after a start, for what happened before it.
  var isCheckDue = true

  init(layout: TopicLayout) { self.layout = layout }

  func forget() {
    batch.removeAll()
    isCheckDue = true
  }

  /// - Parameter asJSON: how ingestion answered its connector, who is answered alike.
  func take(_ receipt: Receipt, asJSON: Bool) {
    guard receipt.status == .admitted, !receipt.id.isEmpty,
      ![receipt.id, receipt.organisation, receipt.period].contains(where: { $0.contains("\0") })
    else { return }
    batch[receipt.id] = Admission(receipt: receipt, asJSON: asJSON)
  }

  /// Within the batch's transaction. An admission that is known is not taken again.
  func store(_ database: Connection) throws {
    guard !batch.isEmpty else { return }
    let rows = batch.values.sorted { $0.receipt.id < $1.receipt.id }
    try database.query(
      """
      insert into disposition (extract_id, organisation, source, period, records, as_json)
      select e, o, s, p, r, j = 1
      from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) as n(e, o, s, p, r, j)
      on conflict do nothing
      """,
      [
        .textArray(rows.map(\.receipt.id)), .textArray(rows.map(\.receipt.organisation)),
        .intArray(rows.map { Int64($0.receipt.source.rawValue) }), .textArray(rows.map(\.receipt.period)),
        .intArray(rows.map { Int64($0.receipt.recordsAdmitted) }), .intArray(rows.map { $0.asJSON ? 1 : 0 }),
      ])
  }

  func stored() {
    if !batch.isEmpty { isCheckDue = true }
    batch.removeAll()
  }

  /// Puts the receipts of extracts that are decided whole into the outbox. The mark that they are sent and the receipts
  /// are one transaction: none is told twice or forgotten.
  func check(_ database: Connection) throws {
    guard isCheckDue else { return }
    var count = 0
    repeat {
      count = try database.transaction {
        let rows = try database.query(
          """
          with decided as (
            select extract_id from disposition d
            where sent_at is null and records <= (
              select coalesce(sum(passed + excluded + rejected), 0) from flow f where f.extract_id = d.extract_id)
            order by extract_id limit \(Self.limit) for update skip locked)
          update disposition d set sent_at = now() from decided where d.extract_id = decided.extract_id
          returning d.extract_id, organisation, source, period, as_json,
            (select coalesce(sum(type1), 0) from exclusion e where e.extract_id = d.extract_id)::bigint,
            (select coalesce(sum(type2), 0) from exclusion e where e.extract_id = d.extract_id)::bigint
          """)
        try Outbox.append(try (0..<rows.count).map { try entry(rows, $0) }, to: database)
        return rows.count
      }
    } while count == Self.limit
    isCheckDue = false
  }

  private func entry(_ rows: Rows, _ row: Int) throws -> Outbox.Entry {
    let receipt = Self.receipt(
      extract: rows.text(row, 0), type1: Int(rows.int(row, 5)), type2: Int(rows.int(row, 6)),
      organisation: rows.text(row, 1), source: Source(rawValue: Int(rows.int(row, 2))) ?? .unspecified,
      period: rows.text(row, 3))
    return Outbox.Entry(
      topic: layout.name(.receipts), partition: layout.partition(ofText: receipt.id), key: Array(receipt.id.utf8),
      value: rows.bool(row, 4) ? [UInt8](try receipt.jsonUTF8Data()) : try receipt.serializedBytes())
  }

  static func receipt(
    extract: String, type1: Int, type2: Int, organisation: String, source: Source, period: String
  ) -> Receipt {
    Receipt.with {
      $0.id = extract
      $0.status = .disposition
      $0.organisation = organisation
      $0.source = source
      $0.period = period
      $0.excluded = ["type-1": MaskedCount(type1).text, "type-2": MaskedCount(type2).text]
    }
  }
}
