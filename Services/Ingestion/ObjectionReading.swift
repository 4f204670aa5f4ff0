import Clinical
import Contracts
import Cryptography

/// Turns messages of the topics `objections`, `practices` and `receipts` into what a batch stores.
struct ObjectionReading {
  let tokens: RecordTokens
  let sealedSubmissions: SealedSubmissions

  // MARK: Objections and supersessions

  func take(
    objection bytes: UnsafeRawBufferPointer, at place: StagedRecord.Coordinates, _ intake: inout Intake
  ) throws {
    try take(try ExtractReading.decode(bytes) as ObjectionMessage, at: place, &intake)
  }

  private func take(_ message: ObjectionMessage, at place: StagedRecord.Coordinates, _ intake: inout Intake) throws {
    switch message.content {
    case .objection(let objection): try take(objection, &intake)
    case .supersession(let supersession):
      guard let old = try? NHSNumber(validating: supersession.superseded),
        let new = try? NHSNumber(validating: supersession.current), old != new
      else { throw ExtractReading.RejectionError(code: .malformed) }
      if let fault = Self.fault(supersession.submissionID, supersession.sequence, of: supersession.expected) {
        throw fault
      }
      intake.supersessions.append((.init(superseded: old, current: new), place))
      intake.submitted.add(
        supersession.submissionID, sequence: supersession.sequence, expected: supersession.expected,
        .supersessionsStored)
    case .nationalList(let list):
      guard ExtractHeader.isExtractID(list.submissionID), list.expected <= UInt32(Int32.max),
        0...ExtractHeader.latestSubmission ~= list.drawnAt
      else { throw ExtractReading.RejectionError(code: .malformed) }
      intake.nationalLists.append(list)
    case .cut(let cut):
      guard ExtractHeader.isExtractID(cut.cutID) else { throw ExtractReading.RejectionError(code: .malformed) }
      intake.cuts.append(cut.cutID)
    case .sealed(let sealed):
      let opened = try sealedSubmissions.open([UInt8](sealed), .objection)
      let inner: ObjectionMessage = try opened.withUnsafeBytes { try ExtractReading.decode($0) }
      if case .sealed = inner.content { throw ExtractReading.RejectionError(code: .malformed) }
      try take(inner, at: place, &intake)
    case nil: throw ExtractReading.RejectionError(code: .missingField)
    }
  }

  private func take(_ objection: Objection, _ intake: inout Intake) throws {
    guard objection.type == .objectionType1 || objection.type == .objectionType2,
      objection.decision == .dissent || objection.decision == .withdrawn, !objection.nhsNumber.isEmpty
    else { throw ExtractReading.RejectionError(code: .missingField) }
    // Whether the check digit is right is not asked: an objection too many harms less than one too few.
    let number = objection.nhsNumber.filter { $0.isASCII && $0.isNumber }
    guard number.utf8.count == 10 else { throw ExtractReading.RejectionError(code: .malformed) }
    let entry = NationalLists.Entry(
      submission: objection.submissionID, origin: tokens.origin(objection.origin, nhsNumber: number),
      token: tokens.routingToken(nhsNumber: number), isDissent: objection.decision == .dissent)
    let fault = Self.fault(objection.submissionID, objection.sequence, of: objection.expected)
    // Type 1 is no matter of the national list.
    let isListed = objection.origin == NationalLists.organisation && objection.type == .objectionType2
    switch (isListed, fault) {
    case (true, nil): intake.nationalEntries.append(entry)
    case (true, _):
      // Heard all the same: a patient objects, whatever is wrong with the submission.
      if entry.isDissent { intake.spoken.append(entry.dissent(isUnjudged: false)) }
    case (false, _):
      intake.spoken.append(
        .init(
          origin: entry.origin, token: entry.token,
          decision: Decision(
            type: objection.type, decision: objection.decision, day: objection.hasDay ? objection.day : nil),
          organisation: ObjectionLedger.patient))
    }
    if let fault { throw fault }
    intake.submitted.add(
      objection.submissionID, sequence: objection.sequence, expected: objection.expected,
      isListed ? .nationalListInForce : .objectionsAcknowledged)
  }

  /// Whether an objection may be in a message of the topic `objections` that was put aside: also when it cannot be read.
  static func mayHoldObjection(_ bytes: UnsafeRawBufferPointer) -> Bool {
    switch (try? ExtractReading.decode(bytes) as ObjectionMessage)?.content {
    case .supersession, .cut: false
    case .objection, .nationalList, .sealed, nil: true
    }
  }

  /// A submission is acknowledged by its id once as many sequence numbers as are expected have come, so that none may
  /// lie outside of them.
  private static func fault(
    _ submission: String, _ sequence: UInt32, of expected: UInt32
  ) -> ExtractReading.RejectionError? {
    if submission.isEmpty || sequence == 0 { return .init(code: .missingField) }
    let isPlausible = ExtractHeader.isExtractID(submission) && sequence <= expected && expected <= UInt32(Int32.max)
    return isPlausible ? nil : .init(code: .malformed)
  }

  // MARK: Enrolments

  /// Code and time are told again in the receipt, so they must be such.
  func take(enrolment bytes: UnsafeRawBufferPointer, _ intake: inout Intake) throws {
    let enrolment: PracticeEnrolment = try ExtractReading.decode(bytes)
    guard enrolment.state != .unspecified, !enrolment.organisation.isEmpty else {
      throw ExtractReading.RejectionError(code: .missingField)
    }
    guard (try? OrganisationCode(validating: enrolment.organisation))?.text == enrolment.organisation,
      0...ExtractHeader.latestSubmission ~= enrolment.changedAt
    else { throw ExtractReading.RejectionError(code: .malformed) }
    intake.enrolments.append(enrolment)
  }

  // MARK: Receipts

  /// Of the receipts, ingestion heeds only that publication has accounted for an extract.
  func take(receipt bytes: UnsafeRawBufferPointer, _ intake: inout Intake) throws {
    let receipt: Receipt = try ExtractReading.decode(bytes)
    guard receipt.status == .balanced else { return }
    guard ExtractHeader.isExtractID(receipt.id) else { throw ExtractReading.RejectionError(code: .malformed) }
    intake.balanced.append(receipt)
  }
}
