/// Growing memory for PostgreSQL's binary format: big-endian, every value preceded by its length as four bytes.
///
/// A plain struct around a pointer so that appending costs neither reference counting nor exclusivity checks; its
/// one owner calls `deallocate`.
struct WireBuffer {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int) {
    self.capacity = capacity
    base = .allocate(byteCount: capacity, alignment: 8)
  }

  func deallocate() { base.deallocate() }

  mutating func removeAll() { count = 0 }

  @inline(__always)
  mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    reserve(MemoryLayout<Value>.size)
    base.storeBytes(of: value.bigEndian, toByteOffset: count, as: Value.self)
    count += MemoryLayout<Value>.size
  }

  @inline(__always)
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
    reserve(bytes.count)
    (base + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  /// `bytes` preceded by their length.
  @inline(__always)
  mutating func appendField(_ bytes: UnsafeRawBufferPointer) {
    append(Int32(bytes.count))
    append(bytes)
  }

  /// UTF-8 of `text` preceded by its length.
  @inline(__always)
  mutating func appendField(_ text: String) {
    var text = text
    text.withUTF8 { appendField(UnsafeRawBufferPointer($0)) }
  }

  /// Runs `body` and puts the number of bytes that it appended, as four bytes, in front of them.
  mutating func appendField(_ body: (inout WireBuffer) -> Void) {
    let start = count
    append(Int32(0))
    body(&self)
    base.storeBytes(of: Int32(count - start - 4).bigEndian, toByteOffset: start, as: Int32.self)
  }

  /// Head of a one-dimensional array (`array_send` in PostgreSQL's arrayfuncs.c): dimensions, null flag, element
  /// type, then size and lower bound. An empty array has no dimension.
  mutating func appendArrayHead(of element: TypeIdentifier, count: Int) {
    append(Int32(count == 0 ? 0 : 1))
    append(Int32(0))
    append(element.rawValue)
    guard count > 0 else { return }
    append(Int32(count))
    append(Int32(1))
  }

  mutating func appendArray<Value: FixedWidthInteger>(_ values: [Value], of element: TypeIdentifier) {
    appendArrayHead(of: element, count: values.count)
    reserve(values.count * (4 + MemoryLayout<Value>.size))
    for value in values {
      append(Int32(MemoryLayout<Value>.size))
      append(value)
    }
  }

  mutating func appendArray(_ values: [String]) {
    appendArrayHead(of: .text, count: values.count)
    for value in values { appendField(value) }
  }

  mutating func appendArray(_ values: [[UInt8]]) {
    appendArrayHead(of: .bytea, count: values.count)
    for value in values { value.withUnsafeBytes { appendField($0) } }
  }

  @inline(__always)
  private mutating func reserve(_ bytes: Int) {
    if count + bytes > capacity { grow(to: count + bytes) }
  }

  @inline(never)
  private mutating func grow(to needed: Int) {
    capacity = max(needed, capacity * 2)
    let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
    grown.copyMemory(from: base, byteCount: count)
    base.deallocate()
    base = grown
  }
}
