import Contracts
import Cryptography
import Foundation
import Postgres
import StageKit

/// Writes what a batch has brought, in one transaction of the caller.
struct Storing {
  let layout: TopicLayout
  let ledger: ObjectionLedger
  let receipts: ReceiptFactory
  let practices: Practices
  let manifests: ManifestHandling
  let supersessions: Supersessions
  let nationalLists: NationalLists
  let releaseHold: ReleaseHold
  /// Of the broker.
  let incarnation: String

  func store(_ intake: inout Intake, _ database: Connection) throws {
    intake.rejections = []
    var answers: [Receipt] = []
    for enrolment in intake.enrolments { answers.append(try practices.store(enrolment, database)) }
    try storeExtracts(&intake, database)
    for receipt in intake.balanced { try Settlement.balanced(receipt.id, database) }
    try storeSupersessions(&intake, database)
    let now = Date.now.microseconds
    let listed = try nationalLists.store(intake.nationalEntries, intake.nationalLists, now: now, database)
    try ledger.record(intake.spoken + listed, database)
    answers += try intake.submitted.store(database)
    answers += try nationalLists.judge(
      Set(intake.nationalEntries.map(\.submission) + intake.nationalLists.map(\.submissionID)), now: now, database)
    try UnresolvedObjections.note(intake.rejectedObjections, incarnation: incarnation, database)
    // Behind the statements they acknowledge: the outbox sends in order and waits in between.
    try Outbox.append(
      try answers.map { try receipts.entry($0) } + malformed(intake, database) + markers(intake.cuts, database),
      to: database)
  }

  private func storeExtracts(_ intake: inout Intake, _ database: Connection) throws {
    // Manifests first: one damaged record must not take the id from the extract that it is of.
    let openings = intake.manifests.map(\.manifest.opening) + intake.openings + intake.refused.keys
    guard !openings.isEmpty else { return }
    let rows = try ExtractStore.rows(openings, database)
    for received in intake.manifests where received.manifest.state == .opened {
      try take(received, rows, &intake, database)
    }
    for (opening, records) in intake.records.sorted(by: { $0.key.extractID < $1.key.extractID }) {
      guard let row = row(opening, rows) else {
        putAside(records.map(\.source), opening, .headerMismatch, &intake)
        continue
      }
      // The opening manifest of this very batch may have refused it.
      if row.state == "staging", try ManifestHandling.isStaging(row, database) {
        try ExtractStore.stage(records, in: row, database)
      } else if row.expected > 0 {
        let beyond = records.filter { $0.sequence > row.expected }.map(\.source)
        putAside(beyond, opening, .sequenceBeyondDeclared, &intake)
      }
    }
    for received in intake.manifests where received.manifest.state != .opened {
      try take(received, rows, &intake, database)
    }
    for (opening, reason) in intake.refused.sorted(by: { $0.key.extractID < $1.key.extractID }) {
      if let row = row(opening, rows) {
        try manifests.refuse(row, reason: reason, database)
      } else {
        putAside(intake.unjudged[opening] ?? [], opening, .headerMismatch, &intake)
      }
    }
  }

  /// An extract belongs to whoever used its id first; messages that describe it otherwise are not of it.
  private func row(_ opening: ExtractStore.Opening, _ rows: [String: ExtractRow]) -> ExtractRow? {
    rows[opening.extractID].flatMap { $0.opening == opening ? $0 : nil }
  }

  private func take(
    _ received: ReceivedManifest, _ rows: [String: ExtractRow], _ intake: inout Intake, _ database: Connection
  ) throws {
    let opening = received.manifest.opening
    guard let row = row(opening, rows) else {
      return putAside([received.at], opening, .headerMismatch, &intake)
    }
    try manifests.take(received.manifest, asJSON: received.isJSON, row, database)
  }

  private func putAside(
    _ places: [StagedRecord.Coordinates], _ opening: ExtractStore.Opening, _ code: RejectionCode,
    _ intake: inout Intake
  ) {
    for place in places {
      intake.rejections.append(
        Rejection(
          topic: layout.name(.extracts), partition: place.partition, offset: place.offset, code: code.rawValue,
          extract: opening.extractID))
    }
  }

  private func storeSupersessions(_ intake: inout Intake, _ database: Connection) throws {
    guard !intake.supersessions.isEmpty else { return }
    try ledger.takeLock(database)
    let stored = try supersessions.store(intake.supersessions.map(\.pair), database)
    for place in stored.circles {
      let at = intake.supersessions[place].at
      intake.rejections.append(
        Rejection(
          topic: layout.name(.objections), partition: at.partition, offset: at.offset,
          code: RejectionCode.supersessionCircle.rawValue))
    }
    try ledger.extend(to: stored.touched, database)
  }

  /// A manifest that bears the id of an extract that is known says nothing of that one.
  private func malformed(_ intake: Intake, _ database: Connection) throws -> [Outbox.Entry] {
    guard !intake.malformed.isEmpty else { return [] }
    let rows = try database.query(
      "select extract_id from extract where extract_id = any($1)", [.textArray(intake.malformed.keys.sorted())])
    let known = Set((0..<rows.count).map { rows.text($0, 0) })
    return try intake.malformed.filter { !known.contains($0.key) }.sorted { $0.key < $1.key }.map { id, fault in
      let receipt = Receipt.with {
        $0.id = id
        $0.status = .refused
        $0.reason = fault.reason
      }
      return try receipts.entry(receipt, asJSON: fault.isJSON)
    }
  }

  private func markers(_ cuts: [String], _ database: Connection) throws -> [Outbox.Entry] {
    guard !cuts.isEmpty else { return [] }
    let reasons = try releaseHold.reasons(database)
    return try cuts.flatMap { cut in
      try (0..<Int32(layout.partitions)).map { partition in
        let marker = Envelope.with {
          $0.kind = .marker
          $0.marker.cutID = cut
          $0.marker.validatedPartition = UInt32(partition)
          $0.marker.partitions = UInt32(layout.partitions)
          $0.marker.heldBy = reasons
          $0.marker.regime = releaseHold.rule.regime
        }
        return Outbox.Entry(
          topic: layout.name(.validated), partition: partition, key: Array(cut.utf8),
          value: try marker.serializedBytes())
      }
    }
  }
}
