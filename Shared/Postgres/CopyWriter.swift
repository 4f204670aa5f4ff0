import CPostgres

/// Writes the rows of one binary COPY (PostgreSQL manual, COPY, "Binary Format").
///
/// Each row is `row(n)` followed by exactly n fields in the order of the column list. The types must be the
/// columns' own: binary COPY converts nothing, an `int4` into a bigint column is refused by the server. A failure of
/// the connection shows when the COPY ends.
public struct CopyWriter {
  private let connection: OpaquePointer
  private(set) var buffer: WireBuffer
  private var openFields = 0
  private var isBroken = false
  private(set) var rows = 0

  private static let flushThreshold = 1 << 16

  init(connection: OpaquePointer, buffer: WireBuffer) {
    self.connection = connection
    self.buffer = buffer
    self.buffer.removeAll()
    let signature: [UInt8] = [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00]
    signature.withUnsafeBytes { self.buffer.append($0) }
    self.buffer.append(Int32(0))  // flags
    self.buffer.append(Int32(0))  // length of the header extension
  }

  /// Begins a row of `fields` fields.
  public mutating func row(_ fields: Int) {
    precondition(openFields == 0, "a row of the COPY lacks \(openFields) fields")
    if buffer.count >= Self.flushThreshold { flush() }
    buffer.append(Int16(fields))
    openFields = fields
    rows += 1
  }

  public mutating func null() {
    begin()
    buffer.append(Int32(-1))
  }

  public mutating func bool(_ value: Bool) {
    begin()
    buffer.append(Int32(1))
    buffer.append(value ? 1 : 0 as UInt8)
  }

  public mutating func int2(_ value: Int16) { integer(value) }
  public mutating func int4(_ value: Int32) { integer(value) }
  public mutating func int8(_ value: Int64) { integer(value) }
  public mutating func double(_ value: Double) { integer(value.bitPattern) }
  public mutating func date(day1970: Int32) { integer(day1970 - daysFrom1970To2000) }

  public mutating func text(_ value: String) {
    begin()
    buffer.appendField(value)
  }

  public mutating func bytes(_ value: UnsafeRawBufferPointer) {
    begin()
    buffer.appendField(value)
  }

  public mutating func bytes(_ value: [UInt8]) {
    begin()
    value.withUnsafeBytes { buffer.appendField($0) }
  }

  public mutating func int2Array(_ values: [Int16]) {
    begin()
    buffer.appendField { $0.appendArray(values, of: .int2) }
  }

  public mutating func int4Array(_ values: [Int32]) {
    begin()
    buffer.appendField { $0.appendArray(values, of: .int4) }
  }

  public mutating func int8Array(_ values: [Int64]) {
    begin()
    buffer.appendField { $0.appendArray(values, of: .int8) }
  }

  public mutating func textArray(_ values: [String]) {
    begin()
    buffer.appendField { $0.appendArray(values) }
  }

  public mutating func bytesArray(_ values: [[UInt8]]) {
    begin()
    buffer.appendField { $0.appendArray(values) }
  }

  /// Sends the trailer and what is left.
  mutating func finish() {
    precondition(openFields == 0, "the last row of the COPY lacks \(openFields) fields")
    buffer.append(Int16(-1))
    flush()
  }

  @inline(__always)
  private mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
    begin()
    buffer.append(Int32(MemoryLayout<Value>.size))
    buffer.append(value)
  }

  @inline(__always)
  private mutating func begin() {
    precondition(openFields > 0, "a row of the COPY has more fields than announced")
    openFields -= 1
  }

  /// After a failure the rest is dropped: the end of the COPY reports the cause.
  private mutating func flush() {
    if !isBroken {
      isBroken =
        PQputCopyData(connection, buffer.base.assumingMemoryBound(to: CChar.self), Int32(buffer.count)) != 1
    }
    buffer.removeAll()
  }
}
