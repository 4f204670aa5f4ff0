import COpenSSL
import Glibc

/// Files that hold secrets, or that nobody else may change.
public enum PrivateFile {
  public enum Access: Sendable {
    /// Readable by its owner only.
    case secret
    /// Readable by anybody, writable by its owner only.
    case trusted

    var forbidden: mode_t { self == .secret ? 0o077 : 0o022 }
  }

  /// The bytes, overwritten when `body` is done. Throws `keyFile` when the file cannot be read, is open to others in a
  /// way that `access` forbids, or has more than `limit` bytes.
  public static func withBytes<Result>(
    of path: String, _ access: Access, limit: Int,
    _ body: (UnsafeRawBufferPointer) throws(CryptographyError) -> Result
  ) throws(CryptographyError) -> Result {
    // Without O_NONBLOCK a named pipe at that path would hold the start for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure(path, "cannot be opened: \(reason(errno))") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path, "cannot be examined: \(reason(errno))") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw failure(path, "is not a regular file") }
    guard status.st_mode & access.forbidden == 0 else {
      let mode = String(status.st_mode & 0o7777, radix: 8)
      throw access == .secret
        ? failure(path, "is open to group or others (mode \(mode)); it must be closed to them: chmod 600")
        : failure(path, "can be changed by group or others (mode \(mode)); it must not be: chmod go-w")
    }
    // One byte more than allowed, so that a longer file is noticed.
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: limit + 1, alignment: 1)
    defer {
      OPENSSL_cleanse(bytes.baseAddress, bytes.count)
      bytes.deallocate()
    }
    var count = 0
    while count < bytes.count {
      let read = Glibc.read(descriptor, bytes.baseAddress! + count, bytes.count - count)
      guard read >= 0 else { throw failure(path, "cannot be read: \(reason(errno))") }
      if read == 0 { break }
      count += read
    }
    guard count <= limit else { throw failure(path, "is longer than \(limit) bytes") }
    return try body(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
  }

  /// Puts a file in place whole or not at all; it is on disk when this returns.
  public static func replace(_ path: String, _ access: Access, with bytes: [UInt8]) throws(CryptographyError) {
    let temporary = "\(path).new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, access == .secret ? 0o600 : 0o644)
    guard descriptor >= 0 else { throw failure(path, "cannot be written: \(reason(errno))") }
    let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
    let cause = errno
    close(descriptor)
    guard isWritten, rename(temporary, path) == 0 else {
      let cause = isWritten ? errno : cause
      unlink(temporary)
      throw failure(path, "cannot be written: \(reason(cause))")
    }
    let folder = open(path.lastIndex(of: "/").map { String(path[..<$0]) + "/" } ?? ".", O_RDONLY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }

  static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }

  static func failure(_ path: String, _ problem: String) -> CryptographyError {
    CryptographyError(.keyFile, "key file \(path) \(problem)")
  }
}
