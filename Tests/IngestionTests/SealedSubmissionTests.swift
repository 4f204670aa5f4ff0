import Contracts
import Cryptography
import Foundation
import KeyRing
import StageKit
import SwiftProtobuf
import Testing

@testable import Ingestion

/// What connectors have sealed at the practice.
struct SealedSubmissionTests {
  private let reading: TestReading
  private let sealer: SealedBoxSealer

  init() throws {
    reading = try TestReading()
    let exported = try PublicKeys(
      try TestKeys.installation().folder(of: .ingestion).exported(by: .ingestion), of: .ingestion)
    sealer = try SealedBoxSealer(to: try exported.active(.extracts), purpose: "extracts")
  }

  private func record(_ sequence: UInt32 = 1) -> PatientRecord {
    PatientRecord.with {
      $0.extractID = "sealed-1"
      $0.sequence = sequence
      $0.organisation = "A81001"
      $0.source = .gp
      $0.period = "2026-10"
      $0.submittedAt = 1_760_000_000_000_000
      $0.specification = "1"
      $0.patientRef = "p\(sequence)"
      $0.nhsNumber = "9990000018"
      $0.dateOfBirth = "1950-02-03"
      $0.sex = "1"
      $0.postcode = "LS1 4AP"
    }
  }

  private func sealed(
    _ message: some SwiftProtobuf.Message, as content: SealedSubmission = .extract
  ) throws -> Data {
    Data(try sealer.seal(message.serializedBytes(), associated: content.associated))
  }

  @Test func `a sealed record is taken as the same record in the open is`() throws {
    let open = ExtractMessage.with { $0.record = record() }
    var intakes: [Intake] = []
    for message in [open, try ExtractMessage.with { $0.sealed = try sealed(open) }] {
      var intake = Intake()
      #expect(try reading.take(try message.serializedBytes(), &intake) == nil)
      intakes.append(intake)
    }
    let records = intakes.map { $0.records.values.joined().map { [$0.recordID, $0.routingToken, $0.contentDigest] } }
    #expect(records[0].count == 1 && records[0] == records[1])
  }

  @Test func `what does not open, is sealed to somebody else or is no record is put aside and stops nobody`() throws {
    let open = ExtractMessage.with { $0.record = record() }
    var changed = try sealed(open)
    changed[changed.count - 1] ^= 1
    let stranger = try SealedBoxSealer(to: try X25519PrivateKey().publicKey, purpose: "extracts")
    let strange = Data(try stranger.seal(open.serializedBytes(), associated: SealedSubmission.extract.associated))
    let nested = try sealed(ExtractMessage.with { $0.sealed = try sealed(open) })
    let cases: [(Data, RejectionCode)] = [
      (changed, .sectionUnreadable), (Data([1, 2, 3]), .sectionUnreadable), (Data(), .sectionUnreadable),
      (strange, .unknownKey), (nested, .malformed), (try sealed(open, as: .objection), .sectionUnreadable),
      (try sealed(ExtractMessage.with { $0.manifest.extractID = "x" }), .malformed),
      (Data(try sealer.seal([0xFF, 0xFF], associated: SealedSubmission.extract.associated)), .malformed),
    ]
    for (sealed, code) in cases {
      var intake = Intake()
      #expect(try reading.take(try ExtractMessage.with { $0.sealed = sealed }.serializedBytes(), &intake) == code)
      #expect(intake.records.isEmpty)
    }
  }

  @Test func `a sealed objection is heard, and one that does not open may be one`() throws {
    let message = ObjectionMessage.with {
      $0.objection.submissionID = "s"
      $0.objection.sequence = 1
      $0.objection.expected = 1
      $0.objection.nhsNumber = "9990000018"
      $0.objection.type = .objectionType2
      $0.objection.decision = .dissent
      $0.objection.origin = "patient"
    }
    var intake = Intake()
    func take(_ sealed: Data) throws {
      let bytes: [UInt8] = try ObjectionMessage.with { $0.sealed = sealed }.serializedBytes()
      try bytes.withUnsafeBytes {
        try reading.others.take(objection: $0, at: .init(partition: 0, offset: 0), &intake)
      }
    }
    try take(try sealed(message, as: .objection))
    #expect(intake.spoken.map(\.token) == [reading.tokens.routingToken(nhsNumber: "9990000018")])
    let nested = try sealed(ObjectionMessage.with { $0.sealed = try sealed(message, as: .objection) }, as: .objection)
    for wrong in [try sealed(message, as: .extract), nested] {
      #expect(throws: ExtractReading.RejectionError.self) { try take(wrong) }
      let bytes: [UInt8] = try ObjectionMessage.with { $0.sealed = wrong }.serializedBytes()
      #expect(bytes.withUnsafeBytes { ObjectionReading.mayHoldObjection($0) })
    }
    #expect(intake.spoken.count == 1)
  }

  @Test func `what is staged under a key opens after it was replaced, until it is retired`() throws {
    let keys = KeyInstallation("\(TestDatabase.directory)/keys-\(randomName())")
    _ = try keys.make()
    let stageKeys = try StageKeys(keys, of: .ingestion, others: [.pseudonymisation, .publication])
    let sealing = try SectionSealing(keys: stageKeys)
    let token = Token16(high: 1, low: 2)
    let before = try sealing.sealNumber("9990000018", token: token)
    let ring = try keys.ring(of: .ingestion)
    let old = try ring.active(.staging).entry.id
    _ = try ring.rotate(.staging)
    #expect(try stageKeys.refresh())
    try sealing.reload()
    let after = try sealing.sealNumber("9990000018", token: token)
    #expect(try sealing.openNumber(before, token: token) == "9990000018")
    #expect(try sealing.openNumber(after, token: token) == "9990000018")
    _ = try ring.retire(old)
    #expect(try stageKeys.refresh())
    try sealing.reload()
    #expect(try sealing.openNumber(after, token: token) == "9990000018")
    let error = #expect(throws: StageError.self) { try sealing.openNumber(before, token: token) }
    #expect(error?.code == .key && error?.description.contains(old) == true)
    #expect(Set(stageKeys.uses.take().map(\.purpose)) == [.staging])
  }
}
