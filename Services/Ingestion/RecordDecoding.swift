import Contracts

/// Decodes the usual record message faster than the generated code, which spends most of its time on the entries.
///
/// Whatever is unusual (an unknown field, another wire type, text that is no UTF-8, anything malformed) is left to the
/// generated code, so that the two cannot differ in what they accept.
enum RecordDecoding {
  /// Nil where the generated code is to judge.
  static func record(_ message: UnsafeRawBufferPointer) -> PatientRecord? {
    var outer = WireReader(message)
    guard let (field, value) = try? outer.next(), field == 1, case .bytes(let bytes) = value,
      outer.offset == message.count
    else { return nil }
    var reader = WireReader(bytes)
    var rest: [UInt8] = []
    rest.reserveCapacity(256)
    var entries: [Entry] = []
    while reader.offset < bytes.count {
      let start = reader.offset
      guard let (field, value) = try? reader.next() else { return nil }
      if field == 17 {
        guard case .bytes(let bytes) = value, let entry = entry(bytes) else { return nil }
        entries.append(entry)
      } else {
        rest.append(contentsOf: bytes[start..<reader.offset])
      }
    }
    let header = rest.withUnsafeBytes { try? PatientRecord(binaryOrJSON: $0) }
    guard var record = header else { return nil }
    record.entries = entries
    return record
  }

  private static func entry(_ bytes: UnsafeRawBufferPointer) -> Entry? {
    var entry = Entry()
    var reader = WireReader(bytes)
    while reader.offset < bytes.count {
      guard let (field, value) = try? reader.next() else { return nil }
      switch (field, value) {
      case (1, .varint(let number)):
        entry.system = CodeSystem(rawValue: Int(Int32(truncatingIfNeeded: number))) ?? .unspecified
      case (2, .bytes(let text)):
        guard let text = String(validating: text, as: UTF8.self) else { return nil }
        entry.code = text
      case (3, .varint(let number)): entry.day = Int32(zigzag: number)
      case (4, .varint(let number)): entry.endDay = Int32(zigzag: number)
      case (5, .fixed64(let bits)): entry.value = Double(bitPattern: bits)
      case (6, .bytes(let text)):
        guard let text = String(validating: text, as: UTF8.self) else { return nil }
        entry.unit = text
      case (7, .varint(let number)): entry.encounter = UInt32(truncatingIfNeeded: number)
      case (8, .varint(let number)): entry.position = UInt32(truncatingIfNeeded: number)
      case (9, .varint(let number)): entry.monthOnly = number != 0
      default: return nil
      }
    }
    return entry
  }
}
