import Clinical
import Contracts
import Cryptography
import Datasets
import Postgres

/// Gives the live records out of PostgreSQL person by person, a few thousand at a time, however many there are.
///
/// PostgreSQL sorts them by person, on disk where memory does not reach. Call inside a transaction.
struct FactReader {
  private let database: Connection
  private static let batch = 4_000
  private static let columns = """
    person_id, record_id, source::bigint, organisation, period, link_rank::bigint, year_of_birth::bigint, sex::bigint,
    practice, area, ethnic_category, commissioner, registered_from, registered_to, systems::int[], codes, days,
    end_days, encounters, positions, month_only
    """

  init(_ database: Connection) { self.database = database }

  /// The last day of the newest period for which a general practice has sent anything, or else anybody; nil: nobody has.
  func referenceDay() throws -> CalendarDate? {
    let rows = try database.query(
      "select coalesce(max(period) filter (where source = 1), max(period)) from record where state = 1")
    return rows.isNull(0, 0) ? nil : Period(rows.text(0, 0))?.last
  }

  /// - Parameter share: which of how many equal parts of the people, from 0 on.
  func read(_ share: PopulationShare, into plan: inout DatasetPlan) throws {
    // The plan is used once and its rows are all wanted; compiling it takes longer than running it.
    try database.execute("set local work_mem = '128MB'; set local jit = off; set local cursor_tuple_fraction = 1")
    try database.execute(
      """
      declare people no scroll cursor for select \(Self.columns) from record
      where state = \(RecordState.live.rawValue) \(share.condition) order by person_id
      """)
    var entries = EntryColumns()
    var person: PersonHistory?
    while true {
      let rows = try database.query("fetch \(Self.batch) from people")
      for row in 0..<rows.count {
        let id = rows.token(row, 0)
        if person?.id != id {
          if let person { plan.add(person) }
          person = PersonHistory(id: id)
        }
        entries.read(rows, row, &plan)
        person!.add(rows, row, entries, &plan)
      }
      if rows.count < Self.batch { break }
    }
    if let person { plan.add(person) }
    try database.execute("close people")
  }
}

/// A part of the people. Their ids are keyed digests, so that equal parts of the ids are equal parts of the people.
struct PopulationShare: Sendable {
  let part: Int
  let of: Int

  static let whole = PopulationShare(part: 0, of: 1)

  fileprivate var condition: String {
    func bound(_ part: Int) -> String { "'\\x\(hexadecimal([UInt8(256 * part / of)]))'::bytea" }
    return (part > 0 ? "and person_id >= \(bound(part)) " : "")
      + (part + 1 < of ? "and person_id < \(bound(part + 1))" : "")
  }
}

/// The entries of one record column by column; the arrays are kept for the next.
private struct EntryColumns {
  var systems: [Int32] = []
  var codes: [UInt64] = []
  var days: [Int32] = []
  var endDays: [Int32] = []
  var encounters: [Int32] = []
  var positions: [Int32] = []
  var monthOnly: [Int32] = []

  mutating func read(_ rows: Rows, _ row: Int, _ plan: inout DatasetPlan) {
    read(rows, row, 14, &systems)
    codes.removeAll(keepingCapacity: true)
    rows.eachText(row, 15) { text in
      codes.append(plan.code(text, CodeSystem(rawValue: Int(systems[codes.count])) ?? .unspecified))
    }
    read(rows, row, 16, &days)
    read(rows, row, 17, &endDays)
    read(rows, row, 18, &encounters)
    read(rows, row, 19, &positions)
    read(rows, row, 20, &monthOnly)
  }

  private func read(_ rows: Rows, _ row: Int, _ column: Int, _ numbers: inout [Int32]) {
    numbers.removeAll(keepingCapacity: true)
    rows.appendInt4Array(row, column, to: &numbers)
  }
}

extension PersonHistory {
  fileprivate mutating func add(_ rows: Rows, _ row: Int, _ columns: EntryColumns, _ plan: inout DatasetPlan) {
    guard let source = Source(rawValue: Int(rows.int(row, 2))), let period = Period(rows.text(row, 4)) else { return }
    var record = Record(
      id: rows.token(row, 1), source: source, organisation: plan.names.number(rows.text(row, 3)), period: period)
    record.rank = Int16(truncatingIfNeeded: rows.int(row, 5))
    record.yearOfBirth = Int16(truncatingIfNeeded: rows.int(row, 6))
    record.sex = Int16(truncatingIfNeeded: rows.int(row, 7))
    record.practice = plan.names.number(rows.text(row, 8))
    record.area = plan.names.number(rows.text(row, 9))
    record.ethnicCategory = plan.names.number(rows.text(row, 10))
    record.commissioner = plan.names.number(rows.text(row, 11))
    record.registeredFrom = rows.isNull(row, 12) ? nil : rows.date(row, 12)
    record.registeredTo = rows.isNull(row, 13) ? nil : rows.date(row, 13)
    let first = entries.count
    for place in columns.codes.indices {
      entries.append(
        Entry(
          system: CodeSystem(rawValue: Int(columns.systems[place])) ?? .unspecified, code: columns.codes[place],
          day: columns.days[place], endDay: columns.endDays[place], encounter: columns.encounters[place],
          position: columns.positions[place]))
    }
    for place in columns.monthOnly { entries[first + Int(place) - 1].isMonthOnly = true }
    record.entries = first..<entries.count
    records.append(record)
  }
}

extension Rows {
  fileprivate func token(_ row: Int, _ column: Int) -> Token16 {
    withBytes(row, column) { Token16(bytes: $0)! }
  }
}
