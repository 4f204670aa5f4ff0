import Contracts
import Postgres

/// When the national list of objections in force was drawn, as ingestion's receipts tell; kept in a table, because the
/// receipt comes to one instance and its topic forgets it.
final class NationalListAge: BatchState {
  private let rule: NationalListRule
  /// Microseconds since 1970-01-01T00:00:00Z; nil: there was never a list.
  private(set) var drawnAt: Int64?
  /// Drawn last of what the batch brings, and up to when a list can have been drawn.
  private var received: (drawnAt: Int64, latest: Int64)?

  init(_ rule: NationalListRule) { self.rule = rule }

  /// Why no record may pass now; nil when nothing is amiss.
  func fault(now: Int64) -> String? { rule.fault(drawnAt: drawnAt, now: now) }

  func load(_ database: Connection) throws {
    let rows = try database.query("select drawn_at from national_list")
    drawnAt = rows.count == 0 ? nil : rows.int(0, 0)
  }

  /// A list drawn in the future would stay fresh for longer than it is: it is not believed.
  func take(_ receipt: Receipt, now: Int64) {
    let latest = now + NationalListRule.clockSkew
    guard receipt.status == .nationalListInForce, receipt.drawnAt > 0, receipt.drawnAt <= latest else { return }
    received = (Self.newer(received?.drawnAt, receipt.drawnAt, latest: latest), latest)
  }

  /// One that a wrong clock has let in is forgotten as soon as a right one comes.
  private static func newer(_ held: Int64?, _ drawnAt: Int64, latest: Int64) -> Int64 {
    guard let held, held <= latest else { return drawnAt }
    return max(held, drawnAt)
  }

  /// Within the batch's transaction.
  func store(_ database: Connection) throws {
    guard let received else { return }
    try database.query(
      """
      insert into national_list as l (drawn_at) values ($1) on conflict (only_row) do update
      set drawn_at = case when l.drawn_at > $2 then excluded.drawn_at else greatest(l.drawn_at, excluded.drawn_at) end
      """, [.int(received.drawnAt), .int(received.latest)])
  }

  func stored() {
    if let received { drawnAt = Self.newer(drawnAt, received.drawnAt, latest: received.latest) }
    received = nil
  }

  func forget() { received = nil }
}
