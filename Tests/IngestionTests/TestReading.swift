import Contracts
import Cryptography
import Foundation
import Specification
import StageKit
import SwiftProtobuf

@testable import Ingestion

/// Everything between the bytes of a message and the tables, as the service has it, with the specification shipped.
struct TestReading {
  let ingestion: TestIngestion
  let extracts: ExtractReading
  let others: ObjectionReading
  let storing: Storing
  let tokens: RecordTokens

  init() throws {
    ingestion = try TestIngestion()
    let keys = try TestKeys.ingestion()
    let sealedSubmissions = try SealedSubmissions(keys: keys)
    tokens = try RecordTokens.random()
    let sealing = try SectionSealing(keys: keys)
    let supersessions = Supersessions(tokens: tokens, sealing: sealing)
    let specifications = try Self.specifications.get()
    extracts = ExtractReading(
      layout: ingestion.layout, tokens: tokens, sealing: sealing, sealedSubmissions: sealedSubmissions,
      rules: ExtractRuleBook(specifications.versions, specifications.exclusions), supersessions: supersessions)
    others = ObjectionReading(tokens: tokens, sealedSubmissions: sealedSubmissions)
    storing = Storing(
      layout: ingestion.layout, ledger: ingestion.ledger, receipts: ingestion.receipts, practices: ingestion.practices,
      manifests: ingestion.manifests, supersessions: supersessions,
      nationalLists: NationalLists(ledger: ingestion.ledger),
      releaseHold: ReleaseHold(rule: NationalListRule()), incarnation: "first")
  }

  private static let specifications = Result {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try Specifications.load(directory: root.appendingPathComponent("compose/specification").path)
  }

  /// The code with which a message of `extracts` is put aside; nil when it is taken.
  @discardableResult
  func take(_ bytes: [UInt8], offset: Int64 = 0, _ intake: inout Intake) throws -> RejectionCode? {
    do {
      try bytes.withUnsafeBytes { try extracts.take($0, at: .init(partition: 0, offset: offset), &intake) }
      return nil
    } catch let error as ExtractReading.RejectionError {
      return error.code
    }
  }

  @discardableResult
  func take(_ record: PatientRecord, _ intake: inout Intake) throws -> RejectionCode? {
    try take(try ExtractMessage.with { $0.record = record }.serializedBytes(), &intake)
  }

  @discardableResult
  func take(_ manifest: Manifest, _ intake: inout Intake) throws -> RejectionCode? {
    try take(try ExtractMessage.with { $0.manifest = manifest }.serializedBytes(), &intake)
  }

  @discardableResult
  func take(_ message: ObjectionMessage, _ intake: inout Intake) throws -> RejectionCode? {
    try takeOther(try message.serializedBytes(), &intake) { try others.take(objection: $0, at: $1, &$2) }
  }

  @discardableResult
  func take(_ enrolment: PracticeEnrolment, _ intake: inout Intake) throws -> RejectionCode? {
    try takeOther(try enrolment.serializedBytes(), &intake) { bytes, _, intake in
      try others.take(enrolment: bytes, &intake)
    }
  }

  func takeOther(
    _ bytes: [UInt8], offset: Int64 = 0, _ intake: inout Intake,
    _ body: (UnsafeRawBufferPointer, StagedRecord.Coordinates, inout Intake) throws -> Void
  ) throws -> RejectionCode? {
    do {
      try bytes.withUnsafeBytes { try body($0, .init(partition: 0, offset: offset), &intake) }
      return nil
    } catch let error as ExtractReading.RejectionError {
      return error.code
    }
  }

  func store(_ intake: inout Intake) throws {
    try ingestion.database.transaction { try storing.store(&intake, ingestion.database) }
  }
}
