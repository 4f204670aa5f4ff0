import Contracts
import Cryptography
import Foundation
import SwiftProtobuf

/// Serialises what this stage sends: identity opened and gone, tokens and attributes in its place. Each call leaves its
/// message in ``bytes`` until the next one.
struct PseudonymousEnvelope {
  /// The identity section does not open, or holds none.
  struct Unreadable: Error {}

  private let pseudonyms: Pseudonyms
  private let identityKey: AES256GCM
  private let attributesKey: AES256GCM
  private var plaintext: [UInt8] = []
  private var sealed: [UInt8] = []
  private var links = WireWriter(capacity: 64)
  private var writer = WireWriter(capacity: 16_384)

  var bytes: [UInt8] { writer.bytes }

  init(pseudonyms: Pseudonyms, identityKey: SecretKey, attributesKey: SecretKey) throws {
    self.pseudonyms = pseudonyms
    self.identityKey = try AES256GCM(key: identityKey)
    self.attributesKey = try AES256GCM(key: attributesKey)
  }

  /// - Parameter routingToken: key of the message.
  /// - Returns: the identity that is gone.
  @discardableResult
  mutating func record(
    _ received: EnvelopeView, routingToken: UnsafeRawBufferPointer
  ) throws -> IdentitySection {
    let identity = try open(received)
    let attributes: [UInt8] = try Pseudonyms.attributes(identity).serializedBytes()
    try attributes.withUnsafeBytes { try attributesKey.seal($0, associated: received.header, into: &sealed) }
    begin(.record, received.header)
    writer.bytes(EnvelopeView.Field.clinical, received.clinical)
    writer.bytes(EnvelopeView.Field.attributes, sealed)
    appendLinks(identity, routingToken)
    return identity
  }

  /// As it stands in what is sent.
  func withdrawalToken(_ routingToken: UnsafeRawBufferPointer) -> Token16 { pseudonyms.withdrawalToken(routingToken) }

  /// A retraction for an objection carries the link tokens of its record, by which linkage recognises the person's
  /// records without a number; any other, and one whose identity does not open, the withdrawal token only.
  ///
  /// - Parameter reason: in place of the one received.
  /// - Returns: false where there is an identity and it does not open.
  mutating func retraction(
    _ received: EnvelopeView, routingToken: UnsafeRawBufferPointer, reason: RetractionReason? = nil
  ) -> Bool {
    let reason = reason ?? RetractionReason(rawValue: Int(truncatingIfNeeded: received.reason)) ?? .unspecified
    let isObjection = reason == .type1 || reason == .type2
    let mustOpen = isObjection && !received.identity.isEmpty
    let identity = mustOpen ? try? open(received) : nil
    begin(.retraction, received.header)
    appendLinks(identity, routingToken)
    writer.varint(EnvelopeView.Field.reason, UInt64(reason.rawValue))
    return !mustOpen || identity != nil
  }

  /// A withdrawal or a reinstatement with all that it says, under the withdrawal token.
  /// - Returns: that token.
  /// - Throws: `ContractError.malformed`.
  mutating func objection(_ received: EnvelopeView) throws(ContractError) -> Token16 {
    guard var withdrawal = try? Withdrawal(serializedBytes: Data(received.withdrawal)), withdrawal.token.count == 16
    else { throw .malformed }
    let token = withdrawal.token.withUnsafeBytes { pseudonyms.withdrawalToken($0) }
    withdrawal.token = Data(token.bytes)
    guard let content: [UInt8] = try? withdrawal.serializedBytes() else { throw .malformed }
    writer.reset()
    writer.varint(EnvelopeView.Field.kind, UInt64(received.kind.rawValue))
    writer.bytes(EnvelopeView.Field.withdrawal, content)
    return token
  }

  /// A marker as it leaves on one partition; it keeps everything else that it says.
  static func marker(_ received: [UInt8], partition: Int32) throws -> [UInt8] {
    var envelope = try Envelope(serializedBytes: received)
    envelope.marker.pseudonymisedPartition = UInt32(partition)
    return try envelope.serializedBytes()
  }

  private mutating func open(_ received: EnvelopeView) throws(Unreadable) -> IdentitySection {
    do {
      try identityKey.open(received.identity, associated: received.header, into: &plaintext)
      return try IdentitySection(serializedBytes: plaintext)
    } catch {
      throw Unreadable()
    }
  }

  private mutating func begin(_ kind: Kind, _ header: UnsafeRawBufferPointer) {
    writer.reset()
    writer.varint(EnvelopeView.Field.kind, UInt64(kind.rawValue))
    writer.bytes(EnvelopeView.Field.header, header)
  }

  private mutating func appendLinks(_ identity: IdentitySection?, _ routingToken: UnsafeRawBufferPointer) {
    links.reset()
    if let identity {
      if let token = pseudonyms.numberToken(identity) { links.bytes(1, token.bytes) }
      if let token = pseudonyms.demographicsToken(identity) { links.bytes(2, token.bytes) }
    }
    links.bytes(3, pseudonyms.withdrawalToken(routingToken).bytes)
    writer.bytes(EnvelopeView.Field.links, links.bytes)
  }
}
