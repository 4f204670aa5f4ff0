import CPostgres

/// The answer to a query, in PostgreSQL's binary format; rows and columns count from 0.
///
/// Reading a null, or a column as another type than it has, is a mistake in the program and ends it: four bytes
/// read as the wrong type would be a plausible, wrong number.
public struct Rows {
  private let result: ResultHandle
  private let types: [TypeIdentifier]
  public let count: Int
  /// Rows inserted, updated, deleted or returned, as the server counts them.
  public let affected: Int

  init(_ result: ResultHandle) {
    self.result = result
    count = Int(PQntuples(result.pointer))
    affected = PQcmdTuples(result.pointer).flatMap { Int(String(cString: $0)) } ?? 0
    types = (0..<PQnfields(result.pointer)).map { TypeIdentifier(rawValue: PQftype(result.pointer, $0)) }
  }

  public func isNull(_ row: Int, _ column: Int) -> Bool {
    check(row, column)
    return PQgetisnull(result.pointer, Int32(row), Int32(column)) == 1
  }

  /// A smallint, integer or bigint.
  public func int(_ row: Int, _ column: Int) -> Int64 {
    withValue(row, column) { type, bytes in
      switch type {
      case .int8: bytes.bigEndian(Int64.self, at: 0)
      case .int4: Int64(bytes.bigEndian(Int32.self, at: 0))
      case .int2: Int64(bytes.bigEndian(Int16.self, at: 0))
      default: wrongType(column, "an integer")
      }
    }
  }

  public func text(_ row: Int, _ column: Int) -> String {
    withValue(row, column) { type, bytes in
      switch type {
      case .text, .varchar, .bpchar, .name: String(decoding: bytes, as: UTF8.self)
      default: wrongType(column, "text")
      }
    }
  }

  public func bytes(_ row: Int, _ column: Int) -> [UInt8] {
    withBytes(row, column) { Array($0) }
  }

  /// The bytes of a bytea without a copy; valid inside `body` only.
  public func withBytes<T>(_ row: Int, _ column: Int, _ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
    try withValue(row, column) { type, bytes in
      guard type == .bytea else { wrongType(column, "bytea") }
      return try body(bytes)
    }
  }

  public func bool(_ row: Int, _ column: Int) -> Bool {
    withValue(row, column) { type, bytes in
      guard type == .bool else { wrongType(column, "boolean") }
      return bytes[0] != 0
    }
  }

  /// A double precision or real.
  public func double(_ row: Int, _ column: Int) -> Double {
    withValue(row, column) { type, bytes in
      switch type {
      case .float8: Double(bitPattern: bytes.bigEndian(UInt64.self, at: 0))
      case .float4: Double(Float(bitPattern: bytes.bigEndian(UInt32.self, at: 0)))
      default: wrongType(column, "a floating-point number")
      }
    }
  }

  /// A date as days since 1970-01-01.
  public func date(_ row: Int, _ column: Int) -> Int32 {
    withValue(row, column) { type, bytes in
      guard type == .date else { wrongType(column, "date") }
      return bytes.bigEndian(Int32.self, at: 0) + daysFrom1970To2000
    }
  }

  /// An array of smallint, integer or bigint, without null elements.
  public func intArray(_ row: Int, _ column: Int) -> [Int64] {
    withValue(row, column) { type, bytes in
      switch type {
      case .int8Array: bytes.arrayElements { $0.bigEndian(Int64.self, at: 0) }
      case .int4Array: bytes.arrayElements { Int64($0.bigEndian(Int32.self, at: 0)) }
      case .int2Array: bytes.arrayElements { Int64($0.bigEndian(Int16.self, at: 0)) }
      default: wrongType(column, "an array of integers")
      }
    }
  }

  /// The numbers of an array of integer, appended to `numbers`.
  public func appendInt4Array(_ row: Int, _ column: Int, to numbers: inout [Int32]) {
    withValue(row, column) { type, bytes in
      guard type == .int4Array else { wrongType(column, "an array of integer") }
      bytes.eachArrayElement { numbers.append($0.bigEndian(Int32.self, at: 0)) }
    }
  }

  /// The UTF-8 bytes of each element of an array of text, valid inside `body` only.
  public func eachText(_ row: Int, _ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    try withValue(row, column) { type, bytes in
      guard type == .textArray || type == .varcharArray else { wrongType(column, "an array of text") }
      try bytes.eachArrayElement(body)
    }
  }

  /// An array of text, without null elements.
  public func textArray(_ row: Int, _ column: Int) -> [String] {
    withValue(row, column) { type, bytes in
      guard type == .textArray || type == .varcharArray else { wrongType(column, "an array of text") }
      return bytes.arrayElements { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// An array of bytea, without null elements.
  public func bytesArray(_ row: Int, _ column: Int) -> [[UInt8]] {
    withValue(row, column) { type, bytes in
      guard type == .byteaArray else { wrongType(column, "an array of bytea") }
      return bytes.arrayElements { Array($0) }
    }
  }

  @inline(__always)
  private func withValue<T>(
    _ row: Int, _ column: Int, _ body: (TypeIdentifier, UnsafeRawBufferPointer) throws -> T
  ) rethrows -> T {
    check(row, column)
    let length = Int(PQgetlength(result.pointer, Int32(row), Int32(column)))
    if length == 0 {
      precondition(
        PQgetisnull(result.pointer, Int32(row), Int32(column)) == 0, "null read from column \(columnName(column))")
    }
    let value = UnsafeRawBufferPointer(start: PQgetvalue(result.pointer, Int32(row), Int32(column)), count: length)
    defer { withExtendedLifetime(result) {} }
    return try body(types[column], value)
  }

  /// libpq answers nonsense, not a failure, outside the result.
  @inline(__always)
  private func check(_ row: Int, _ column: Int) {
    precondition(row >= 0 && row < count && column >= 0 && column < types.count, "no such row or column")
  }

  private func wrongType(_ column: Int, _ wanted: String) -> Never {
    preconditionFailure("column \(columnName(column)) is of type \(types[column].rawValue), not \(wanted)")
  }

  private func columnName(_ column: Int) -> String {
    PQfname(result.pointer, Int32(column)).map { String(cString: $0) } ?? "\(column)"
  }
}

/// Owns a PGresult.
final class ResultHandle {
  let pointer: OpaquePointer
  init(_ pointer: OpaquePointer) { self.pointer = pointer }
  deinit { PQclear(pointer) }
}

extension UnsafeRawBufferPointer {
  @inline(__always)
  fileprivate func bigEndian<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value {
    Value(bigEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }

  /// The elements of a one-dimensional array; the form is described at `WireBuffer.appendArrayHead`.
  fileprivate func arrayElements<Element>(_ decode: (UnsafeRawBufferPointer) -> Element) -> [Element] {
    var elements: [Element] = []
    elements.reserveCapacity(arrayCount)
    eachArrayElement { elements.append(decode($0)) }
    return elements
  }

  private var arrayCount: Int {
    let dimensions = bigEndian(Int32.self, at: 0)
    guard dimensions > 0 else { return 0 }
    precondition(dimensions == 1, "an array of \(dimensions) dimensions")
    return Int(bigEndian(Int32.self, at: 12))
  }

  @inline(__always)
  fileprivate func eachArrayElement(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    var offset = 20
    for _ in 0..<arrayCount {
      let length = Int(bigEndian(Int32.self, at: offset))
      precondition(length >= 0, "null element in an array")
      try body(UnsafeRawBufferPointer(rebasing: self[(offset + 4)..<(offset + 4 + length)]))
      offset += 4 + length
    }
  }
}
