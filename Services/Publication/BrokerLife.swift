import Postgres
import StageKit

/// What the embedded broker took with it when it ended, and nobody but publication can say again.
///
/// A receipt that an extract is balanced may have been acknowledged and not yet read, so every one is said again; and
/// the topics of the datasets are empty, so the next `release` sends even a release that is already registered.
struct BrokerLife {
  let database: Connection

  /// Does its work once per incarnation, whatever the number of instances. An empty incarnation is a broker that
  /// forgets nothing.
  func begin(_ incarnation: String, announce: (BalancedExtract) throws -> Outbox.Entry) throws {
    guard !incarnation.isEmpty else { return }
    try database.transaction {
      let isNew = try database.query(
        "insert into incarnation (id) values ($1) on conflict do nothing", [.text(incarnation)]
      ).affected
      guard isNew == 1 else { return }
      let rows = try database.query(
        "select extract_id, organisation, source, period from extract_balance where balanced order by extract_id")
      try Outbox.append(
        try (0..<rows.count).map { row in
          try announce(
            BalancedExtract(
              id: rows.text(row, 0), organisation: rows.text(row, 1), source: Int16(rows.int(row, 2)),
              period: rows.text(row, 3)))
        }, to: database)
      try database.query("delete from release_delivery")
    }
  }
}
