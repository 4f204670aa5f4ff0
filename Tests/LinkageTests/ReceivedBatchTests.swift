import Contracts
import Cryptography
import Foundation
import Linking
import StageKit
import Testing

@testable import Linkage

@Suite("Messages in and out")
struct ReceivedBatchTests {
  private func add(_ envelope: Envelope, to batch: inout ReceivedBatch) throws -> RejectionCode? {
    let bytes: [UInt8] = try envelope.serializedBytes()
    return bytes.withUnsafeBytes { batch.add(0, ReceivedMessage(partition: 1, key: $0, value: $0)) }
  }

  private func envelope(_ kind: Kind, header: [UInt8] = headerBytes(1)) -> Envelope {
    var envelope = Envelope()
    envelope.kind = kind
    envelope.header = Data(header)
    return envelope
  }

  private func recordEnvelope() -> Envelope {
    var envelope = envelope(.record)
    envelope.clinical = Data([1, 2, 3])
    envelope.attributes = Data([4, 5])
    envelope.links.nhsNumber = Data(nhsToken(1).bytes)
    envelope.links.demographics = Data(demographicsToken(2).bytes)
    envelope.links.withdrawal = Data(withdrawalToken(3).bytes)
    envelope.links.passKeys = Data([PassKey.local.rawValue] + nhsToken(4).bytes)
    envelope.links.birth = .known
    return envelope
  }

  private var recordCombination: Combination {
    Combination(
      source: .hospital, birth: .known, number: nhsToken(1),
      passKeys: [PassKey.demographics.rawValue] + demographicsToken(2).bytes + [PassKey.local.rawValue]
        + nhsToken(4).bytes,
      withdrawal: withdrawalToken(3))
  }

  @Test func `a record keeps its sections, gets its person and leaves all link tokens but one behind`() throws {
    let bytes: [UInt8] = try recordEnvelope().serializedBytes()
    let out = try bytes.withUnsafeBytes { value in
      var writer = LinkedEnvelope()
      return writer.record(
        try EnvelopeView(value), withdrawal: withdrawalToken(3), .init(person: recordID(9), rank: 4, number: 300))
    }
    var expected = recordEnvelope()
    expected.links = LinkTokens()
    expected.links.withdrawal = Data(withdrawalToken(3).bytes)
    expected.assignment.personID = Data(PersonID.of(smallestRecordID: recordID(9)).bytes)
    expected.assignment.rank = 4
    expected.assignment.number = 300
    #expect(try Envelope(serializedBytes: out) == expected)
  }

  @Test func `a retraction is header and reason only`() throws {
    let header = headerBytes(1)
    let out = header.withUnsafeBytes { header in
      var writer = LinkedEnvelope()
      return writer.retraction(header: header, reason: .type1)
    }
    var expected = envelope(.retraction)
    expected.reason = .type1
    #expect(try Envelope(serializedBytes: out) == expected)
  }

  @Test func `each kind is taken for what it is`() throws {
    var batch = ReceivedBatch(capacity: 8)
    #expect(try add(recordEnvelope(), to: &batch) == nil)
    var retraction = envelope(.retraction)
    retraction.reason = .type2
    #expect(try add(retraction, to: &batch) == nil)
    var withdrawal = Envelope()
    withdrawal.kind = .withdrawal
    withdrawal.withdrawal.token = Data(withdrawalToken(3).bytes)
    withdrawal.withdrawal.allSources = true
    withdrawal.withdrawal.erasedStamp = 70
    #expect(try add(withdrawal, to: &batch) == nil)
    var marker = Envelope()
    marker.kind = .marker
    marker.marker.cutID = "cut"
    marker.marker.validatedPartition = 2
    marker.marker.partitions = 3
    #expect(try add(marker, to: &batch) == nil)
    withdrawal.kind = .reinstatement
    withdrawal.withdrawal.allSources = false
    withdrawal.withdrawal.stamp = 60
    #expect(try add(withdrawal, to: &batch) == nil)

    #expect(batch.passages.count == 4)
    #expect(
      batch.content.erasures == [
        erasure(3, stamp: 70, statement: 0), erasure(3, all: false, stamp: 70, statement: 60, inForce: false),
      ])
    #expect(batch.markers.map(\.cutID) == ["cut"])
    #expect(batch.markers.map(\.partition) == [1])
    guard case .record(recordCombination) = batch.content.records[0].content,
      case .retraction(.type2) = batch.content.records[1].content
    else {
      Issue.record("contents differ")
      return
    }
    #expect(batch.content.records[0].recordID == recordID(1))
    #expect(batch.content.records[0].extractID == "extract-1")
  }

  @Test func `a retraction for an objection says whom it is about, any other does not`() throws {
    func content(_ change: (inout Envelope) -> Void) throws -> RecordEvent.Content {
      var envelope = recordEnvelope()
      envelope.kind = .retraction
      envelope.reason = .type1
      change(&envelope)
      var batch = ReceivedBatch(capacity: 1)
      #expect(try add(envelope, to: &batch) == nil)
      #expect(batch.passages.count == 1)
      return batch.content.records[0].content
    }
    guard case .exclusion(.type1, recordCombination) = try content({ _ in }) else {
      Issue.record("the links are lost")
      return
    }
    let changes: [(inout Envelope) -> Void] = [
      { $0.reason = .corrected }, { $0.clearLinks() },
      {
        $0.links.nhsNumber = Data()
        $0.links.demographics = Data()
        $0.links.passKeys = Data()
      },
    ]
    for change in changes {
      guard case .retraction = try content(change) else {
        Issue.record("not a plain retraction")
        continue
      }
    }
  }

  @Test func `a retraction whose tokens cannot be used is put aside and retracts all the same`() throws {
    var envelope = recordEnvelope()
    envelope.kind = .retraction
    envelope.reason = .type2
    envelope.links.demographics = Data([1])
    var batch = ReceivedBatch(capacity: 1)
    #expect(try add(envelope, to: &batch) == .malformed)
    guard case .retraction(.type2) = batch.content.records[0].content else {
      Issue.record("the retraction is lost")
      return
    }
  }

  @Test func `a record whose tokens cannot be used is rejected, also towards publication`() throws {
    var short = recordEnvelope()
    short.links.nhsNumber = Data([1, 2])
    var cut = recordEnvelope()
    cut.links.passKeys.removeLast()
    var none = recordEnvelope()
    none.links.withdrawal = Data()
    var batch = ReceivedBatch(capacity: 2)
    #expect(try add(short, to: &batch) == .malformed)
    #expect(try add(cut, to: &batch) == .malformed)
    #expect(try add(none, to: &batch) == .missingField)
    #expect(batch.passages.count == 3)
    for event in batch.content.records {
      guard case .retraction(.rejected) = event.content else {
        Issue.record("not rejected")
        return
      }
    }
  }

  @Test func `a marker goes on byte for byte unless linkage has a reason of its own`() throws {
    let envelope = Envelope.with {
      $0.kind = .marker
      $0.marker.cutID = "cut"
      $0.marker.partitions = 3
      $0.marker.heldBy = ["said before"]
    }
    var batch = ReceivedBatch(capacity: 1)
    #expect(try add(envelope, to: &batch) == nil)
    let marker = batch.markers[0]
    #expect(marker.held(by: []).value == marker.value)
    let held = try Envelope(serializedBytes: marker.held(by: ["ours"]).value)
    #expect(held.marker.heldBy == ["said before", "ours"] && held.marker.cutID == "cut")
  }

  @Test func `what cannot be read or does not belong here is put aside`() throws {
    var batch = ReceivedBatch(capacity: 4)
    let noise: [UInt8] = [0xff, 0xff, 0xff]
    #expect(noise.withUnsafeBytes { batch.add(0, ReceivedMessage(partition: 0, key: $0, value: $0)) } == .malformed)
    #expect(try add(envelope(.record, header: []), to: &batch) == .missingHeader)
    #expect(try add(envelope(.reassignment), to: &batch) == .unexpectedKind)
    var objection = Envelope()
    objection.kind = .objection
    objection.objection.stamp = 1
    #expect(try add(objection, to: &batch) == .unexpectedKind)
    #expect(try add(envelope(.reinstatement, header: []), to: &batch) == .missingField)
    var writer = WireWriter()
    writer.bytes(1, recordID(1).bytes)
    writer.bytes(6, [0x61, 0])
    writer.varint(8, 1)
    #expect(try add(envelope(.record, header: writer.bytes), to: &batch) == .malformed)
    var wide = headerBytes(1)
    var digest = WireWriter()
    digest.fixed64(3, 1 << 63)
    wide += digest.bytes
    #expect(try add(envelope(.retraction, header: wide), to: &batch) == .malformed)
    #expect(batch.passages.isEmpty)
    #expect(batch.content.records.isEmpty)
  }
}
