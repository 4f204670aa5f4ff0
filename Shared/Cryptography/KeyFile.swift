import COpenSSL
import Glibc

/// A key in a file of its own: 64 hexadecimal digits and a line feed, readable by its owner only.
public enum KeyFile {
  private static let length = 2 * SecretKey.byteCount + 1

  /// Throws `keyFile` when the file cannot be read, when its group or others may read, write or execute it, or when it
  /// holds anything else than a key.
  public static func read(_ path: String) throws(CryptographyError) -> SecretKey {
    // Without O_NONBLOCK a named pipe at that path would hold the start for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure(path, "cannot be opened: \(reason(errno))") }
    defer { close(descriptor) }

    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path, "cannot be examined: \(reason(errno))") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw failure(path, "is not a regular file") }
    guard status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o7777, radix: 8)
      throw failure(path, "is open to group or others (mode \(mode)); it must be closed to them: chmod 600")
    }

    // One byte more than a key file has, so that a longer one is noticed.
    let text = UnsafeMutableRawBufferPointer.allocate(byteCount: length + 1, alignment: 1)
    defer {
      OPENSSL_cleanse(text.baseAddress, text.count)
      text.deallocate()
    }
    let count = Glibc.read(descriptor, text.baseAddress, text.count)
    guard count >= 0 else { throw failure(path, "cannot be read: \(reason(errno))") }
    guard count == length, text[length - 1] == 0x0A else {
      throw failure(path, "is not a key: \(length - 1) hexadecimal digits and a line feed are expected")
    }

    var isHexadecimal = true
    let key = SecretKey { buffer in
      for index in 0..<buffer.count {
        guard let high = digit(text[2 * index]), let low = digit(text[2 * index + 1]) else {
          isHexadecimal = false
          return
        }
        buffer[index] = high << 4 | low
      }
    }
    guard isHexadecimal else { throw failure(path, "is not a key: it holds something else than hexadecimal digits") }
    return key
  }

  /// Writes a new random key with mode 0600. Throws `keyFile` when the file exists already or cannot be written; then
  /// no new file is left behind.
  public static func create(_ path: String) throws(CryptographyError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(path, "cannot be created: \(reason(errno))") }
    defer { close(descriptor) }

    let text = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 1)
    defer {
      OPENSSL_cleanse(text.baseAddress, text.count)
      text.deallocate()
    }
    SecretKey.random().withUnsafeBytes { bytes in
      for (index, byte) in bytes.enumerated() {
        text[2 * index] = character(byte >> 4)
        text[2 * index + 1] = character(byte & 0x0F)
      }
    }
    text[length - 1] = 0x0A
    // The key must be on disk before anything is sealed with it.
    guard write(descriptor, text.baseAddress, length) == length, fsync(descriptor) == 0 else {
      let cause = errno
      unlink(path)
      throw failure(path, "cannot be written: \(reason(cause))")
    }
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case 0x30...0x39: character - 0x30
    case 0x41...0x46: character - 0x41 + 10
    case 0x61...0x66: character - 0x61 + 10
    default: nil
    }
  }

  private static func character(_ digit: UInt8) -> UInt8 { digit < 10 ? 0x30 + digit : 0x61 + digit - 10 }

  private static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }

  private static func failure(_ path: String, _ problem: String) -> CryptographyError {
    CryptographyError(.keyFile, "key file \(path) \(problem)")
  }
}
