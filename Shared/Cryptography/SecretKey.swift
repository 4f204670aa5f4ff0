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
