import Clinical
import Datasets
import Disclosure
import Foundation
import Postgres

@testable import Publication

/// The shipped datasets as the files of `Tests/DatasetOracle` count them.
struct SQLOracle {
  let database: Connection
  let day: CalendarDate

  static let folder =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
    + "/DatasetOracle"

  /// - Parameters:
  ///   - excluded: codes that are left out, with everything of the same encounter.
  ///   - minimumRank: records linked less surely are nobody's in particular.
  init(
    _ database: Connection, _ folder: DatasetFolder, day: CalendarDate, excluded: [ClinicalCode] = [],
    minimumRank: Int? = nil
  ) throws {
    (self.database, self.day) = (database, day)
    try database.execute(
      """
      create temporary table rec as select encode(record_id, 'hex') as record_id, encode(person_id, 'hex') as person,
        source::int, organisation, period, link_rank::int as rank, year_of_birth::int, sex::int, practice, area,
        ethnic_category, commissioner, registered_from - date '1970-01-01' as registered_from,
        registered_to - date '1970-01-01' as registered_to
      from record where state = 1;
      create temporary table ent as select encode(r.record_id, 'hex') as record_id, encode(r.person_id, 'hex') as person,
        r.source::int, r.organisation, r.period, e.place::int, e.system::int, e.code,
        nullif(e.day, -2147483648) as day, nullif(e.end_day, -2147483648) as end_day, e.encounter, e.position,
        e.place = any(r.month_only) as month_only
      from record r cross join lateral unnest(r.systems, r.codes, r.days, r.end_days, r.encounters, r.positions)
        with ordinality as e (system, code, day, end_day, encounter, position, place)
      where r.state = 1;
      create temporary table cohort_code (cohort text, system int, code text);
      create temporary table diagnosis_code (diagnosis text, condition int, role text, code text);
      """)
    if let minimumRank {
      try database.execute(
        """
        update ent set person = record_id
          where record_id in (select record_id from rec where not rank between 1 and \(minimumRank));
        update rec set person = record_id where not rank between 1 and \(minimumRank);
        """)
    }
    try leaveOut(excluded)
    try fillCodes(folder)
    // Views as tables: each would be worked out again wherever it stands.
    try database.execute("create index on ent (record_id); analyze rec, ent, cohort_code, diagnosis_code;")
    let views = try Self.text("views").replacingOccurrences(of: "create temporary view", with: "create temporary table")
    try database.execute(replaced(views) + "; analyze registered, recorded, spell, spell_diagnosis, contact, death")
  }

  private func leaveOut(_ codes: [ClinicalCode]) throws {
    for code in codes {
      let isClassification = code.system == .icd10 || code.system == .opcs4
      let match = isClassification ? "like '\(code.code)%'" : "= '\(code.code)'"
      try database.execute(
        """
        create temporary table hit as select record_id, place, encounter from ent
          where system = \(code.system.rawValue) and code \(match);
        delete from ent e using hit h where h.record_id = e.record_id
          and (h.place = e.place or h.encounter > 0 and h.encounter = e.encounter);
        drop table hit;
        """)
    }
  }

  private func fillCodes(_ folder: DatasetFolder) throws {
    func add(_ cohort: String, _ codes: CodeSet) throws {
      for code in codes.codes {
        try database.query(
          "insert into cohort_code values ($1, $2, $3)",
          [.text(cohort), .int(Int64(code.system.rawValue)), .text(code.code)])
      }
    }
    for (name, cohort) in folder.library.cohorts {
      guard case .recorded(let recording) = cohort.rule else { continue }
      if name != "diabetes-register" { try add(name, recording.codes) }
      if !recording.resolved.isEmpty { try add("diabetes-resolved", recording.resolved) }
    }
    if case .codes(let groups) = folder["prescribing"]?.split?.values {
      for group in groups { try add(group.name, group.codes) }
    }
    for (name, group) in folder.library.diagnoses {
      for (number, condition) in group.conditions.enumerated() {
        let sets = [
          ("primary", condition.primary), ("secondary", condition.secondary), ("anywhere", condition.anywhere),
          ("barred", group.withoutProcedures),
        ]
        for (role, codes) in sets {
          for code in codes?.codes ?? [] {
            try database.query(
              "insert into diagnosis_code values ($1, $2, $3, $4)",
              [.text(name), .int(Int64(number)), .text(role), .text(code.code)])
          }
        }
      }
    }
  }

  private static func text(_ name: String) throws -> String {
    try String(contentsOfFile: "\(folder)/\(name).sql", encoding: .utf8)
  }

  private func replaced(_ sql: String) -> String {
    sql.replacingOccurrences(of: ":day", with: "\(day.day)").replacingOccurrences(of: ":year", with: "\(day.year)")
  }

  /// By section (`population`, `counts`): cells by their labels, counts by their kinds.
  func cells(_ definition: DatasetDefinition) throws -> [String: [[String]: [CountKind: Int]]] {
    var sections: [String: [[String]: [CountKind: Int]]] = [:]
    for section in try Self.text(definition.name).components(separatedBy: "-- ").dropFirst() {
      let name = String(section.prefix { $0 != "\n" })
      sections[name] = try cells(section.dropFirst(name.count), definition, isPopulation: name == "population")
    }
    return sections
  }

  private func cells(
    _ sql: Substring, _ definition: DatasetDefinition, isPopulation: Bool
  ) throws -> [[String]: [CountKind: Int]] {
    let kinds: [CountKind]
    let isOfPeople = definition.subject == .people
    if isPopulation || isOfPeople {
      kinds = sql.contains("members") ? [.population, .members] : [.population]
    } else {
      kinds = sql.contains("followed_people") ? [.events, .people, .followed, .followedPeople] : [.events, .people]
    }
    let periodic: Set<DatasetDefinition.Dimension> = isPopulation ? [.period, .gpRecord] : []
    let dimensions = definition.dimensions.filter { !periodic.contains($0) }.count
    // As text, so that every column reads alike.
    let names = (0..<dimensions).map { "d\($0)" } + kinds.map { "c_\($0.rawValue)" }
    let rows = try database.query(
      "select \(names.map { "\($0)::text" }.joined(separator: ", ")) from (\(replaced(String(sql)))) as q (\(names.joined(separator: ", ")))"
    )
    var cells: [[String]: [CountKind: Int]] = [:]
    for row in 0..<rows.count {
      let labels = (0..<dimensions).map {
        rows.text(row, $0) == "" && definition.subject != .linkage ? "unknown" : rows.text(row, $0)
      }
      for (place, kind) in kinds.enumerated() {
        cells[labels, default: [:]][kind] = Int(rows.text(row, dimensions + place))!
      }
    }
    return cells
  }
}
