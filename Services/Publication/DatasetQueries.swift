import Clinical
import Postgres

/// Computes datasets inside PostgreSQL, so that only cells come here, however many people there are.
///
/// Call inside one repeatable-read transaction: a dataset is made of several statements.
///
/// Days around a birth carry their month only (`record.month_only`) and stand as the first of it. Whatever counts by
/// months or asks at the end of one is right all the same. Where it matters whether one event came before another, such
/// a day is every day of its month: within one month both count as having come in time, as two on one day do. Days
/// between two events cannot be counted with them; such a measure must leave them out.
struct DatasetQueries {
  private let database: Connection
  private let definition: DatasetDefinition
  private let exclusions: AppliedExclusions

  init(_ database: Connection, _ definition: DatasetDefinition, _ exclusions: AppliedExclusions) {
    self.database = database
    self.definition = definition
    self.exclusions = exclusions
  }

  func table() throws -> DatasetTable {
    // The planner expects a handful of people from each step and would look every person up among all others; and
    // compiling the plan takes longer than running it.
    try database.execute("set local enable_nestloop = off; set local jit = off; set local work_mem = '64MB'")
    let rows =
      switch definition.measure {
      case .conditionPrevalence: try conditionPrevalence()
      case .emergencyAdmissions: try emergencyAdmissions()
      case .linkageQuality: try linkageQuality()
      }
    return DatasetTable(columns: definition.measure.columns, rows: rows)
  }

  // MARK: - Shared parts

  /// Whose a record counts as.
  private var person: String {
    guard let rank = definition.minimumRank else { return "r.person_id" }
    return "case when r.link_rank between 1 and \(rank) then r.person_id else r.record_id end"
  }

  /// Conditions count from 0 in the definition's order.
  private var codes: [Parameter] {
    let codes = definition.conditions.enumerated().flatMap { number, condition in
      condition.codes.map { (number, $0) }
    }
    return [
      .intArray(codes.map { Int64($0.0) }), .intArray(codes.map { Int64($0.1.system.rawValue) }),
      .textArray(codes.map(\.1.code)), .intArray(exclusions.codes.map { Int64($0.system.rawValue) }),
      .textArray(exclusions.codes.map(\.code)),
    ]
  }

  /// Places of the entries that are left out: those with an excluded code, or in a category of a classification that is
  /// excluded, and all others of the same encounter. Parameters 4 and 5 are the codes.
  private static let restrictedEntries = """
    excluded as (select * from unnest($4::bigint[], $5::text[]) as x (system, code)),
    hit as materialized (
      select distinct r.record_id, e.place, e.encounter
      from record r
      cross join lateral unnest(r.systems, r.codes, r.encounters) with ordinality as e (system, code, encounter, place)
      cross join lateral unnest(
        case when e.system in (4, 5) then array[e.code, left(e.code, 4), left(e.code, 3)] else array[e.code] end
      ) as c (code)
      join excluded x on x.system = e.system and x.code = c.code
      where r.state = 1 and cardinality($4::bigint[]) > 0),
    restricted as materialized (
      select record_id, place from hit
      union
      select r.record_id, e.place
      from (select distinct record_id, encounter from hit where encounter > 0) h join record r using (record_id)
      cross join lateral unnest(r.encounters) with ordinality as e (encounter, place)
      where e.encounter = h.encounter)
    """

  /// Live entries of general practices with a code of a condition; parameters 1 to 5 are ``codes``. The smallest
  /// integer, "no date", lies before every day.
  private var recordedConditions: String {
    """
    \(Self.restrictedEntries),
    code_set as (select * from unnest($1::bigint[], $2::bigint[], $3::text[]) as c (condition, system, code)),
    recorded as (
      select \(person) as person_id, c.condition, e.day
      from record r
      cross join lateral unnest(r.systems, r.codes, r.days) with ordinality as e (system, code, day, place)
      join code_set c on c.system = e.system and c.code = e.code
      left join restricted q on q.record_id = r.record_id and q.place = e.place
      where r.state = 1 and r.source = 1 and q.record_id is null)
    """
  }

  // MARK: - Condition prevalence

  /// The last day of the newest period for which a general practice has sent anything.
  private func referenceDay() throws -> CalendarDate? {
    let rows = try database.query("select max(period) from record where state = 1 and source = 1")
    return rows.isNull(0, 0) ? nil : Period(rows.text(0, 0))?.last
  }

  /// People where their newest snapshots of each practice register them on the reference day; the later registration
  /// wins between practices, the smaller record id decides a tie.
  private func conditionPrevalence() throws -> [DatasetRow] {
    guard let day = try referenceDay() else { return [] }
    let rows = try database.query(
      """
      with own as not materialized (select \(person) as person, r.* from record r where r.state = 1 and r.source = 1),
      newest as (select person, organisation, max(period) as period from own group by person, organisation),
      registered as materialized (
        select distinct on (r.person) r.person as person_id, r.organisation as practice,
          case r.sex when 1 then 'M' when 2 then 'F' else 'U' end as sex,
          case when r.year_of_birth between 1 and $8 then width_bucket($8 - r.year_of_birth, $9::bigint[]) - 1
            else cardinality($9::bigint[]) end as band
        from own r join newest using (person, organisation, period)
        where r.registered_from <= $7::date and (r.registered_to is null or r.registered_to > $7::date)
        order by r.person, r.registered_from desc, r.record_id),
      \(recordedConditions),
      diagnosed as materialized (select distinct person_id, condition from recorded where day <= $6)
      select p.practice, n.condition, p.sex, p.band, count(*), count(d.person_id)
      from registered p cross join generate_series(0, $10 - 1) as n (condition)
      left join diagnosed d on d.person_id = p.person_id and d.condition = n.condition
      group by 1, 2, 3, 4
      order by p.practice collate "C", n.condition, p.sex collate "C", p.band
      """,
      codes + [
        .int(Int64(day.day)), .date(day.day), .int(Int64(day.year)),
        .intArray(definition.ageBands.map { Int64($0.lower) }), .int(Int64(definition.conditions.count)),
      ])
    let bands = definition.ageBands.map(\.label) + ["unknown"]
    return (0..<rows.count).map { row in
      let shown = definition.disclosure.part(Int(rows.int(row, 5)), of: Int(rows.int(row, 4)))
      return DatasetRow(
        dimensions: [
          rows.text(row, 0), definition.conditions[Int(rows.int(row, 1))].name, rows.text(row, 2),
          bands[Int(rows.int(row, 3))],
        ],
        counts: [shown.whole, shown.part], status: shown.status)
    }
  }

  // MARK: - Emergency admissions

  private static let groups = ["with", "without", "unlinked"]

  /// First episodes with an emergency admission method. One spell is seen again where look-back windows of extracts
  /// overlap, and counts once. Of spells that carry their month only, several may have one date: those of one record are
  /// numbered, so that they count as often as the record that has most of them says.
  private func emergencyAdmissions() throws -> [DatasetRow] {
    let rows = try database.query(
      """
      with \(recordedConditions),
      onset as materialized (select person_id, condition, min(day) as day from recorded group by person_id, condition),
      known as materialized (select distinct \(person) as person_id from record r where r.state = 1 and r.source = 1),
      spell as materialized (
        select distinct \(person) as person_id, r.organisation, e.day, e.code, m.latest,
          case when m.latest is null then 1
            else row_number() over (partition by r.record_id, e.day, e.code, m.latest order by e.place) end as number
        from record r
        cross join lateral unnest(r.systems, r.codes, r.days, r.positions) with ordinality
          as e (system, code, day, position, place)
        cross join lateral (
          select case when e.place = any(r.month_only)
            then (date '1970-01-01' + e.day + interval '1 month')::date - date '1970-01-01' - 1 end as latest) m
        left join restricted q on q.record_id = r.record_id and q.place = e.place
        where r.state = 1 and r.source = 2 and e.system = $6 and e.position = 1 and e.code = any($7::text[])
          and e.day > $8 and q.record_id is null),
      placed as (
        select to_char(date '1970-01-01' + s.day, 'YYYY-MM') as month, n.condition, s.person_id,
          case when k.person_id is null then 2 when o.day <= coalesce(s.latest, s.day) then 0 else 1 end as gp_record
        from spell s cross join generate_series(0, $9 - 1) as n (condition)
        left join known k on k.person_id = s.person_id
        left join onset o on o.person_id = s.person_id and o.condition = n.condition),
      grid as (
        select m.month, n.condition, g.gp_record
        from (select distinct month from placed) m cross join generate_series(0, $9 - 1) as n (condition)
        cross join generate_series(0, 2) as g (gp_record))
      select month, condition, gp_record, count(person_id), count(distinct person_id)
      from grid left join placed using (month, condition, gp_record)
      group by month, condition, gp_record order by month collate "C", condition, gp_record
      """,
      codes + [
        .int(Self.admissionMethod), .textArray(definition.admissionMethods), .int(Int64(ClinicalFacts.undated)),
        .int(Int64(definition.conditions.count)),
      ])
    return (0..<rows.count).map { row in
      let shown = definition.disclosure.events(Int(rows.int(row, 3)), of: Int(rows.int(row, 4)))
      return DatasetRow(
        dimensions: [
          rows.text(row, 0), definition.conditions[Int(rows.int(row, 1))].name, Self.groups[Int(rows.int(row, 2))],
        ],
        counts: [shown.events, shown.people], status: shown.status)
    }
  }

  /// `CodeSystem.admissionMethod` of the contracts.
  private static let admissionMethod: Int64 = 6

  // MARK: - Linkage quality

  private static let sources = ["all", "gp", "hospital", "community"]

  private func linkageQuality() throws -> [DatasetRow] {
    let rows = try database.query(
      """
      select dimension, value, source::bigint, records, matched from linkage_quality
      order by dimension collate "C", value collate "C", source
      """)
    return (0..<rows.count).map { row in
      let shown = definition.disclosure.part(Int(rows.int(row, 4)), of: Int(rows.int(row, 3)))
      return DatasetRow(
        dimensions: [rows.text(row, 0), rows.text(row, 1), Self.sources[Int(rows.int(row, 2))]],
        counts: [shown.whole, shown.part], status: shown.status)
    }
  }
}
