import Contracts
import Cryptography
import Foundation
import KeyRing
import StageKit
import SwiftProtobuf
import Testing

@testable import Publication

@Suite struct BatchReaderTests {
  private let keys = KeyInstallation(NSTemporaryDirectory() + "caredata-sections-\(randomName())")
  private let clinicalSealer: SealedBoxSealer
  private let attributesSealer: SealedBoxSealer

  init() throws {
    _ = try keys.make()
    let sealing = try StageKeys(keys, of: .pseudonymisation, others: [.publication])
    clinicalSealer = try sealing.sealer(.clinical)
    attributesSealer = try sealing.sealer(.attributes)
  }

  private func opener() throws -> SectionOpener { try SectionOpener(keys: try StageKeys(keys, of: .publication)) }

  private func header(number: UInt32 = 1) throws -> [UInt8] {
    try Header.with {
      $0.recordID = Data(token(1).bytes)
      $0.versionTime = 100
      $0.versionDigest = 7
      $0.stamp = 5
      $0.number = number
      $0.extractID = "x1"
      $0.organisation = "A81001"
      $0.source = .gp
      $0.period = "2026-10"
    }.serializedBytes()
  }

  private func envelope(_ change: (inout Envelope) -> Void = { _ in }) throws -> [UInt8] {
    let header = try header()
    let clinical = ClinicalSection.with {
      $0.entries = [
        .with {
          $0.system = .read2
          $0.code = "C10.."
          $0.day = -3
          $0.value = 1.5
        },
        .with {
          $0.system = .admissionMethod
          $0.code = "21"
          $0.day = 20_000
          $0.endDay = 20_004
          $0.encounter = 9
          $0.position = 1
        },
        .with { $0.system = .snomed },
      ]
      $0.registeredFrom = 18_000
    }
    let attributes = AttributesSection.with {
      $0.yearOfBirth = 1950
      $0.sex = 2
      $0.practice = "A81001"
      $0.area = "TS1"
      $0.ethnicCategory = "A"
    }
    var envelope = Envelope.with { envelope in
      envelope.kind = .record
      envelope.header = Data(header)
      envelope.links.withdrawal = Data(token(8).bytes)
      envelope.assignment.personID = Data(token(9).bytes)
      envelope.assignment.number = 3
    }
    envelope.clinical = try sealed(clinical, clinicalSealer, header)
    envelope.attributes = try sealed(attributes, attributesSealer, header)
    change(&envelope)
    return try envelope.serializedBytes()
  }

  private func sealed(_ section: some SwiftProtobuf.Message, _ sealer: SealedBoxSealer, _ header: [UInt8]) throws
    -> Data
  {
    Data(try sealer.seal(section.serializedBytes(), associated: header))
  }

  private func read(_ values: [UInt8]..., with opener: SectionOpener? = nil) throws -> (FactBatch, [ReadingFault]) {
    var reader = BatchReader(opener: try opener ?? self.opener())
    var faults: [ReadingFault] = []
    for value in values {
      value.withUnsafeBytes { bytes in
        do throws(ReadingFault) { try reader.linked(bytes) } catch { faults.append(error) }
      }
    }
    return (reader.batch, faults)
  }

  @Test func `a record's facts are read from its opened sections`() throws {
    let (batch, faults) = try read(envelope())
    #expect(faults == [])
    let change = try #require(batch.records.changes.first)
    #expect(change.order == VersionOrder(time: 100, digest: 7, rank: .record))
    #expect(change.isCounted && change.stamp == 5 && change.state == .live)
    #expect(change.extract == extract("x1"))
    #expect(change.withdrawalToken == token(8))
    #expect(change.personID == token(9) && change.assignment == 3)
    let clinical = try #require(change.facts?.clinical)
    #expect(clinical.systems == [1, 6, 3])
    #expect(clinical.codes == ["C10..", "21", ""])
    #expect(clinical.days == [-3, 20_000, ClinicalFacts.undated])
    #expect(clinical.endDays == [ClinicalFacts.undated, 20_004, ClinicalFacts.undated])
    #expect(clinical.encounters == [0, 9, 0])
    #expect(clinical.positions == [0, 1, 0])
    #expect(clinical.registeredFrom == 18_000 && clinical.registeredTo == nil)
    let attributes = try #require(change.facts?.attributes)
    #expect(attributes.yearOfBirth == 1950 && attributes.sex == 2 && attributes.practice == "A81001")
    #expect(attributes.area == "TS1" && attributes.ethnicCategory == "A")
  }

  @Test func `a poisoned record is kept as rejected and others go on`() throws {
    let poisoned = try envelope {
      $0.clinical[$0.clinical.count - 20] ^= 1
      $0.header = Data((try? header(number: 2)) ?? [])
    }
    let (batch, faults) = try read(envelope(), poisoned)
    #expect(faults == [.sectionUnreadable])
    let (alone, _) = try read(poisoned, envelope { $0.header.append(contentsOf: []) })
    #expect(alone.records.changes.count == 1)
    #expect(batch.records.changes.first?.isCounted == true)
    let (rejected, again) = try read(poisoned)
    #expect(again == [.sectionUnreadable])
    #expect(rejected.records.changes.first?.state == .rejected)
    #expect(rejected.records.changes.first?.facts == nil)
  }

  @Test func `a section that holds what no column can is unreadable`() throws {
    let header = try header()
    for section in [
      ClinicalSection.with { $0.entries = [.with { $0.code = "a\0b" }] },
      ClinicalSection.with { $0.registeredFrom = .min },
    ] {
      let sealedSection = try sealed(section, clinicalSealer, header)
      let (batch, faults) = try read(envelope { $0.clinical = sealedSection })
      #expect(faults == [.sectionUnreadable])
      #expect(batch.records.changes.first?.state == .rejected)
    }
  }

  @Test func `a section under another record's header does not open`() throws {
    let moved = try envelope { $0.header = Data((try? header(number: 4)) ?? []) }
    #expect(try read(moved).1 == [.sectionUnreadable])
  }

  @Test func `a section sealed to a key that is not held is no poison: nothing passes`() throws {
    let nobody = try SealedBoxSealer(to: try X25519PrivateKey().publicKey, purpose: "clinical")
    let header = try header()
    let strange = try sealed(ClinicalSection(), nobody, header)
    let (batch, faults) = try read(envelope { $0.clinical = strange })
    guard case .missingKey(let text) = faults.first else {
      Issue.record("a missing key is not named")
      return
    }
    #expect(text.contains(nobody.recipient.id.description))
    #expect(batch.records.changes.first?.state == .rejected)
  }

  @Test func `after a rotation old and new sections open, and after the old key is retired only new ones`() throws {
    let opener = try opener()
    let before = try envelope()
    #expect(try read(before, with: opener).1 == [])
    let ring = try keys.ring(of: .publication)
    let old = try ring.active(.clinical).entry.id
    _ = try ring.rotate(.clinical)
    try keys.export()
    let newer = try StageKeys(keys, of: .pseudonymisation, others: [.publication]).sealer(.clinical)
    let after = try envelope {
      let section = (try? sealed(ClinicalSection(), newer, header())) ?? Data()
      $0.clinical = section
    }
    #expect(try read(after, before, with: opener).1 == [], "a running service learns of the new key by itself")
    _ = try ring.retire(old)
    #expect(try opener.refresh())
    #expect(try read(after, with: opener).1 == [])
    guard case .missingKey = try read(before, with: opener).1.first else {
      Issue.record("a retired key opens")
      return
    }
  }

  @Test func `a missing key ring stops the service`() {
    let error = #expect(throws: StageError.self) { try StageKeys(KeyInstallation("/nowhere"), of: .publication) }
    #expect(error?.code == .key)
  }

  @Test func `retractions, reassignments, withdrawals and marks are read without keys`() throws {
    let retraction = try envelope {
      $0.kind = .retraction
      $0.reason = .type2
      $0.clearAssignment()
    }
    let (retracted, _) = try read(retraction)
    #expect(retracted.records.changes.first?.state == .excluded)
    #expect(retracted.records.changes.first?.order.rank == .excluded)
    let (reassigned, _) = try read(envelope { $0.kind = .reassignment })
    #expect(reassigned.records.changes.first?.order == VersionOrder.none)
    #expect(reassigned.records.changes.first?.isCounted == false)
    #expect(reassigned.records.changes.first?.assignment == 3)
    let (withdrawn, _) = try read(
      Envelope.with {
        $0.kind = .withdrawal
        $0.withdrawal.token = Data(token(4).bytes)
        $0.withdrawal.allSources = true
        $0.withdrawal.erasedStamp = 12
        $0.withdrawal.stamp = 11
      }.serializedBytes())
    #expect(withdrawn.withdrawals == withdrawal(4, upTo: 12, statement: 11).withdrawals)
    let (reinstated, _) = try read(
      Envelope.with {
        $0.kind = .reinstatement
        $0.withdrawal.token = Data(token(4).bytes)
        $0.withdrawal.erasedStamp = 20
        $0.withdrawal.stamp = 20
      }.serializedBytes())
    #expect(reinstated.withdrawals == withdrawal(4, allSources: false, upTo: 20, inForce: false).withdrawals)
    func marker(_ regime: String, _ heldBy: [String]) throws -> [UInt8] {
      try Envelope.with {
        $0.kind = .marker
        $0.marker.cutID = "c"
        $0.marker.validatedPartition = 1
        $0.marker.pseudonymisedPartition = 2
        $0.marker.partitions = 3
        $0.marker.regime = regime
        $0.marker.heldBy = heldBy
      }.serializedBytes()
    }
    let tag = FactBatch.MarkerTag(cutID: "c", validatedPartition: 1, pseudonymisedPartition: 2, partitions: 3)
    #expect(try read(marker("", [])).0.markers == [tag: .init()])
    #expect(
      try read(marker("a", ["old list"]), marker("a", []), marker("b", ["rejected", ""])).0.markers
        == [tag: .init(heldBy: ["old list", "rejected", "no reason given"], regimes: ["a", "b"])])
  }

  @Test func `messages that are none of publication's are put aside`() throws {
    let noPerson = try envelope { $0.clearAssignment() }
    let objection = try envelope {
      $0.kind = .objection
      $0.objection.stamp = 1
    }
    let (batch, faults) = try read(
      [0xFF, 0xFF], objection, envelope { $0.clearHeader() }, noPerson)
    #expect(faults == [.contract(.malformed), .unexpectedKind, .contract(.missingHeader), .contract(.missingField)])
    #expect(batch.records.changes.map(\.state) == [.rejected], "the record without person is accounted for")
  }

  @Test func `only admissions are taken from receipts`() throws {
    var reader = BatchReader(opener: try opener())
    let receipt = Receipt.with {
      $0.id = "x1"
      $0.status = .admitted
      $0.recordsAdmitted = 12
      $0.organisation = "A81001"
      $0.source = .gp
      $0.period = "2026-10"
      $0.submittedAt = 100
      $0.digest = 7
    }
    var balanced = receipt
    balanced.id = "x2"
    balanced.status = .balanced
    for value in [receipt, balanced] {
      let bytes: [UInt8] = try value.serializedBytes()
      try bytes.withUnsafeBytes { try reader.receipt($0) }
    }
    #expect(reader.batch.admissions == admission(extract("x1"), records: 12).admissions)
  }
}

extension Envelope {
  fileprivate mutating func clearHeader() { header = Data() }
}
