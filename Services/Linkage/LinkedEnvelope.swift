import Contracts
import Cryptography
import Linking
import Postgres
import StageKit

/// Serialises what linkage sends. Sealed sections pass as bytes; of the link tokens only the withdrawal token goes on.
struct LinkedEnvelope {
  private var writer = WireWriter()
  private var nested = WireWriter(capacity: 64)
  private let hasher = SHA256Hasher()

  struct Assignment {
    /// Smallest record id of the person, which is named after it.
    let person: Token16
    let rank: UInt8
    let number: Int64
  }

  init() {}

  mutating func record(
    _ received: EnvelopeView, withdrawal: Token16, _ assignment: Assignment
  ) -> [UInt8] {
    begin(.record, header: received.header)
    if !received.clinical.isEmpty { writer.bytes(EnvelopeView.Field.clinical, received.clinical) }
    if !received.attributes.isEmpty { writer.bytes(EnvelopeView.Field.attributes, received.attributes) }
    nested.reset()
    withdrawal.withUnsafeBytes { nested.bytes(3, $0) }
    writer.bytes(EnvelopeView.Field.links, nested.bytes)
    append(assignment)
    return writer.bytes
  }

  mutating func retraction(header: UnsafeRawBufferPointer, reason: RetractionReason) -> [UInt8] {
    begin(.retraction, header: header)
    writer.varint(EnvelopeView.Field.reason, UInt64(reason.rawValue))
    return writer.bytes
  }

  mutating func reassignment(header: UnsafeRawBufferPointer, _ assignment: Assignment) -> [UInt8] {
    begin(.reassignment, header: header)
    append(assignment)
    return writer.bytes
  }

  private mutating func begin(_ kind: Kind, header: UnsafeRawBufferPointer) {
    writer.reset()
    writer.varint(EnvelopeView.Field.kind, UInt64(kind.rawValue))
    writer.bytes(EnvelopeView.Field.header, header)
  }

  private mutating func append(_ assignment: Assignment) {
    nested.reset()
    PersonID.of(smallestRecordID: assignment.person, hasher).withUnsafeBytes { nested.bytes(1, $0) }
    nested.varint(2, UInt64(assignment.number))
    if assignment.rank > 0 { nested.varint(3, UInt64(assignment.rank)) }
    writer.bytes(EnvelopeView.Field.assignment, nested.bytes)
  }
}

extension LinkedEnvelope {
  /// A message for each row that has an assignment, to the partition of its record.
  /// - Parameter rows: record id, header.
  static func reassignments(
    _ rows: Rows, _ layout: TopicLayout, _ assignment: (Int) -> Assignment?
  ) -> [Outbox.Entry] {
    entries(rows, layout) { envelope, row, header in
      assignment(row).map { envelope.reassignment(header: header, $0) }
    }
  }

  /// A retraction for each row, to the partition of its record.
  /// - Parameter rows: record id, header.
  static func suppressions(_ rows: Rows, _ layout: TopicLayout) -> [Outbox.Entry] {
    entries(rows, layout) { envelope, _, header in
      envelope.retraction(header: header, reason: Disposition.suppression)
    }
  }

  private static func entries(
    _ rows: Rows, _ layout: TopicLayout, _ value: (inout Self, Int, UnsafeRawBufferPointer) -> [UInt8]?
  ) -> [Outbox.Entry] {
    var envelope = LinkedEnvelope()
    let topic = layout.name(.linked)
    return (0..<rows.count).compactMap { row in
      guard let bytes = rows.withBytes(row, 1, { value(&envelope, row, $0) }) else { return nil }
      let recordID = rows.bytes(row, 0)
      return Outbox.Entry(topic: topic, partition: layout.partition(of: recordID), key: recordID, value: bytes)
    }
  }
}
