import Clinical
import Contracts
import Cryptography
import StageKit
import SwiftProtobuf

/// Turns messages of the topic `extracts` into what a batch stores.
///
/// Objections come first: they are taken from every record that can be read, also of extracts that are refused.
struct ExtractReading {
  struct RejectionError: Error {
    let code: RejectionCode
  }

  let layout: TopicLayout
  let tokens: RecordTokens
  let sealing: SectionSealing
  let sealedSubmissions: SealedSubmissions
  let rules: ExtractRuleBook
  let supersessions: Supersessions

  /// - Parameter bytes: the value of the message that lies there.
  func take(
    _ bytes: UnsafeRawBufferPointer, at place: StagedRecord.Coordinates, _ intake: inout Intake
  ) throws {
    if let record = RecordDecoding.record(bytes) { return try take(record, at: place, &intake) }
    let content: ExtractMessage = try Self.decode(bytes)
    switch content.content {
    case .record(let record): try take(record, at: place, &intake)
    case .manifest(let manifest):
      try take(manifest, isJSON: bytes.first == UInt8(ascii: "{"), at: place, &intake)
    case .sealed(let sealed): try take(sealed: [UInt8](sealed), at: place, &intake)
    case nil: throw RejectionError(code: .missingField)
    }
  }

  private func take(sealed: [UInt8], at place: StagedRecord.Coordinates, _ intake: inout Intake) throws {
    let opened = try sealedSubmissions.open(sealed, .extract)
    try opened.withUnsafeBytes { bytes in
      if let record = RecordDecoding.record(bytes) { return try take(record, at: place, &intake) }
      // Manifests come in the open: whether an extract is complete is no secret, and must be seen without keys.
      guard case .record(let record) = (try Self.decode(bytes) as ExtractMessage).content else {
        throw RejectionError(code: .malformed)
      }
      try take(record, at: place, &intake)
    }
  }

  static func decode<M: SwiftProtobuf.Message>(_ bytes: UnsafeRawBufferPointer) throws -> M {
    do {
      return try M(binaryOrJSON: bytes)
    } catch {
      throw RejectionError(code: .malformed)
    }
  }

  /// A message may have 1,000,000 bytes (`message.max.bytes`), and a record in canonical form is often longer than it
  /// came: Read codes are padded. Header, key, tokens and the seals of later stages need the rest.
  static let maximumRecordBytes = 960_000

  // MARK: Manifests

  private func take(
    _ manifest: Manifest, isJSON: Bool, at place: StagedRecord.Coordinates, _ intake: inout Intake
  ) throws {
    switch manifest.state {
    case .opened, .closed, .abandoned: break
    case .unspecified: throw RejectionError(code: .missingField)
    case .UNRECOGNIZED: throw RejectionError(code: .unknownKind)
    }
    guard ExtractHeader.isExtractID(manifest.extractID) else { throw RejectionError(code: .malformed) }
    let opening = manifest.opening
    if let fault = ExtractHeader.fault(opening) ?? ExtractHeader.fault(expectedRecords: manifest.expectedRecords) {
      intake.malformed[manifest.extractID] = (fault, isJSON)
      throw RejectionError(code: .malformed)
    }
    intake.manifests.append(.init(manifest: manifest, isJSON: isJSON, at: place))
    if let reason = rules.reasonToRefuse(opening) { intake.refused[opening] = reason }
  }

  // MARK: Records

  private func take(
    _ record: PatientRecord, at place: StagedRecord.Coordinates, _ intake: inout Intake
  ) throws {
    guard let (opening, rules) = rules.judged(record), record.sequence > 0, record.sequence <= UInt32(Int32.max) else {
      return try takeDecisionsAlone(record, record.opening, at: place, &intake)
    }
    var validated = RecordValidation.validate(record, rules)
    let routing = route(&validated, of: record)
    speak(validated, for: record, under: routing, &intake)
    let recordID = tokens.recordID(record)
    if !validated.isDeidentified, !record.patientRef.isEmpty { validated.identity.local = tokens.local(record) }
    var sections = SectionWriter.write(validated)
    if sections.count > Self.maximumRecordBytes, validated.rejection == nil { validated.rejection = .recordTooLarge }
    let sealed = try sealing.stage(sections, recordID: recordID)
    // Objections are content too: a corrected extract that differs in nothing else is still a correction.
    for decision in validated.decisions {
      sections.append(
        contentsOf: "\(decision.type.rawValue)/\(decision.decision.rawValue)/\(decision.day ?? .min)".utf8)
    }
    routing.withUnsafeBytes { sections.append(contentsOf: $0) }
    intake.append(
      StagedRecord(
        sequence: Int32(record.sequence), recordID: recordID, patientKey: tokens.patientKey(record),
        routingToken: routing, partition: routing.withUnsafeBytes { layout.partition(of: $0) },
        contentDigest: sections.withUnsafeBytes { tokens.contentDigest($0) }, sealed: sealed,
        entriesReceived: Int32(record.entries.count), entries: Int32(validated.clinical.entries.count),
        entriesExcluded: validated.excludedEntries, isDeidentified: validated.isDeidentified,
        carriesDissent: validated.decisions.contains { $0.decision == .dissent },
        isNumbered: !validated.nhsNumber.isEmpty, rejection: validated.rejection,
        notes: validated.notes, source: place), to: opening)
    if validated.hasUnknownCodeSystem { intake.refused[opening] = "unknown_code_system" }
  }

  /// Of a record whose extract cannot be judged only the objections are of use.
  private func takeDecisionsAlone(
    _ record: PatientRecord, _ opening: ExtractStore.Opening, at place: StagedRecord.Coordinates,
    _ intake: inout Intake
  ) throws {
    var validated = RecordValidation.decisions(record)
    let routing = route(&validated, of: record)
    speak(validated, for: record, under: routing, &intake)
    guard ExtractHeader.isExtractID(record.extractID) else { throw RejectionError(code: .malformed) }
    guard record.sequence > 0, record.sequence <= UInt32(Int32.max) else { throw RejectionError(code: .missingField) }
    guard ExtractHeader.fault(opening) == nil else { throw RejectionError(code: .malformed) }
    intake.refused[opening] = validated.hasUnknownCodeSystem ? "unknown_code_system" : rules.reasonToRefuse(opening)
    intake.unjudged[opening, default: []].append(place)
  }

  /// By the number in use now, which takes the place of the one that it has superseded.
  private func route(_ validated: inout ValidatedRecord, of record: PatientRecord) -> Token16 {
    let token = tokens.routingToken(
      nhsNumber: validated.nhsNumber, organisation: record.organisation, patientRef: record.patientRef)
    guard let current = supersessions.current(token) else { return token }
    validated.nhsNumber = current
    if !validated.identity.nhsNumber.isEmpty { validated.identity.nhsNumber = current }
    return tokens.routingToken(nhsNumber: current)
  }

  private func speak(
    _ validated: ValidatedRecord, for record: PatientRecord, under routing: Token16, _ intake: inout Intake
  ) {
    guard !validated.decisions.isEmpty else { return }
    // Without a reference all would be one patient, and one's withdrawal undo another's dissent.
    let origin =
      record.patientRef.isEmpty
      ? tokens.origin("registration \(record.organisation)", nhsNumber: validated.nhsNumber)
      : tokens.patientKey(record)
    // The id is looked up, and one that is none may be text that PostgreSQL refuses.
    let extractID = ExtractHeader.isExtractID(record.extractID) ? record.extractID : nil
    // A table of the operator's, so nothing that somebody has chosen.
    let organisation = (try? OrganisationCode(validating: record.organisation))?.text ?? ""
    for decision in validated.decisions {
      intake.spoken.append(
        .init(
          origin: origin, token: routing, decision: decision, organisation: organisation,
          system: validated.decisionSystem, extractID: extractID))
    }
  }
}

/// What every later stage sees of an extract must be what it says it is, not text that somebody has chosen.
enum ExtractHeader {
  /// Letters, digits and `. _ : -`, at most 100, without anything that is an NHS number.
  static func isExtractID(_ text: String) -> Bool {
    guard 1...100 ~= text.utf8.count,
      text.utf8.allSatisfy({
        switch $0 {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2E, 0x5F, 0x3A, 0x2D: true
        default: false
        }
      })
    else { return false }
    return !NHSNumber.isWritten(in: text)
  }

  /// Reason of the receipt; nil when nothing is wrong.
  static func fault(_ opening: ExtractStore.Opening) -> String? {
    if opening.source == .unspecified { return "source_missing" }
    if case .UNRECOGNIZED = opening.source { return "source_unknown" }
    guard (try? OrganisationCode(validating: opening.organisation))?.text == opening.organisation else {
      return "organisation_malformed"
    }
    // Versions are counted on from the time of submission, so there must be room behind it.
    guard 0...latestSubmission ~= opening.submittedAt else { return "submitted_at_out_of_range" }
    guard Period(opening.period)?.text == opening.period else { return "period_malformed" }
    guard 1...4 ~= opening.specification.utf8.count,
      opening.specification.utf8.allSatisfy({ 0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 })
    else { return "specification_malformed" }
    return nil
  }
  /// Sequence numbers are kept as `int`.
  static func fault(expectedRecords: UInt32) -> String? {
    expectedRecords > UInt32(Int32.max) ? "expected_records_out_of_range" : nil
  }

  /// 9999-12-31, in microseconds since 1970-01-01T00:00:00Z.
  static let latestSubmission: Int64 = 253_402_300_799_999_999
}
