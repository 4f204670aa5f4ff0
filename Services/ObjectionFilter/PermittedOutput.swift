import Contracts
import Cryptography
import Foundation
import Kafka
import StageKit
import SwiftProtobuf

/// Writes topic `permitted`, partition for partition as `validated`.
final class PermittedOutput {
  private let topic: String
  private var writer = WireWriter()

  init(topic: String) { self.topic = topic }

  /// Byte for byte as it came.
  @inline(__always)
  func pass(
    _ partition: Int32, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ output: StageOutput
  ) throws {
    try output.send(topic: topic, partition: partition, key: key, value: value)
  }

  /// A record held back by an objection, as a retraction. Its header and its sealed identity go on as they came: linkage
  /// recognises by them the person's records that carry no number.
  func exclude(
    _ record: EnvelopeView, _ reason: RetractionReason, _ partition: Int32, _ key: UnsafeRawBufferPointer,
    _ output: StageOutput
  ) throws {
    writer.reset()
    writer.varint(EnvelopeView.Field.kind, UInt64(Kind.retraction.rawValue))
    writer.bytes(EnvelopeView.Field.header, record.header)
    if !record.identity.isEmpty { writer.bytes(EnvelopeView.Field.identity, record.identity) }
    writer.varint(EnvelopeView.Field.reason, UInt64(reason.rawValue))
    if record.routingVersion > 0 { writer.varint(EnvelopeView.Field.routingVersion, record.routingVersion) }
    try writer.bytes.withUnsafeBytes { try output.send(topic: topic, partition: partition, key: key, value: $0) }
  }

  /// What the objections under a token do now: one message per scope that ever had a dissent, in force or ended.
  ///
  /// - Parameters:
  ///   - version: of the routing key that the token is made under.
  ///   - isAnew: also of scopes that had none as far as is known here: another token may have told of one.
  func tell(
    _ subject: Subject, under token: Token16, version: UInt64, isAnew: Bool = false, _ partition: Int32,
    _ output: StageOutput
  ) throws {
    for (scope, allSources) in [(subject.gp, false), (subject.all, true)]
    where scope.hadDissent || (isAnew && scope.stamp > 0) {
      let envelope = Envelope.with {
        $0.kind = scope.isInForce ? .withdrawal : .reinstatement
        $0.withdrawal.token = Data(token.bytes)
        $0.withdrawal.allSources = allSources
        $0.withdrawal.erasedStamp = scope.erased
        $0.withdrawal.stamp = scope.stamp
        $0.routingVersion = version == RoutingLedgers.first ? 0 : UInt32(version)
      }
      try output.send(topic: topic, partition: partition, key: token.bytes, value: try envelope.serializedBytes())
    }
  }

  /// A marker, with what it says already and why else nothing may be released at its cut.
  func mark(_ message: Kafka.Message, heldBy reasons: [String], _ output: StageOutput) throws {
    guard var envelope = try? Envelope(serializedBytes: Data(message.value)), !envelope.marker.cutID.isEmpty else {
      return try output.reject(message, .malformed)
    }
    envelope.marker.hold(for: reasons)
    let value: [UInt8] = try envelope.serializedBytes()
    try value.withUnsafeBytes {
      try output.send(topic: topic, partition: message.partition, key: message.key, value: $0)
    }
  }
}
