import Contracts
import Foundation
import Postgres

@testable import caredata

/// What an undisturbed run and every disturbed one must agree on.
struct Outcome: Equatable {
  let prevalence: [UInt8]
  let admissions: [UInt8]
  /// Of all live facts and of who is one person, without anything that depends on keys: finer than the files, in which
  /// small numbers are suppressed and others rounded.
  let facts: String
  let live: Int64
  let notLive: Int64
}

extension RunningSystem {
  /// Releases both datasets.
  func outcome() throws -> Outcome {
    let prevalence = try release("condition-prevalence").csv
    let admissions = try release("emergency-admissions").csv
    let database = try database()
    defer { database.close() }
    let rows = try database.query(
      """
      with r as (
        select person_id, md5(concat_ws('|', organisation, source, period, year_of_birth, sex, practice, area,
          ethnic_category, registered_from, registered_to, systems::text, codes::text, days::text, end_days::text,
          commissioner, month_only::text)) as d
        from publication.record where state = 1),
      p as (select md5(string_agg(d, '' order by d)) as d from r group by person_id)
      select coalesce((select md5(string_agg(d, '' order by d)) from p), ''),
        count(*) filter (where state = 1), count(*) filter (where state <> 1) from publication.record
      """)
    return Outcome(
      prevalence: prevalence, admissions: admissions, facts: rows.text(0, 0), live: rows.int(0, 1),
      notLive: rows.int(0, 2))
  }

  // MARK: - Records that flow slowly enough to be disturbed

  /// A service then takes at least eighty milliseconds for its ten records.
  static let smallBatches = Options(environment: ["CAREDATA_BATCH_MESSAGES": "10"])

  /// Delays every answer of the broker.
  func delayBroker(milliseconds: Int32) throws { try broker.send(.roundTrip(1, milliseconds: milliseconds)) }

  /// Share of the organisations' records that a stage has done, by its own table; 0 when it has not begun.
  func progress(_ stage: StageName, of organisations: [RegionDescription.Organisation], _ database: Connection) throws
    -> Double
  {
    let sql =
      switch stage {
      case .ingestion: "select coalesce(sum(received), 0)::bigint from ingestion.extract where organisation = any($1)"
      case .objectionFilter, .pseudonymisation:
        """
        select coalesce(sum(f.passed + f.excluded + f.rejected), 0)::bigint from \(stage.schema).flow f
        join ingestion.extract e using (extract_id) where e.organisation = any($1)
        """
      case .linkage:
        """
        select count(*) from linkage.observation join ingestion.extract e using (extract_id)
        where e.organisation = any($1)
        """
      case .publication: "select count(*) from publication.record where organisation = any($1)"
      }
    let done = try database.query(sql, [.textArray(organisations.map(\.code))]).int(0, 0)
    return Double(done) / Double(organisations.reduce(0) { $0 + $1.patients - $1.tooLarge })
  }

  /// Waits until a fifth of the records is done, disturbs, and makes sure that work was left at that moment.
  func disturb(
    _ stage: StageName, at share: Double = 0.2, of organisations: [RegionDescription.Organisation],
    _ database: Connection, _ fault: () throws -> Void
  ) throws {
    try awaited("\(stage.rawValue) has done \(Int(share * 100)) %", seconds: 60) {
      try progress(stage, of: organisations, database) >= share
    }
    // What is not done before the fault is not done at it.
    let before = try progress(stage, of: organisations, database)
    try fault()
    guard before < 1 else { throw Failure("\(stage.rawValue) had finished before it was disturbed") }
    print("disturbed \(stage.rawValue) at \(Int(before * 100)) %")
  }

  func finish(_ submissions: [SpawnedProcess]) throws {
    for submission in submissions {
      let status = try submission.finish()
      guard status == 0 else { throw Failure("\(submission.name): exit \(status)\n\(submission.text)") }
    }
  }
}

/// Kills and waits until the process has gone.
func killNow(_ pid: pid_t) throws {
  guard kill(pid, SIGKILL) == 0 else { throw Failure("process \(pid): \(String(cString: strerror(errno)))") }
  try awaited("the end of process \(pid)", seconds: 10) { !ProcessScan.isAlive(pid) }
}
