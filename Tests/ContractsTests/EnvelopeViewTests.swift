import Contracts
import Foundation
import SwiftProtobuf
import Testing

struct EnvelopeViewTests {
  private func randomHeader(_ generator: inout SeededGenerator) -> Header {
    Header.with {
      $0.recordID = Data(generator.bytes(16))
      $0.versionTime = Int64.random(in: 0...Int64.max, using: &generator)
      $0.versionDigest = UInt64.random(in: 0...(1 << 63 - 1), using: &generator)
      $0.stamp = Int64.random(in: 1...1_000_000, using: &generator)
      $0.number = UInt32.random(in: 0...5_000, using: &generator)
      $0.extractID = "A81001-gp-2026-10-\(Int.random(in: 0...9_999, using: &generator))"
      $0.organisation = "A81001"
      $0.source = [Source.gp, .hospital, .community].randomElement(using: &generator)!
      $0.period = "2026-10"
      $0.specification = "1"
    }
  }

  private func randomEnvelope(_ generator: inout SeededGenerator) throws -> Envelope {
    let header: Data = try randomHeader(&generator).serializedBytes()
    let sizes = (0..<3).map { _ in Int.random(in: 0...300, using: &generator) }
    let sections = sizes.map { Data(generator.bytes($0)) }
    let kind = [Kind.record, .retraction, .objection, .withdrawal, .reinstatement, .reassignment, .marker]
      .randomElement(using: &generator)!
    return Envelope.with {
      $0.kind = kind
      $0.header = header
      $0.identity = sections[0]
      $0.clinical = sections[1]
      $0.attributes = sections[2]
      $0.reason = [.corrected, .type1, .type2, .rejected].randomElement(using: &generator)!
      if kind == .objection { $0.objection.stamp = Int64.random(in: 1...9_999, using: &generator) }
      if kind == .withdrawal { $0.withdrawal.erasedStamp = Int64.random(in: 1...9_999, using: &generator) }
      if kind == .marker { $0.marker.cutID = "cut" }
      if kind == .reassignment { $0.assignment.number = 7 }
      if kind == .record { $0.links.withdrawal = Data(repeating: 3, count: 16) }
    }
  }

  private func expectEqual(_ view: EnvelopeView, _ decoded: Envelope) {
    #expect(view.kind == decoded.kind)
    #expect(view.header.elementsEqual(decoded.header))
    #expect(view.identity.elementsEqual(decoded.identity))
    #expect(view.clinical.elementsEqual(decoded.clinical))
    #expect(view.attributes.elementsEqual(decoded.attributes))
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `the view of an envelope and its header equals the generated decoding`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<100 {
      let envelope = try randomEnvelope(&generator)
      let bytes: [UInt8] = try envelope.serializedBytes()
      try bytes.withUnsafeBytes { buffer in
        let view = try EnvelopeView(buffer)
        expectEqual(view, envelope)
        #expect(view.reason == UInt64(envelope.reason.rawValue))
        if envelope.hasObjection {
          #expect(try ObjectionNotice(serializedBytes: Data(view.objection)) == envelope.objection)
        }
        if envelope.hasWithdrawal {
          #expect(try Withdrawal(serializedBytes: Data(view.withdrawal)) == envelope.withdrawal)
        }
        if envelope.hasMarker { #expect(try Marker(serializedBytes: Data(view.marker)) == envelope.marker) }
        if envelope.hasLinks { #expect(try LinkTokens(serializedBytes: Data(view.links)) == envelope.links) }
        if envelope.hasAssignment {
          #expect(try Assignment(serializedBytes: Data(view.assignment)) == envelope.assignment)
        }
        let header = try Header(serializedBytes: envelope.header)
        let headerView = try HeaderView(view.header)
        #expect(headerView.recordID.elementsEqual(header.recordID))
        #expect(headerView.versionTime == header.versionTime && headerView.versionDigest == header.versionDigest)
        #expect(headerView.stamp == header.stamp && headerView.number == header.number)
        #expect(headerView.source == header.source)
        #expect(headerView.extractID.elementsEqual(header.extractID.utf8))
        #expect(headerView.organisation.elementsEqual(header.organisation.utf8))
        #expect(headerView.period.elementsEqual(header.period.utf8))
      }
    }
  }

  @Test(arguments: [UInt64(11), 12])
  func `damaged envelopes are refused or read as the generated code reads them`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var (refused, read) = (0, 0)
    for _ in 0..<1_500 {
      var bytes: [UInt8] = try randomEnvelope(&generator).serializedBytes()
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
      case 1: bytes = generator.bytes(Int.random(in: 0...64, using: &generator))
      default:
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          // Near the front, where tags and lengths are.
          bytes[Int.random(in: 0..<min(bytes.count, 140), using: &generator)] ^=
            1 << UInt8.random(in: 0..<8, using: &generator)
        }
      }
      bytes.withUnsafeBytes { buffer in
        guard let view = try? EnvelopeView(buffer) else {
          refused += 1
          return
        }
        read += 1
        _ = try? HeaderView(view.header)
        if let decoded = try? Envelope(serializedBytes: bytes) { expectEqual(view, decoded) }
      }
    }
    #expect(refused > 300 && read > 200)
  }

  @Test func `an envelope lacks nothing its kind needs`() throws {
    func view(_ envelope: Envelope) throws {
      let bytes: [UInt8] = try envelope.serializedBytes()
      try bytes.withUnsafeBytes { _ = try EnvelopeView($0) }
    }
    for kind in [Kind.record, .retraction, .reassignment] {
      #expect(throws: ContractError.missingHeader) { try view(.with { $0.kind = kind }) }
    }
    for kind in [Kind.objection, .withdrawal, .marker] {
      #expect(throws: ContractError.missingField) { try view(.with { $0.kind = kind }) }
    }
    #expect(throws: ContractError.unknownKind) { try view(Envelope()) }
    #expect(throws: ContractError.unknownKind) { try view(.with { $0.kind = .UNRECOGNIZED(99) }) }
  }

  @Test func `a header without a whole record id or an extract id is refused`() throws {
    for header in [
      Header.with { $0.extractID = "e" },
      Header.with {
        $0.recordID = Data(repeating: 1, count: 15)
        $0.extractID = "e"
      },
      Header.with { $0.recordID = Data(repeating: 1, count: 16) },
    ] {
      let bytes: [UInt8] = try header.serializedBytes()
      #expect(throws: ContractError.missingField) { try bytes.withUnsafeBytes { _ = try HeaderView($0) } }
    }
  }

  @Test func `what cannot be used may tell of an objection unless it says that it is something else`() {
    func mayTell(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { EnvelopeView.mayTellOfObjection($0) } }
    func kind(_ kind: Kind) -> [UInt8] { [0x08, UInt8(kind.rawValue)] }
    for other in [Kind.record, .reassignment, .marker] {
      #expect(!mayTell(kind(other)))
      #expect(!mayTell(kind(other) + [0xff, 0xff]), "cut short or damaged behind it")
    }
    for objection in [Kind.objection, .withdrawal, .reinstatement, .retraction, .unspecified] {
      #expect(mayTell(kind(objection)))
      #expect(mayTell(kind(.record) + kind(objection)), "said twice, the last counts")
    }
    #expect(mayTell([]) && mayTell([0xff]) && mayTell([0x08, 0x63]) && mayTell([0x12, 0x01, 0x00]))
    #expect(mayTell([0x0a, 0x01, 0x01]), "a kind that is no number")
  }

  @Test func `a marker names each reason once`() {
    var marker = Marker.with { $0.heldBy = ["a"] }
    marker.hold(for: ["b", "a", "b"])
    #expect(marker.heldBy == ["a", "b"])
  }
}
