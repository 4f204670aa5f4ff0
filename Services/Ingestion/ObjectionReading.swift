import Clinical
import Contracts
import Cryptography

/// Turns messages of the topics `objections`, `practices` and `receipts` into what a batch stores.
struct ObjectionReading {
  let tokens: RecordTokens

  // MARK: Objections and supersessions

  func take(
    objection bytes: UnsafeRawBufferPointer, at place: StagedRecord.Coordinates, _ intake: inout Intake
  ) throws {
    let content: ObjectionMessage = try ExtractReading.decode(bytes)
    switch content.content {
    case .objection(let objection): try take(objection, &intake)
    case .supersession(let supersession):
      guard let old = try? NHSNumber(validating: supersession.superseded),
        let new = try? NHSNumber(validating: supersession.current), old != new
      else { throw ExtractReading.RejectionError(code: .malformed) }
      try Self.check(supersession.submissionID, supersession.sequence, of: supersession.expected)
      intake.supersessions.append((.init(superseded: old, current: new), place))
      intake.submitted.add(
        supersession.submissionID, sequence: supersession.sequence, expected: supersession.expected,
        .supersessionsStored)
    case .cut(let cut):
      guard ExtractHeader.isExtractID(cut.cutID) else { throw ExtractReading.RejectionError(code: .malformed) }
      intake.cuts.append(cut.cutID)
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
    // Heard before anything else is judged: a patient objects, whatever is wrong with the submission.
    intake.spoken.append(
      .init(
        origin: tokens.origin(objection.origin, nhsNumber: number), token: tokens.routingToken(nhsNumber: number),
        decision: Decision(
          type: objection.type, decision: objection.decision, day: objection.hasDay ? objection.day : nil)))
    try Self.check(objection.submissionID, objection.sequence, of: objection.expected)
    intake.submitted.add(
      objection.submissionID, sequence: objection.sequence, expected: objection.expected, .objectionsAcknowledged)
  }

  /// A submission is acknowledged by its id once as many sequence numbers as are expected have come, so that none may
  /// lie outside of them.
  private static func check(_ submission: String, _ sequence: UInt32, of expected: UInt32) throws {
    guard !submission.isEmpty, sequence > 0 else { throw ExtractReading.RejectionError(code: .missingField) }
    guard ExtractHeader.isExtractID(submission), sequence <= expected, expected <= UInt32(Int32.max) else {
      throw ExtractReading.RejectionError(code: .malformed)
    }
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
