import Contracts
import Postgres

/// When the national list of objections in force was drawn, as ingestion's receipts tell; kept in a table, because the
/// receipt comes to one instance and its topic forgets it.
final class NationalListAge: BatchState {
  private let rule: NationalListRule
  /// Microseconds since 1970-01-01T00:00:00Z; nil: there was never a list.
  private(set) var drawnAt: Int64?
  private var received: Int64?

  init(_ rule: NationalListRule) { self.rule = rule }

  /// Why no record may pass now; nil when nothing is amiss.
  func fault(now: Int64) -> String? { rule.fault(drawnAt: drawnAt, now: now) }

  func load(_ database: Connection) throws {
    let rows = try database.query("select drawn_at from national_list")
    drawnAt = rows.count == 0 ? nil : rows.int(0, 0)
  }

  /// A list drawn in the future would stay fresh for longer than it is: it is not believed.
  func take(_ receipt: Receipt, now: Int64) {
    guard receipt.status == .nationalListInForce, receipt.drawnAt > 0,
      receipt.drawnAt <= now + NationalListRule.clockSkew
    else { return }
    received = max(received ?? 0, receipt.drawnAt)
  }

  /// Within the batch's transaction.
  func store(_ database: Connection) throws {
    guard let received else { return }
    try database.query(
      """
      insert into national_list as l (drawn_at) values ($1)
      on conflict (only_row) do update set drawn_at = greatest(l.drawn_at, excluded.drawn_at)
      """, [.int(received)])
  }

  func stored() {
    if let received { drawnAt = max(drawnAt ?? 0, received) }
    received = nil
  }

  func forget() { received = nil }
}
