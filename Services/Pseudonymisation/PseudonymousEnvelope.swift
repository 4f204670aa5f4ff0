import Contracts
import Cryptography
import Foundation
import KeyRing
import LinkKeys
import StageKit
import SwiftProtobuf

/// Serialises what this stage sends: identity opened and gone, tokens and attributes in its place. Each call leaves its
/// message in ``bytes`` until the next one.
struct PseudonymousEnvelope {
  /// The identity section does not open, or holds none.
  struct Unreadable: Error {}

  private let keys: StageKeys
  private let remaining: RemainingAttributes
  private var pseudonyms: Pseudonyms
  private var identityOpener: SealedBoxOpener
  private var attributesSealer: SealedBoxSealer
  private var tokens = LinkTokenMaker.Tokens()
  private var plaintext: [UInt8] = []
  private var sealed: [UInt8] = []
  private var links = WireWriter(capacity: 64)
  private var writer = WireWriter(capacity: 16_384)

  var bytes: [UInt8] { writer.bytes }
  /// Of the record or retraction in ``bytes``.
  private(set) var withdrawal = Token16(high: 0, low: 0)
  /// NHS number of the latest record; empty: it has none.
  private(set) var number = ""

  init(keys: StageKeys, remaining: RemainingAttributes) throws {
    self.keys = keys
    self.remaining = remaining
    pseudonyms = try Pseudonyms(keys)
    identityOpener = try keys.opener(.identity)
    attributesSealer = try keys.sealer(.attributes)
  }

  /// After the keys have changed on disk.
  mutating func reload() throws {
    pseudonyms = try Pseudonyms(keys)
    identityOpener = try keys.opener(.identity)
    attributesSealer = try keys.sealer(.attributes)
  }

  /// - Parameters:
  ///   - routingToken: key of the message.
  ///   - period: of its header.
  mutating func record(
    _ received: EnvelopeView, routingToken: UnsafeRawBufferPointer, period: UnsafeRawBufferPointer
  ) throws {
    let identity = try open(received)
    let attributes: [UInt8] = try remaining.section(identity, period: period).serializedBytes()
    try attributes.withUnsafeBytes { try attributesSealer.seal($0, associated: received.header, into: &sealed) }
    keys.uses.count(.attributes)
    begin(.record, received.header)
    writer.bytes(EnvelopeView.Field.clinical, received.clinical)
    writer.bytes(EnvelopeView.Field.attributes, sealed)
    try appendLinks(identity, routingToken, received)
    number = identity.nhsNumber
  }

  /// A retraction for an objection carries the link tokens of its record, by which linkage recognises the person's
  /// records without a number; any other, and one whose identity does not open, the withdrawal token only.
  ///
  /// - Parameter reason: in place of the one received.
  /// - Returns: false where there is an identity and it does not open.
  /// - Throws: `StageError` with code `key`.
  mutating func retraction(
    _ received: EnvelopeView, routingToken: UnsafeRawBufferPointer, reason: RetractionReason? = nil
  ) throws -> Bool {
    let reason = reason ?? RetractionReason(rawValue: Int(truncatingIfNeeded: received.reason)) ?? .unspecified
    let isObjection = reason == .type1 || reason == .type2
    let mustOpen = isObjection && !received.identity.isEmpty
    var identity: IdentitySection?
    do {
      if mustOpen { identity = try open(received) }
    } catch is Unreadable {}
    begin(.retraction, received.header)
    try appendLinks(identity, routingToken, received)
    writer.varint(EnvelopeView.Field.reason, UInt64(reason.rawValue))
    return !mustOpen || identity != nil
  }

  /// A withdrawal or a reinstatement with all that it says, under the withdrawal token.
  /// - Returns: that token.
  /// - Throws: `ContractError.malformed`, `StageError` with code `key`.
  mutating func objection(_ received: EnvelopeView) throws -> Token16 {
    guard var withdrawal = try? Withdrawal(serializedBytes: Data(received.withdrawal)), withdrawal.token.count == 16
    else { throw ContractError.malformed }
    let token = try withdrawal.token.withUnsafeBytes { try withdrawalToken($0, received) }
    withdrawal.token = Data(token.bytes)
    guard let content: [UInt8] = try? withdrawal.serializedBytes() else { throw ContractError.malformed }
    writer.reset()
    writer.varint(EnvelopeView.Field.kind, UInt64(received.kind.rawValue))
    writer.bytes(EnvelopeView.Field.withdrawal, content)
    return token
  }

  /// A marker as it leaves on one partition; it keeps everything else that it says.
  /// - Parameter reasons: why else nothing may be released at its cut.
  static func marker(_ received: [UInt8], partition: Int32, heldBy reasons: [String] = []) throws -> [UInt8] {
    var envelope = try Envelope(serializedBytes: received)
    envelope.marker.hold(for: reasons)
    envelope.marker.pseudonymisedPartition = UInt32(partition)
    return try envelope.serializedBytes()
  }

  /// - Throws: ``Unreadable``, `StageError` with code `key` where it is sealed to a key that is not held.
  private mutating func open(_ received: EnvelopeView) throws -> IdentitySection {
    keys.uses.count(.identity)
    do {
      try identityOpener.open(received.identity, associated: received.header, into: &plaintext)
      return try IdentitySection(serializedBytes: plaintext)
    } catch let error as CryptographyError where error.code == .unknownKey {
      // Sealed to a key that is newer than what was read of the ring, or to one that is nobody's.
      guard try keys.refresh() else { throw StageError(.key, "an identity section is \(error)") }
      try reload()
      return try open(received)
    } catch {
      throw Unreadable()
    }
  }

  private mutating func withdrawalToken(
    _ routingToken: UnsafeRawBufferPointer, _ received: EnvelopeView
  ) throws -> Token16 {
    keys.uses.count(.tokens)
    let version = max(1, Int(received.routingVersion))
    if let token = pseudonyms.withdrawalToken(routingToken, routingVersion: version) { return token }
    guard routingToken.count == Token16.byteCount else { throw ContractError.malformed }
    guard try keys.refresh() else {
      throw StageError(.key, "a message is keyed under version \(version) of the routing key, which is not shared here")
    }
    try reload()
    return try withdrawalToken(routingToken, received)
  }

  private mutating func begin(_ kind: Kind, _ header: UnsafeRawBufferPointer) {
    writer.reset()
    writer.varint(EnvelopeView.Field.kind, UInt64(kind.rawValue))
    writer.bytes(EnvelopeView.Field.header, header)
  }

  private mutating func appendLinks(
    _ identity: IdentitySection?, _ routingToken: UnsafeRawBufferPointer, _ received: EnvelopeView
  ) throws {
    links.reset()
    if let identity {
      keys.uses.count(.linkage)
      let identity = LinkIdentity(identity)
      pseudonyms.links.write(identity, to: &tokens)
      tokens.append(to: &links)
      links.varint(4, UInt64(pseudonyms.links.linkageVersion))
      if identity.birth != .unknown { links.varint(6, UInt64(identity.birth.rawValue)) }
    }
    withdrawal = try withdrawalToken(routingToken, received)
    links.bytes(3, withdrawal.bytes)
    writer.bytes(EnvelopeView.Field.links, links.bytes)
  }
}
