import COpenSSL
import Glibc

/// A key in a file of its own: 64 hexadecimal digits and a line feed, readable by its owner only.
public enum KeyFile {
  private static let length = 2 * SecretKey.byteCount + 1

  /// Throws `keyFile` when the file cannot be read, when its group or others may read, write or execute it, or when it
  /// holds anything else than a key.
  public static func read(_ path: String) throws(CryptographyError) -> SecretKey {
    try PrivateFile.withBytes(of: path, .secret, limit: 4_096) { (text) throws(CryptographyError) in
      guard text.count == length, text[length - 1] == 0x0A else {
        throw PrivateFile.failure(path, "is not a key: \(length - 1) hexadecimal digits and a line feed are expected")
      }
      return try key(digits: UnsafeRawBufferPointer(rebasing: text.dropLast()), of: path)
    }
  }

  private static func key(digits: UnsafeRawBufferPointer, of path: String) throws(CryptographyError) -> SecretKey {
    guard let key = SecretKey(hexadecimal: digits) else {
      throw PrivateFile.failure(path, "is not a key: it holds something else than hexadecimal digits")
    }
    return key
  }

  /// Writes a new random key with mode 0600. Throws `keyFile` when the file exists already or cannot be written; then
  /// no new file is left behind.
  public static func create(_ path: String) throws(CryptographyError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw PrivateFile.failure(path, "cannot be created: \(PrivateFile.reason(errno))") }
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
      throw PrivateFile.failure(path, "cannot be written: \(PrivateFile.reason(cause))")
    }
  }

  private static func character(_ digit: UInt8) -> UInt8 { digit < 10 ? 0x30 + digit : 0x61 + digit - 10 }
}
