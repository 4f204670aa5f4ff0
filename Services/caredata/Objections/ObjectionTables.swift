import Contracts
import Postgres

extension Connection {
  /// Whether there is such a table, `schema.name`: a service makes its own when it first starts.
  func has(table: String) throws -> Bool {
    try query("select to_regclass($1) is not null", [.text(table)]).bool(0, 0)
  }
}

/// What the tables of the stages say of the state of objections.
struct ObjectionState: Codable, Equatable {
  /// Microseconds since 1970-01-01T00:00:00Z; nil: no national list is in force.
  var listDrawnAt: Int64?
  /// People on it.
  var listEntries: Int64?
  /// What could not be read and waits for somebody to look into it: nothing is released meanwhile.
  var rejectedObjections: Int64 = 0
  /// Live records without a number of people who were never seen with one: no objection under a number reaches them.
  var beyondObjections: Int64 = 0
  /// Of these, records without what else would tell whose they are.
  var beyondWithoutDemographics: Int64 = 0

  static let rejectedTables = StageName.allCases.map { "\($0.schema).rejected_objection" }

  /// Of an installation that has never run: nothing.
  static func read(_ database: Connection) throws -> ObjectionState {
    var state = ObjectionState()
    if try database.has(table: "ingestion.national_list") {
      let rows = try database.query(
        """
        select drawn_at, entries from ingestion.national_list where state = 'in_force'
        order by judged_at desc, no desc limit 1
        """)
      if rows.count > 0 { (state.listDrawnAt, state.listEntries) = (rows.int(0, 0), rows.int(0, 1)) }
    }
    for table in rejectedTables where try database.has(table: table) {
      state.rejectedObjections += try database.query("select count(*) from \(table) where resolved_at is null")
        .int(0, 0)
    }
    if try database.has(table: "linkage.beyond_objections") {
      let rows = try database.query("select records, without_demographics from linkage.beyond_objections")
      (state.beyondObjections, state.beyondWithoutDemographics) = (rows.int(0, 0), rows.int(0, 1))
    }
    return state
  }
}
