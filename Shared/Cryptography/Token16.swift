/// A keyed token of 16 bytes, compared byte by byte from the first.
///
/// Printing shows nothing of it, because tokens link a person's records; `hex` spells it out where that is meant.
public struct Token16: Hashable, Comparable, Sendable {
  /// The first eight bytes, big-endian.
  public let high: UInt64
  /// The last eight bytes, big-endian.
  public let low: UInt64

  public static let byteCount = 16

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Nil unless there are 16 bytes.
  @inlinable
  public init?(bytes: UnsafeRawBufferPointer) {
    guard bytes.count == Self.byteCount else { return nil }
    high = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
    low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  }

  /// Nil unless there are 16 bytes.
  @inlinable
  public init?(bytes: [UInt8]) {
    guard let token = bytes.withUnsafeBytes({ Token16(bytes: $0) }) else { return nil }
    self = token
  }

  public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

  /// 32 lower-case hexadecimal digits.
  public var hex: String {
    withUnsafeBytes { bytes in
      String(unsafeUninitializedCapacity: 32) { buffer in
        for (index, byte) in bytes.enumerated() {
          buffer[2 * index] = Self.digit(byte >> 4)
          buffer[2 * index + 1] = Self.digit(byte & 0x0F)
        }
        return 32
      }
    }
  }

  /// The 16 bytes, valid during the call.
  @inlinable
  public func withUnsafeBytes<Result, Failure>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try Swift.withUnsafeBytes(of: (high.bigEndian, low.bigEndian), body)
  }

  public static func < (left: Self, right: Self) -> Bool { (left.high, left.low) < (right.high, right.low) }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x61 + value - 10 }
}

extension Token16: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "<redacted token>" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
