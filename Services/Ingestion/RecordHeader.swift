import Contracts

/// The header of a record as it is written; its bytes are the associated data of every section.
struct RecordHeader {
  let recordID: [UInt8]
  let versionTime: Int64
  let versionDigest: Int64
  let stamp: Int64
  /// 0 for retractions, which are not counted.
  let number: Int64
  let extract: ExtractRow

  func write(to writer: inout WireWriter) {
    writer.reset()
    writer.bytes(1, recordID)
    writer.varint(2, UInt64(bitPattern: versionTime))
    writer.fixed64(3, UInt64(bitPattern: versionDigest))
    writer.varint(4, UInt64(bitPattern: stamp))
    if number > 0 { writer.varint(5, UInt64(number)) }
    writer.bytes(6, Array(extract.extractID.utf8))
    writer.bytes(7, Array(extract.organisation.utf8))
    writer.varint(8, UInt64(extract.source.rawValue))
    writer.bytes(9, Array(extract.period.utf8))
    writer.bytes(10, Array(extract.specification.utf8))
  }

  func serialised() -> [UInt8] {
    var writer = WireWriter(capacity: 160)
    write(to: &writer)
    return writer.bytes
  }
}
