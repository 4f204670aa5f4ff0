import Clinical
import Contracts
import Foundation
import Testing

@testable import caredata

extension WholeSystem.Semantics {
  /// Of days that nothing else in these tests has.
  @Test func `the days of a birth are nowhere behind ingestion, those of other events are`() throws {
    let connector = try SharedSystem.connector
    let (practice, hospital) = (try connector.enrolled(.gp), try connector.enrolled(.hospital))
    let born = "2026-07-19"
    let newborn = TestExtract.Patient(ref: "B1", nhsNumber: connector.newNumber(), born: born)
    var (registered, admitted) = (newborn, newborn)
    registered.registered = "2026-07-23"
    registered.entries = [
      .init(date: "2026-08-12", code: "195967001"), .init(date: "2026-09-23", code: "195967001"),
    ]
    admitted.entries = [
      .init(date: born, code: "Z380", method: "82", until: "2026-07-26"),
      .init(date: "2026-08-14", code: "J219"), .init(date: "2026-09-21", code: "J459"),
    ]
    // Whose date of birth nobody knows: a birth episode all the same.
    let unknown = TestExtract.Patient(
      ref: "B2", nhsNumber: connector.newNumber(), born: "",
      entries: [.init(date: "2026-08-28", code: "P073", method: "81", until: "2026-08-29")])
    try connector.submit([
      TestExtract(organisation: practice, patients: [registered]),
      TestExtract(source: .hospital, organisation: hospital, patients: [admitted, unknown]),
    ])

    var identifiers = SubmittedIdentifiers()
    let days = [born, "2026-07-23", "2026-07-26", "2026-08-12", "2026-08-14", "2026-08-28", "2026-08-29"]
    identifiers.datesOfBirth = Set(days.compactMap { CalendarDate(iso: $0) })
    #expect(identifiers.datesOfBirth.count == days.count)
    var behind = LeakScanPlaces(connector.system, LeakScanner(identifiers))
    for topic in [Topic.validated, .permitted, .pseudonymised, .linked] { try behind.scan(topic) }
    for schema in LeakScanPlaces.schemas { try behind.scan(schema: schema) }
    #expect(behind.leaks.isEmpty, "\(behind.leaks)")
    #expect(behind.scanned["table publication.record", default: 0] > 0)
    // The scan finds each of them where they came in.
    for day in identifiers.datesOfBirth {
      var one = SubmittedIdentifiers()
      one.datesOfBirth = [day]
      var before = LeakScanPlaces(connector.system, LeakScanner(one))
      try before.scan(.extracts)
      #expect(!before.leaks.isEmpty, "\(day)")
    }

    func lines(_ organisation: String) throws -> [String] {
      let rows = try connector.database.query(
        """
        select coalesce(registered_from::text, '-') || ' ' || code || ' ' || (date '1970-01-01' + day)::text || ' '
          || case when end_day > -719162 then (date '1970-01-01' + end_day)::text else '-' end
          || case when place = any(month_only) then ' month only' else '' end
        from publication.record, unnest(codes, days, end_days) with ordinality as e (code, day, end_day, place)
        where state = 1 and organisation = $1 order by 1
        """, [.text(organisation)])
      return (0..<rows.count).map { rows.text($0, 0) }
    }
    #expect(
      try lines(practice) == [
        "2026-07-01 195967001 2026-08-01 - month only", "2026-07-01 195967001 2026-09-23 -",
      ])
    #expect(
      try lines(hospital) == [
        "- 21 2026-08-01 2026-08-01 month only", "- 21 2026-09-21 2026-09-21", "- 81 2026-08-01 2026-08-01 month only",
        "- 82 2026-07-01 2026-07-01 month only", "- J219 2026-08-01 - month only", "- J459 2026-09-21 -",
        "- P073 2026-08-01 - month only", "- Z380 2026-07-01 - month only",
      ])
  }
}
