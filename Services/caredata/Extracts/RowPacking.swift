import Clinical

/// Packs the checked values of a row for the sort; `RowUnpacker` reads them back in the same order.
struct RowPacker {
  private(set) var bytes: [UInt8] = []

  mutating func clear() { bytes.removeAll(keepingCapacity: true) }

  mutating func number(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func text(_ value: UnsafeRawBufferPointer) {
    number(UInt16(value.count))
    bytes.append(contentsOf: value)
  }

  mutating func text(_ value: String) {
    var value = value
    value.withUTF8 { text(UnsafeRawBufferPointer($0)) }
  }

  mutating func date(_ value: CalendarDate?) { number(value?.day ?? .min) }

  /// Last, without a length; `RowUnpacker.rest` reads it.
  mutating func rest(_ value: UnsafeRawBufferPointer) { bytes.append(contentsOf: value) }

  mutating func rest(_ value: String) { bytes.append(contentsOf: value.utf8) }

  /// A number whose bytes sort like the number itself.
  mutating func sortable(_ value: Int32) {
    withUnsafeBytes(of: (UInt32(bitPattern: value) ^ 0x8000_0000).bigEndian) { bytes.append(contentsOf: $0) }
  }

  /// Text whose bytes sort like the text itself, whatever follows; rows with a zero byte are refused before.
  mutating func sortable(_ value: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: value)
    bytes.append(0)
  }

  mutating func sortable(_ value: String) {
    var value = value
    value.withUTF8 { sortable(UnsafeRawBufferPointer($0)) }
  }
}

struct RowUnpacker {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func number<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) -> T {
    defer { position += MemoryLayout<T>.size }
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: type))
  }

  mutating func text() -> String {
    let count = Int(number(UInt16.self))
    defer { position += count }
    return String(decoding: bytes[position..<(position + count)], as: UTF8.self)
  }

  mutating func date() -> CalendarDate? {
    let day = number(Int32.self)
    return day == .min ? nil : CalendarDate(day: day)
  }

  /// What has not been read yet.
  var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[position...]) }
}

extension ExternalSorter {
  func add(_ key: RowPacker, _ value: RowPacker) throws(ExtractInputError) {
    try key.bytes.withUnsafeBufferPointer { key throws(ExtractInputError) in
      try value.bytes.withUnsafeBufferPointer { value throws(ExtractInputError) in
        try add(key: UnsafeRawBufferPointer(key), value: UnsafeRawBufferPointer(value))
      }
    }
  }
}
