/// A value bound to `$1`, `$2` ... of a statement; sent in binary with its type declared.
///
/// An `.int` is a `bigint` in the statement: compared or assigned to a narrower column it needs no cast, given to a
/// function of `integer` it needs one (`$1::integer`).
public enum Parameter: Equatable, Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case text(String)
  case bytes([UInt8])
  case double(Double)
  /// Days since 1970-01-01.
  case date(Int32)
  case intArray([Int64])
  case textArray([String])
  case bytesArray([[UInt8]])

  public static func bool(orNull value: Bool?) -> Parameter { value.map { .bool($0) } ?? .null }
  public static func int(orNull value: Int64?) -> Parameter { value.map { .int($0) } ?? .null }
  public static func text(orNull value: String?) -> Parameter { value.map { .text($0) } ?? .null }
  public static func bytes(orNull value: [UInt8]?) -> Parameter { value.map { .bytes($0) } ?? .null }
  public static func double(orNull value: Double?) -> Parameter { value.map { .double($0) } ?? .null }
  public static func date(orNull value: Int32?) -> Parameter { value.map { .date($0) } ?? .null }

  var type: TypeIdentifier {
    switch self {
    case .null: .inferred
    case .bool: .bool
    case .int: .int8
    case .text: .text
    case .bytes: .bytea
    case .double: .float8
    case .date: .date
    case .intArray: .int8Array
    case .textArray: .textArray
    case .bytesArray: .byteaArray
    }
  }

  /// Appends the value without its length; a null appends nothing.
  func encode(into buffer: inout WireBuffer) {
    switch self {
    case .null: break
    case .bool(let value): buffer.append(value ? 1 : 0 as UInt8)
    case .int(let value): buffer.append(value)
    case .text(var value): value.withUTF8 { buffer.append(UnsafeRawBufferPointer($0)) }
    case .bytes(let value): value.withUnsafeBytes { buffer.append($0) }
    case .double(let value): buffer.append(value.bitPattern)
    case .date(let value): buffer.append(value - daysFrom1970To2000)
    case .intArray(let values): buffer.appendArray(values, of: .int8)
    case .textArray(let values): buffer.appendArray(values)
    case .bytesArray(let values): buffer.appendArray(values)
    }
  }
}
