import Clinical
import Contracts
import Postgres
import StageKit

/// What the daily report and the dispositions need: statements taken per organisation and day, and records held back
/// per organisation and day and per extract and type.
final class FilterAccounts: BatchState {
  private struct Day: Hashable {
    let organisation: String
    let day: Int32
  }
  private struct Place: Hashable {
    let extract: String
    let partition: Int32
  }

  private var days: [Day: (applied: Int64, excluded: Int64)] = [:]
  private var extracts: [Place: (highest: Int64, type1: Int64, type2: Int64)] = [:]

  /// A statement that was news.
  func applied(_ objection: ReceivedObjection) {
    let day = CalendarDate(microseconds: objection.recordedAt).day
    days[Day(organisation: objection.organisation, day: day), default: (0, 0)].applied += 1
  }

  /// A record held back for the first time.
  func excluded(_ header: HeaderView, in partition: Int32, for reason: RetractionReason, now: Int64) {
    let organisation = Self.text(header.organisation)
    days[Day(organisation: organisation, day: CalendarDate(microseconds: now).day), default: (0, 0)].excluded += 1
    let place = Place(extract: Self.text(header.extractID), partition: partition)
    var sums = extracts[place] ?? (0, 0, 0)
    sums.highest = max(sums.highest, Int64(header.number))
    if reason == .type1 { sums.type1 += 1 } else { sums.type2 += 1 }
    extracts[place] = sums
  }

  /// PostgreSQL takes no zero byte in a text, and one odd message must not stop the stream.
  private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: bytes.lazy.filter { $0 != 0 }, as: UTF8.self)
  }

  /// Within the transaction of the batch or piece.
  func store(_ database: Connection) throws {
    if !days.isEmpty {
      let rows = days.sorted { ($0.key.organisation, $0.key.day) < ($1.key.organisation, $1.key.day) }
      try database.query(
        """
        insert into objection_day as o
        select g, date '1970-01-01' + d, a, e
        from unnest($1::text[], $2::bigint[]::int[], $3::bigint[], $4::bigint[]) as n(g, d, a, e)
        on conflict (organisation, day) do update set applied = o.applied + excluded.applied,
          excluded = o.excluded + excluded.excluded
        """,
        [
          .textArray(rows.map(\.key.organisation)), .intArray(rows.map { Int64($0.key.day) }),
          .intArray(rows.map(\.value.applied)), .intArray(rows.map(\.value.excluded)),
        ])
    }
    if !extracts.isEmpty {
      let rows = extracts.sorted { ($0.key.extract, $0.key.partition) < ($1.key.extract, $1.key.partition) }
      try database.query(
        """
        insert into exclusion as e
        select * from unnest($1::text[], $2::bigint[]::int[], $3::bigint[], $4::bigint[], $5::bigint[])
        on conflict (extract_id, partition) do update set highest = excluded.highest,
          type1 = e.type1 + excluded.type1, type2 = e.type2 + excluded.type2
        where e.highest < excluded.highest
        """,
        [
          .textArray(rows.map(\.key.extract)), .intArray(rows.map { Int64($0.key.partition) }),
          .intArray(rows.map(\.value.highest)), .intArray(rows.map(\.value.type1)),
          .intArray(rows.map(\.value.type2)),
        ])
    }
  }

  func stored() {
    days.removeAll(keepingCapacity: true)
    extracts.removeAll(keepingCapacity: true)
  }

  func forget() { stored() }
}
