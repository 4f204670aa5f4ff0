import Clinical
import Contracts
import Postgres
import StageKit

/// What one batch brings, grouped so that each table is written once.
struct Intake {
  private(set) var openings: [ExtractStore.Opening] = []
  private var staged: [[StagedRecord]] = []
  private var places: [ExtractStore.Opening: Int] = [:]
  private var last = -1
  private var count = 0
  var manifests: [ReceivedManifest] = []
  /// Extracts that cannot be used at all, with the reason their receipt gives.
  var refused: [ExtractStore.Opening: String] = [:]
  /// Where the records of such extracts lie of which nothing but objections was taken.
  var unjudged: [ExtractStore.Opening: [StagedRecord.Coordinates]] = [:]
  /// The same for those whose own description cannot be believed, so that nothing of it is stored.
  var malformed: [String: (reason: String, isJSON: Bool)] = [:]
  var spoken: [ObjectionLedger.Spoken] = []
  var nationalEntries: [NationalLists.Entry] = []
  var nationalLists: [NationalList] = []
  /// Messages of the topic `objections` in which an objection may be that could not be read.
  var rejectedObjections: [Rejection] = []
  var submitted = SubmittedNumbers()
  var supersessions: [(pair: Supersessions.Pair, at: StagedRecord.Coordinates)] = []
  var cuts: [String] = []
  var enrolments: [PracticeEnrolment] = []
  var balanced: [Receipt] = []
  /// To be put aside once the batch is stored.
  var rejections: [Rejection] = []

  /// To be stored before more is taken in. A transaction holds a lock on every table that it makes or drops, and an
  /// extract has tables of its own: PostgreSQL has room for some thousand locks at once.
  ///
  /// And of the records of a batch only so many are in memory in two forms.
  var isFull: Bool { count >= 4_000 || openings.count + manifests.count + refused.count + balanced.count > 200 }
}

extension Intake {
  var records: [ExtractStore.Opening: [StagedRecord]] { Dictionary(uniqueKeysWithValues: zip(openings, staged)) }

  /// Records of one extract mostly follow one another, so its place is seldom looked up.
  mutating func append(_ record: StagedRecord, to opening: ExtractStore.Opening) {
    if last < 0 || openings[last] != opening {
      last = places[opening] ?? openings.count
      if last == openings.count {
        places[opening] = last
        openings.append(opening)
        staged.append([])
      }
    }
    staged[last].append(record)
    count += 1
  }
}

struct ReceivedManifest {
  let manifest: Manifest
  let isJSON: Bool
  let at: StagedRecord.Coordinates
}

/// Objections and supersessions sent outside extracts: acknowledged per submission once all of it is stored.
struct SubmittedNumbers {
  private var submissions: [String] = []
  private var sequences: [Int64] = []
  private var expected: [Int64] = []
  private var statuses: [String: Receipt.Status] = [:]

  var count: Int { submissions.count }

  mutating func add(_ submission: String, sequence: UInt32, expected: UInt32, _ status: Receipt.Status) {
    submissions.append(submission)
    sequences.append(Int64(sequence))
    self.expected.append(Int64(expected))
    statuses[submission] = status
  }

  /// Returns the receipts of the submissions that this batch completes; national lists are answered once judged.
  func store(_ database: Connection) throws -> [Receipt] {
    guard !submissions.isEmpty else { return [] }
    try database.query(
      """
      with news as (
        insert into objection_received
        select distinct * from unnest($1::text[], $2::bigint[]::int[], $3::bigint[]::int[]) order by 1, 2
        on conflict do nothing returning submission_id)
      insert into submission as s select submission_id, count(*) from news group by 1 order by 1
      on conflict (submission_id) do update set received = s.received + excluded.received
      """,
      [.textArray(submissions), .intArray(sequences), .intArray(expected)])
    let counted = statuses.filter { $0.value != .nationalListInForce }.keys.sorted()
    let complete = try database.query(
      """
      select s.submission_id, s.received from submission s where s.submission_id = any($1) and s.received >= (
        select max(r.expected) from objection_received r where r.submission_id = s.submission_id)
      """, [.textArray(counted)])
    return (0..<complete.count).map { row in
      Receipt.with {
        $0.id = complete.text(row, 0)
        $0.status = statuses[$0.id] ?? .unspecified
        $0.recordsAdmitted = UInt32(complete.int(row, 1))
      }
    }
  }
}
