import Contracts

/// The header of a record as it is written; its bytes are the associated data of every section.
struct RecordHeader {
  let recordID: UnsafeRawBufferPointer
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
    writer.text(6, extract.extractID)
    writer.text(7, extract.organisation)
    writer.varint(8, UInt64(extract.source.rawValue))
    writer.text(9, extract.period)
    writer.text(10, extract.specification)
  }
}
