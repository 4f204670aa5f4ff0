import COpenSSL

/// A symmetric key of 32 bytes. Its memory is overwritten when the last reference goes; printing shows nothing of it.
public final class SecretKey: @unchecked Sendable {
  // Unchecked because a raw buffer is not Sendable; it is written in `init` and `deinit` only.
  private let storage: UnsafeMutableRawBufferPointer

  public static let byteCount = 32

  /// Throws `keyLength` unless there are 32 bytes. The caller's array stays as it is.
  public convenience init(bytes: [UInt8]) throws(CryptographyError) {
    guard bytes.count == Self.byteCount else {
      throw CryptographyError(.keyLength, "a key has \(Self.byteCount) bytes, not \(bytes.count)")
    }
    self.init { buffer in bytes.withUnsafeBytes { buffer.copyMemory(from: $0) } }
  }

  /// Nil unless they are 64 hexadecimal digits.
  public convenience init?(hexadecimal digits: UnsafeRawBufferPointer) {
    guard digits.count == 2 * Self.byteCount else { return nil }
    var isHexadecimal = true
    self.init { buffer in
      for index in 0..<buffer.count {
        guard let high = Self.value(digits[2 * index]), let low = Self.value(digits[2 * index + 1]) else {
          isHexadecimal = false
          return
        }
        buffer[index] = high << 4 | low
      }
    }
    guard isHexadecimal else { return nil }
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
  }

  public static func random() -> SecretKey { SecretKey(fill: fillWithRandomBytes) }

  public func withUnsafeBytes<Result, Failure>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(storage))
  }

  init(fill: (UnsafeMutableRawBufferPointer) -> Void) {
    storage = .allocate(byteCount: Self.byteCount, alignment: 16)
    fill(storage)
  }

  deinit {
    OPENSSL_cleanse(storage.baseAddress, storage.count)
    storage.deallocate()
  }
}

extension SecretKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "<redacted key>" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// Overwrites what was secret, in a way that the compiler does not leave out.
public func overwrite(_ bytes: inout [UInt8]) {
  bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
  bytes.removeAll()
}
