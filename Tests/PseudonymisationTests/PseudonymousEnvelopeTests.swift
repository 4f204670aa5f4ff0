import Contracts
import Cryptography
import Foundation
import KeyRing
import LinkKeys
import Linking
import StageKit
import SwiftProtobuf
import Testing

@testable import Pseudonymisation

struct PseudonymousEnvelopeTests {
  private let installation = KeyInstallation(NSTemporaryDirectory() + "caredata-pseudonyms-\(randomName())")
  private let keys: StageKeys
  private let sealer: SealedBoxSealer
  private let attributes: SealedBoxOpener
  private let routingToken = [UInt8](repeating: 9, count: 16)

  init() throws {
    _ = try installation.make()
    keys = try StageKeys(installation, of: .pseudonymisation, others: [.ingestion, .publication])
    sealer = try StageKeys(installation, of: .ingestion, others: [.pseudonymisation]).sealer(.identity)
    attributes = try StageKeys(installation, of: .publication).opener(.attributes)
  }

  private let identity = IdentitySection.with {
    $0.nhsNumber = "9990000018"
    $0.birthDay = 4_321
    $0.sex = 2
    $0.postcode = "LS1 4AP"
    $0.practice = "A81001"
  }

  private func header() throws -> [UInt8] {
    try Header.with {
      $0.recordID = Data(repeating: 7, count: 16)
      $0.stamp = 5
      $0.extractID = "x1"
      $0.period = "2026-10"
    }.serializedBytes()
  }

  private func received(_ kind: Kind, _ change: (inout Envelope) -> Void = { _ in }) throws -> Envelope {
    var envelope = Envelope()
    envelope.kind = kind
    let header = try header()
    envelope.header = Data(header)
    envelope.identity = Data(try sealer.seal(identity.serializedBytes(), associated: header))
    change(&envelope)
    return envelope
  }

  /// What goes out for a message, and what the call says of it.
  private func sent<T>(
    _ received: Envelope, _ call: (inout PseudonymousEnvelope, EnvelopeView, UnsafeRawBufferPointer) throws -> T
  ) throws -> (Envelope, T) {
    var envelope = try PseudonymousEnvelope(
      keys: keys, remaining: RemainingAttributes(policy: .shipped, places: nil))
    let bytes: [UInt8] = try received.serializedBytes()
    let result = try bytes.withUnsafeBytes { value in
      try routingToken.withUnsafeBytes { try call(&envelope, try EnvelopeView(value), $0) }
    }
    return (try Envelope(serializedBytes: envelope.bytes), result)
  }

  private func retracted(_ received: Envelope) throws -> (Envelope, Bool) {
    try sent(received) { try $0.retraction($1, routingToken: $2) }
  }

  private func links(_ identity: IdentitySection?) throws -> LinkTokens {
    let pseudonyms = try Pseudonyms(keys)
    let withdrawal = try #require(
      routingToken.withUnsafeBytes { pseudonyms.withdrawalToken($0, routingVersion: 1) })
    return LinkTokens.with { links in
      links.withdrawal = Data(withdrawal.bytes)
      guard let identity else { return }
      var tokens = LinkTokenMaker.Tokens()
      pseudonyms.links.write(identity, to: &tokens)
      if let token = tokens.number { links.nhsNumber = Data(token) }
      if let token = tokens[.demographics] { links.demographics = Data(token) }
      for pass in PassKey.allCases where pass != .demographics {
        if let token = tokens[pass] { links.passKeys += Data([pass.rawValue] + token) }
      }
      #expect(links.passKeys.count > 200)
      links.birth = .known
      links.keyVersion = 1
    }
  }

  @Test func `a record gets tokens and attributes in place of its identity`() throws {
    let (sent, _) = try sent(received(.record) { $0.clinical = Data([1, 2]) }) {
      try $0.record($1, routingToken: $2)
    }
    #expect(sent.kind == .record && sent.identity.isEmpty && sent.clinical == Data([1, 2]))
    #expect(try sent.links == links(identity))
    let opened = try attributes.open(Array(sent.attributes), associated: header())
    #expect(
      try AttributesSection(serializedBytes: opened)
        == .with {
          $0.yearOfBirth = 1981
          $0.sex = 2
          $0.practice = "A81001"
          $0.area = "LS1"
        })
  }

  @Test(arguments: [RetractionReason.type1, .type2])
  func `a retraction for an objection carries the link tokens and nothing else of the person`(
    reason: RetractionReason
  ) throws {
    let (sent, isReadable) = try retracted(received(.retraction) { $0.reason = reason })
    var expected = Envelope()
    expected.kind = .retraction
    expected.header = Data(try header())
    expected.reason = reason
    expected.links = try links(identity)
    #expect(sent == expected)
    #expect(isReadable)
  }

  @Test func `one whose identity does not open goes on with the withdrawal token only, and says so`() throws {
    let (sent, isReadable) = try retracted(
      received(.retraction) {
        $0.reason = .type2
        $0.identity[$0.identity.count - 1] ^= 1
      })
    #expect(!isReadable)
    #expect(sent.kind == .retraction && sent.reason == .type2)
    #expect(try sent.links == links(nil))
  }

  @Test func `a retraction without identity, or for another reason, carries the withdrawal token only`() throws {
    for change: (inout Envelope) -> Void in [
      {
        $0.reason = .type1
        $0.identity = Data()
      }, { $0.reason = .corrected },
    ] {
      let (sent, isReadable) = try retracted(received(.retraction, change))
      #expect(isReadable)
      #expect(try sent.links == links(nil))
    }
  }

  @Test(arguments: [Kind.withdrawal, .reinstatement])
  func `a withdrawal and a reinstatement keep all they say under the withdrawal token`(kind: Kind) throws {
    var message = Envelope()
    message.kind = kind
    message.withdrawal = .with {
      $0.token = Data(routingToken)
      $0.allSources = true
      $0.erasedStamp = 70
      $0.stamp = 60
    }
    let (sent, token) = try sent(message) { envelope, view, _ in try envelope.objection(view) }
    #expect(try Data(token.bytes) == links(nil).withdrawal)
    message.withdrawal.token = Data(token.bytes)
    #expect(sent == message)
  }

  @Test func `an objection without a usable token is malformed`() throws {
    var message = Envelope()
    message.kind = .reinstatement
    #expect(throws: ContractError.malformed) {
      try sent(message) { envelope, view, _ in try envelope.objection(view) }
    }
  }

  @Test func `a marker keeps what it says about the release`() throws {
    var message = Envelope()
    message.kind = .marker
    message.marker = .with {
      $0.cutID = "c"
      $0.validatedPartition = 1
      $0.partitions = 3
      $0.heldBy = ["the national list is 9 days old"]
      $0.regime = "type-1,type-2"
    }
    let bytes: [UInt8] = try message.serializedBytes()
    let sent = try Envelope(serializedBytes: try PseudonymousEnvelope.marker(bytes, partition: 2))
    message.marker.pseudonymisedPartition = 2
    #expect(sent == message)
    let held = try PseudonymousEnvelope.marker(bytes, partition: 2, heldBy: ["more"])
    message.marker.heldBy.append("more")
    #expect(try Envelope(serializedBytes: held) == message)
  }

  // MARK: Keys

  @Test func `a section sealed to a key that is not held stops the stage, a poisoned one does not`() throws {
    let nobody = try SealedBoxSealer(to: try X25519PrivateKey().publicKey, purpose: "identity")
    let header = try header()
    let strange = Data(try nobody.seal(identity.serializedBytes(), associated: header))
    let error = #expect(throws: StageError.self) {
      try sent(received(.record) { $0.identity = strange }) { try $0.record($1, routingToken: $2) }
    }
    #expect(error?.code == .key)
    #expect(error?.description.contains(nobody.recipient.id.description) == true)
    #expect(throws: StageError.self) {
      try retracted(
        received(.retraction) {
          $0.reason = .type2
          $0.identity = strange
        })
    }
    #expect(throws: PseudonymousEnvelope.Unreadable.self) {
      try sent(received(.record) { $0.identity[70] ^= 1 }) { try $0.record($1, routingToken: $2) }
    }
  }

  @Test func `a key rotated while the stage runs is found when the first section comes that needs it`() throws {
    var envelope = try PseudonymousEnvelope(
      keys: keys, remaining: RemainingAttributes(policy: .shipped, places: nil))
    _ = try installation.ring(of: .pseudonymisation).rotate(.identity)
    try installation.export()
    let newer = try StageKeys(installation, of: .ingestion, others: [.pseudonymisation]).sealer(.identity)
    #expect(newer.recipient != sealer.recipient)
    let header = try header()
    let section = Data(try newer.seal(identity.serializedBytes(), associated: header))
    for message in [try received(.record), try received(.record) { $0.identity = section }] {
      let bytes: [UInt8] = try message.serializedBytes()
      try bytes.withUnsafeBytes { value in
        try routingToken.withUnsafeBytes { try envelope.record(try EnvelopeView(value), routingToken: $0) }
      }
      #expect(try Envelope(serializedBytes: envelope.bytes).links == links(identity))
    }
  }

  @Test func `withdrawal tokens stay when the routing key is replaced, and an unknown version stops the stage`() throws
  {
    let ingestion = try installation.ring(of: .ingestion)
    let persons = try ingestion.active(.persons).secret
    let old = try RoutingTokens(persons: persons, routing: try ingestion.active(.routing).secret)
    _ = try ingestion.rotate(.routing)
    try installation.export()
    let new = try RoutingTokens(persons: persons, routing: try ingestion.active(.routing).secret)
    func withdrawal(_ token: Token16, version: UInt32) throws -> Data {
      var message = Envelope()
      message.kind = .withdrawal
      message.withdrawal.token = Data(token.bytes)
      message.routingVersion = version
      return try sent(message) { envelope, view, _ in try envelope.objection(view) }.0.withdrawal.token
    }
    let number = "9990000018"
    #expect(old.token(nhsNumber: number) != new.token(nhsNumber: number))
    let token = try withdrawal(old.token(nhsNumber: number), version: 0)
    #expect(try withdrawal(old.token(nhsNumber: number), version: 1) == token)
    #expect(try withdrawal(new.token(nhsNumber: number), version: 2) == token)
    #expect(try withdrawal(new.token(nhsNumber: number), version: 1) != token)
    let error = #expect(throws: StageError.self) { try withdrawal(new.token(nhsNumber: number), version: 3) }
    #expect(error?.code == .key)
  }
}

extension PseudonymousEnvelope {
  fileprivate mutating func record(_ received: EnvelopeView, routingToken: UnsafeRawBufferPointer) throws {
    try record(received, routingToken: routingToken, period: try HeaderView(received.header).period)
  }
}
