import Contracts
import Postgres
import StageKit
import SwiftProtobuf

/// A marker as it arrived.
struct ReceivedMarker: Sendable {
  let cutID: String
  let validatedPartition: UInt32
  /// Of `validated`.
  let partitions: UInt32
  /// Of `pseudonymised`, where it was read; it leaves on the same partition of `linked`.
  let partition: Int32
  let key: [UInt8]
  var value: [UInt8]
}

extension ReceivedMarker {
  /// The marker with reasons of linkage's own why nothing may be released at its cut; without any, byte for byte. One
  /// that does not decode goes on as it is: publication cannot read it either, and its cut is never complete.
  func held(by reasons: [String]) -> Self {
    guard !reasons.isEmpty, var envelope = try? Envelope(serializedBytes: value) else { return self }
    envelope.marker.hold(for: reasons)
    guard let value: [UInt8] = try? envelope.serializedBytes() else { return self }
    var marker = self
    marker.value = value
    return marker
  }

  /// - Parameter marker: serialised `Marker`.
  init(_ marker: UnsafeRawBufferPointer, _ message: ReceivedMessage) throws(ContractError) {
    var cutID = ""
    var validatedPartition: UInt32 = 0
    var partitions: UInt32 = 0
    var reader = WireReader(marker)
    while let (field, content) = try reader.next() {
      switch (field, content) {
      case (1, .bytes(let bytes)):
        guard let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else { throw .malformed }
        cutID = text
      case (2, .varint(let number)): validatedPartition = UInt32(truncatingIfNeeded: number)
      case (4, .varint(let number)): partitions = UInt32(truncatingIfNeeded: number)
      default: break
      }
    }
    guard !cutID.isEmpty, partitions > 0, validatedPartition < partitions else { throw .missingField }
    self.init(
      cutID: cutID, validatedPartition: validatedPartition, partitions: partitions, partition: message.partition,
      key: [UInt8](message.key), value: [UInt8](message.value))
  }
}

/// Holds the markers of a cut back until every one of them has arrived, then lets them go behind everything that the
/// records before them have caused.
///
/// A record read from one partition can reassign records of every other. Were each marker forwarded as it comes, a
/// reassignment caused before the cut could follow the marker of its own `linked` partition, and publication would
/// hold a cut that misses it. When the last marker is recorded, all records before all markers have been applied and
/// sent, and their reassignments have entries in the outbox; the markers come after those, and the outbox keeps order.
///
/// A marker leaves as it was recorded. Two that differ, made before and after something came up that forbids a release, both
/// leave.
struct CutAlignment {
  let database: Connection
  let layout: TopicLayout

  /// Call when everything before these markers is acknowledged. A repeated marker of a complete cut goes out again.
  func record(_ markers: [ReceivedMarker]) throws {
    guard !markers.isEmpty else { return }
    try database.transaction {
      try LinkageLock.take(database)
      for (_, cut) in Dictionary(grouping: markers, by: \.cutID).sorted(by: { $0.key < $1.key }) {
        try record(cut: cut)
      }
    }
  }

  private func record(cut: [ReceivedMarker]) throws {
    let added = try database.query(
      """
      insert into marker (cut_id, validated_partition, partition, key, value)
      select $1, v, p, k, b from unnest($2::bigint[], $3::bigint[]::int[], $4::bytea[], $5::bytea[]) as m (v, p, k, b)
      on conflict do nothing
      """,
      [
        .text(cut[0].cutID), .intArray(cut.map { Int64($0.validatedPartition) }),
        .intArray(cut.map { Int64($0.partition) }), .bytesArray(cut.map(\.key)), .bytesArray(cut.map(\.value)),
      ]
    ).affected
    let rows = try database.query(
      """
      select partition, key, value, validated_partition from marker where cut_id = $1
      order by partition, validated_partition, digest
      """,
      [.text(cut[0].cutID)])
    let tags = Set((0..<rows.count).map { [rows.int($0, 0), rows.int($0, 3)] })
    guard tags.count >= Int(cut[0].partitions) * layout.partitions else { return }
    let topic = layout.name(.linked)
    let all = (0..<rows.count).map { row in
      Outbox.Entry(
        topic: topic, partition: Int32(rows.int(row, 0)), key: rows.bytes(row, 1), value: rows.bytes(row, 2))
    }
    let repeated = cut.map { Outbox.Entry(topic: topic, partition: $0.partition, key: $0.key, value: $0.value) }
    try Outbox.append(added > 0 ? all : repeated, to: database)
  }
}
