import Clinical
import Contracts
import Cryptography
import Foundation
import Kafka
import Postgres
import StageKit
import SwiftProtobuf

/// Stages extracts, takes objections at once, admits what is complete and sends it on.
final class IngestionStage: Stage {
  static let name = StageName.ingestion
  static let input = [Topic.extracts, .objections, .practices, .receipts]
  static let migrations = IngestionSchema.migrations

  private let context: StageContext
  private let tokens: RecordTokens
  private let sealing: SectionSealing
  private let emission: Emission
  private let ledger: ObjectionLedger
  private let receipts: ReceiptFactory
  private let admission: Admission
  private let extractsTopic: String
  private let objectionsTopic: String
  private let practicesTopic: String
  private var hasMetBroker = false

  init(context: StageContext) throws {
    self.context = context
    let keys = context.configuration.keysDirectory
    tokens = try RecordTokens(
      recordKey: try StageKey.read("record", in: keys), routingKey: try StageKey.read("routing", in: keys))
    sealing = try SectionSealing(keysDirectory: keys)
    emission = Emission(layout: context.layout, sealing: sealing)
    ledger = ObjectionLedger(layout: context.layout)
    receipts = ReceiptFactory(layout: context.layout)
    admission = Admission(layout: context.layout, ledger: ledger, receipts: receipts)
    extractsTopic = context.layout.name(.extracts)
    objectionsTopic = context.layout.name(.objections)
    practicesTopic = context.layout.name(.practices)
  }

  func process(_ batch: MessageBatch, _ output: StageOutput) throws {
    var intake = Intake(layout: context.layout)
    for message in batch.messages {
      do {
        switch message.topic {
        case extractsTopic: try take(extract: message, &intake)
        case objectionsTopic: try take(objection: message, &intake)
        case practicesTopic: intake.enrolments.append(try enrolment(message))
        default: intake.take(receipt: try decode(message))
        }
      } catch let error as RejectionError {
        try output.reject(message, error.code)
      }
    }
    try context.database.transaction { try store(intake, context.database) }
  }

  func work(_ output: StageOutput) throws -> Bool {
    let database = context.database
    if !hasMetBroker {
      let life = BrokerLife(layout: context.layout, ledger: ledger, admission: admission, receipts: receipts)
      if try life.meet(context.configuration.incarnation, database) {
        context.logger.info("a broker met for the first time; what is unproven is sent again")
      }
      hasMetBroker = true
    }
    let sentMessages = try Outbox.drain(database, to: output)
    let admitted = try admission.admitNext(database)
    let sentRecords = try emission.emitNext(database, to: output)
    return sentMessages || admitted || sentRecords
  }

  // MARK: Decoding

  private struct RejectionError: Error {
    let code: RejectionCode
  }

  private func decode<M: SwiftProtobuf.Message>(_ message: Kafka.Message) throws -> M {
    do {
      // No binary message of ours starts with a brace: it would be a group, which Protobuf has given up.
      if message.value.first == UInt8(ascii: "{") { return try M(jsonUTF8Data: Data(message.value)) }
      return try M(serializedBytes: message.value.bytes)
    } catch {
      throw RejectionError(code: .malformed)
    }
  }

  private func take(extract message: Kafka.Message, _ intake: inout Intake) throws {
    let content: ExtractMessage = try decode(message)
    switch content.content {
    case .record(let record):
      guard !record.extractID.isEmpty, record.sequence > 0, record.source != .unspecified else {
        throw RejectionError(code: .missingField)
      }
      try checkHeader(
        organisation: record.organisation, period: record.period, specification: record.specification)
      try take(record, &intake)
    case .manifest(let manifest):
      guard !manifest.extractID.isEmpty, manifest.state != .unspecified, manifest.source != .unspecified else {
        throw RejectionError(code: .missingField)
      }
      try checkHeader(
        organisation: manifest.organisation, period: manifest.period, specification: manifest.specification)
      intake.manifests.append(manifest)
    case nil: throw RejectionError(code: .missingField)
    }
  }

  private func take(_ record: PatientRecord, _ intake: inout Intake) throws {
    let validated = RecordValidation.validate(record)
    let recordID = tokens.recordID(record)
    let patientKey = tokens.patientKey(record)
    let routing = tokens.routingToken(
      nhsNumber: validated.identity.nhsNumber, organisation: record.organisation, patientRef: record.patientRef)
    for decision in validated.decisions {
      intake.spoken.append(.init(origin: patientKey, token: routing, decision: decision, extractID: record.extractID))
    }
    let plaintext = try SectionSealing.plaintext(validated)
    // Objections are content too: a corrected extract that differs in nothing else is still a correction.
    var content = plaintext
    for decision in validated.decisions {
      content.append(contentsOf: "\(decision.type.rawValue)/\(decision.decision.rawValue)/\(decision.day ?? .min)".utf8)
    }
    content.append(contentsOf: routing.bytes)
    let opening = ExtractStore.Opening(
      extractID: record.extractID, organisation: record.organisation, source: record.source, period: record.period,
      submittedAt: record.submittedAt, specification: record.specification)
    intake.records[opening, default: []].append(
      StagedRecord(
        sequence: Int32(record.sequence), recordID: recordID, patientKey: patientKey, routingToken: routing,
        partition: context.layout.partition(of: routing.bytes),
        contentDigest: content.withUnsafeBytes { tokens.contentDigest($0) },
        sealed: try sealing.stage(plaintext, recordID: recordID), entries: Int32(validated.clinical.entries.count),
        rejection: validated.rejection, findings: validated.findings))
    if validated.hasUnknownCodeSystem { intake.unknownCodeSystem.insert(record.extractID) }
  }

  /// The code is told again in the receipt, so it must be one.
  private func enrolment(_ message: Kafka.Message) throws -> PracticeEnrolment {
    let enrolment: PracticeEnrolment = try decode(message)
    guard enrolment.state != .unspecified, !enrolment.organisation.isEmpty else {
      throw RejectionError(code: .missingField)
    }
    guard (try? OrganisationCode(validating: enrolment.organisation))?.text == enrolment.organisation else {
      throw RejectionError(code: .malformed)
    }
    return enrolment
  }

  /// What every later stage sees of an extract must be what it says it is, not text that somebody has chosen.
  private func checkHeader(organisation: String, period: String, specification: String) throws {
    guard (try? OrganisationCode(validating: organisation))?.text == organisation, Period(period)?.text == period,
      specification.utf8.count <= 4
    else { throw RejectionError(code: .malformed) }
  }

  private func take(objection message: Kafka.Message, _ intake: inout Intake) throws {
    let content: ObjectionMessage = try decode(message)
    switch content.content {
    case .objection(let objection):
      guard objection.type == .objectionType1 || objection.type == .objectionType2,
        objection.decision == .dissent || objection.decision == .withdrawn, !objection.submissionID.isEmpty,
        !objection.nhsNumber.isEmpty
      else { throw RejectionError(code: .missingField) }
      let number = objection.nhsNumber.filter(\.isNumber)
      let token = tokens.routingToken(nhsNumber: number, organisation: "", patientRef: "")
      intake.spoken.append(
        .init(
          origin: tokens.origin(objection.origin, nhsNumber: number), token: token,
          decision: Decision(
            type: objection.type, decision: objection.decision, day: objection.hasDay ? objection.day : nil)))
      intake.objections.append(objection)
    case .cut(let cut):
      intake.cuts.append(cut.cutID)
    case .supersession, nil: throw RejectionError(code: .missingField)
    }
  }

  // MARK: Storing

  private func store(_ intake: Intake, _ database: Connection) throws {
    for enrolment in intake.enrolments { try Practices.store(enrolment, database) }
    let openings = Set(intake.records.keys).union(intake.manifests.map(\.opening))
    if !openings.isEmpty {
      let rows = try ExtractStore.rows(openings, database)
      for manifest in intake.manifests where manifest.state == .opened {
        if let row = rows[manifest.extractID] { try ManifestHandling.open(manifest, row, receipts, database) }
      }
      for (opening, records) in intake.records.sorted(by: { $0.key.extractID < $1.key.extractID }) {
        guard let row = rows[opening.extractID], row.state == "staging" else { continue }
        // The opening manifest of this very batch may have refused it.
        if try ManifestHandling.isStaging(row, database) { try ExtractStore.stage(records, in: row, database) }
      }
      for manifest in intake.manifests where manifest.state != .opened {
        if let row = rows[manifest.extractID] { try ManifestHandling.end(manifest, row, receipts, database) }
      }
      for extractID in intake.unknownCodeSystem {
        if let row = rows[extractID] {
          try ManifestHandling.refuse(row, reason: "unknown_code_system", receipts, database)
        }
      }
    }
    for receipt in intake.balanced {
      let rows = try database.query(
        "update extract set state = 'balanced' where extract_id = $1 and state in ('admitted', 'emitted') returning no::bigint",
        [.text(receipt.id)])
      for row in 0..<rows.count { try database.execute(IngestionSchema.dropStaging(rows.int(row, 0))) }
    }
    try ledger.record(intake.spoken, database)
    try acknowledge(intake, database)
  }

  /// Receipts and markers go behind the statements they acknowledge: the outbox sends in order and waits in between.
  private func acknowledge(_ intake: Intake, _ database: Connection) throws {
    var entries: [Outbox.Entry] = []
    for enrolment in intake.enrolments {
      entries.append(
        try receipts.entry(
          Receipt.with {
            $0.id = "\(enrolment.organisation)@\(enrolment.changedAt)"
            $0.status = .enrolmentStored
            $0.organisation = enrolment.organisation
          }))
    }
    for receipt in try ObjectionIntake.store(intake.objections, database) {
      entries.append(try receipts.entry(receipt))
    }
    for cut in intake.cuts {
      for partition in 0..<Int32(context.layout.partitions) {
        let marker = Envelope.with {
          $0.kind = .marker
          $0.marker.cutID = cut
          $0.marker.validatedPartition = UInt32(partition)
          $0.marker.partitions = UInt32(context.layout.partitions)
        }
        entries.append(
          Outbox.Entry(
            topic: context.layout.name(.validated), partition: partition, key: Array(cut.utf8),
            value: try marker.serializedBytes()))
      }
    }
    try Outbox.append(entries, to: database)
  }
}
