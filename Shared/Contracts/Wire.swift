/// Reads the top-level fields of one Protobuf message without decoding what the reader does not own.
///
/// A stage looks at a few fields of each record and passes sealed sections on as bytes; a full decode would copy every
/// section. The reader borrows the buffer: field ranges are valid as long as it is.
public struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  public enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(UnsafeRawBufferPointer)
  }

  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Where the next field begins.
  public var offset: Int { position }

  /// The next field, `nil` at the end. Throws ``ContractError/malformed`` on bytes that are no Protobuf message.
  @inline(__always)
  public mutating func next() throws(ContractError) -> (field: Int, value: Value)? {
    guard position < bytes.count else { return nil }
    let tag = try varint()
    let field = Int(tag >> 3)
    guard field > 0 else { throw .malformed }
    switch tag & 7 {
    case 0: return (field, .varint(try varint()))
    case 1:
      guard position + 8 <= bytes.count else { throw .malformed }
      let value = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian
      position += 8
      return (field, .fixed64(value))
    case 2:
      let length = try varint()
      guard length <= UInt64(bytes.count - position) else { throw .malformed }
      let range = UnsafeRawBufferPointer(rebasing: bytes[position..<(position + Int(length))])
      position += Int(length)
      return (field, .bytes(range))
    default: throw .malformed
    }
  }

  @inline(__always)
  private mutating func varint() throws(ContractError) -> UInt64 {
    var result: UInt64 = 0
    var shift: UInt64 = 0
    while position < bytes.count, shift < 64 {
      let byte = bytes[position]
      position += 1
      result |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return result }
      shift += 7
    }
    throw .malformed
  }
}

/// Writes Protobuf fields into a reused buffer; the counterpart of ``WireReader`` for hot paths.
public struct WireWriter {
  public private(set) var bytes: [UInt8] = []

  public init(capacity: Int = 1_024) {
    bytes.reserveCapacity(capacity)
  }

  public mutating func reset() {
    bytes.removeAll(keepingCapacity: true)
  }

  public mutating func varint(_ field: Int, _ value: UInt64) {
    raw(UInt64(field) << 3)
    raw(value)
  }

  public mutating func fixed64(_ field: Int, _ value: UInt64) {
    raw(UInt64(field) << 3 | 1)
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  public mutating func bytes(_ field: Int, _ value: UnsafeRawBufferPointer) {
    header(field, length: value.count)
    bytes.append(contentsOf: value)
  }

  /// What comes before the `length` bytes of a field, which the caller appends with `raw`.
  public mutating func header(_ field: Int, length: Int) {
    raw(UInt64(field) << 3 | 2)
    raw(UInt64(length))
  }

  @inline(__always)
  public mutating func raw(_ byte: UInt8) { bytes.append(byte) }

  @inline(__always)
  public mutating func raw(_ part: ArraySlice<UInt8>) { bytes.append(contentsOf: part) }

  public mutating func bytes(_ field: Int, _ value: [UInt8]) {
    value.withUnsafeBytes { bytes(field, $0) }
  }

  public mutating func bytes(_ field: Int, _ value: ArraySlice<UInt8>) {
    value.withUnsafeBytes { bytes(field, $0) }
  }

  /// Nothing for an empty text, which is the default.
  public mutating func text(_ field: Int, _ value: String) {
    var value = value
    value.withUTF8 { if !$0.isEmpty { bytes(field, UnsafeRawBufferPointer($0)) } }
  }

  /// `sint32`
  public mutating func zigzag(_ field: Int, _ value: Int32) {
    varint(field, UInt64(UInt32(bitPattern: value << 1 ^ value >> 31)))
  }

  public mutating func double(_ field: Int, _ value: Double) { fixed64(field, value.bitPattern) }

  /// A message within the message. Its length is written before it is known: one byte, more room made where it takes more.
  public mutating func message(_ field: Int, _ body: (inout WireWriter) -> Void) {
    raw(UInt64(field) << 3 | 2)
    let start = bytes.count
    bytes.append(0)
    body(&self)
    var rest = bytes.count - start - 1
    var place = start
    while rest >= 0x80 {
      bytes[place] = UInt8(truncatingIfNeeded: rest) | 0x80
      rest >>= 7
      place += 1
      bytes.insert(0, at: place)
    }
    bytes[place] = UInt8(rest)
  }

  private mutating func raw(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

extension Int32 {
  /// The value of a varint that is a `sint32`.
  public init(zigzag number: UInt64) {
    let raw = UInt32(truncatingIfNeeded: number)
    self = Int32(bitPattern: raw >> 1) ^ -Int32(bitPattern: raw & 1)
  }
}

/// What is wrong with a message of the stream. Carries no content.
public enum ContractError: String, Error, Sendable {
  case malformed
  case missingHeader = "missing_header"
  case missingField = "missing_field"
  case unknownKind = "unknown_kind"
}
