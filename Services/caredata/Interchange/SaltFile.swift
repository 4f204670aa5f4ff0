import Foundation

/// The salt of an interchange: one line of text in a file that is closed to others. It is a secret: with it all NHS
/// numbers can be tried.
enum SaltFile {
  private static let maximumBytes = 1_024

  /// Without the line end. Never tells what stands in the file.
  static func read(_ path: String) throws -> String {
    // Without O_NONBLOCK a named pipe would hold the command for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw ClientError("the salt file \(path) cannot be opened: \(reason(errno))") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw ClientError("the salt file \(path) is no regular file")
    }
    guard status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o7777, radix: 8)
      throw ClientError("the salt file \(path) is open to group or others (mode \(mode)); close it: chmod 600")
    }
    var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
    let count = Foundation.read(descriptor, &bytes, bytes.count)
    guard count >= 0 else { throw ClientError("the salt file \(path) cannot be read: \(reason(errno))") }
    guard count <= maximumBytes, var salt = String(validating: bytes.prefix(count), as: UTF8.self) else {
      throw ClientError("the salt file \(path) is not up to \(maximumBytes) bytes of UTF-8")
    }
    // "\r\n" is one character.
    if salt.last?.isNewline == true { salt.removeLast() }
    guard !salt.contains(where: \.isNewline) else { throw ClientError("the salt file \(path) has more than one line") }
    return salt
  }

  private static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
}
