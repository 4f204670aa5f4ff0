import Postgres

/// Where a message lies that may hold an objection and could not be read: topic/partition/offset.
struct RejectedPlace: Hashable {
  let topic: String
  let partition: Int64
  let offset: Int64

  init(topic: String, partition: Int64, offset: Int64) {
    (self.topic, self.partition, self.offset) = (topic, partition, offset)
  }

  /// Nil when the text is not such a place.
  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, let partition = Int64(parts[1]), let offset = Int64(parts[2]),
      0...Int64(Int32.max) ~= partition, offset >= 0
    else { return nil }
    self.init(topic: String(parts[0]), partition: partition, offset: offset)
  }

  var text: String { "\(topic)/\(partition)/\(offset)" }
}

/// Objections that a stage has put aside. Until somebody has looked into each, nothing is released.
struct RejectedObjections {
  struct Row: Equatable {
    let stage: String
    let place: RejectedPlace
    let code: String
    let rejectedAt: String
    /// When, by whom and why; nil: it waits.
    let resolution: (at: String, by: String, reason: String)?

    static func == (left: Row, right: Row) -> Bool {
      left.place == right.place && left.stage == right.stage && left.code == right.code
        && (left.resolution == nil) == (right.resolution == nil)
    }
  }

  let database: Connection

  func rows(includesResolved: Bool) throws -> [Row] {
    var found: [Row] = []
    for table in ObjectionState.rejectedTables where try database.has(table: table) {
      let rows = try database.query(
        """
        select topic, partition::bigint, record_offset, code,
          to_char(rejected_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
          to_char(resolved_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), coalesce(resolved_by, ''), coalesce(reason, '')
        from \(table) where $1 or resolved_at is null order by rejected_at, topic, partition, record_offset
        """, [.bool(includesResolved)])
      let stage = String(table.prefix { $0 != "." }).replacing("_", with: "-")
      for row in 0..<rows.count {
        found.append(
          Row(
            stage: stage,
            place: RejectedPlace(topic: rows.text(row, 0), partition: rows.int(row, 1), offset: rows.int(row, 2)),
            code: rows.text(row, 3), rejectedAt: rows.text(row, 4),
            resolution: rows.isNull(row, 5) ? nil : (rows.text(row, 5), rows.text(row, 6), rows.text(row, 7))))
      }
    }
    return found
  }

  /// - Throws: ``ClientError`` when there is no such place, or it is resolved already.
  func resolve(_ place: RejectedPlace, by name: String, reason: String) throws {
    let key: [Parameter] = [.text(place.topic), .int(place.partition), .int(place.offset)]
    let isPlace = "topic = $1 and partition = $2 and record_offset = $3"
    var (known, resolved) = (0, 0)
    try database.transaction {
      for table in ObjectionState.rejectedTables where try database.has(table: table) {
        known += try database.query("select from \(table) where \(isPlace)", key).count
        resolved += try database.query(
          """
          update \(table) set resolved_at = now(), resolved_by = $4, reason = $5
          where \(isPlace) and resolved_at is null
          """, key + [.text(name), .text(reason)]
        ).affected
      }
    }
    guard known > 0 else { throw ClientError("no objection was rejected at \(place.text)") }
    guard resolved > 0 else { throw ClientError("the rejected objection at \(place.text) is resolved already") }
  }
}
