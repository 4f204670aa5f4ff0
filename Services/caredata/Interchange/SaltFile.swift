import Cryptography

/// The salt of an interchange: one line of text in a file that is closed to others. It is a secret: with it all NHS
/// numbers can be tried.
enum SaltFile {
  private static let maximumBytes = 1_024

  /// Without the line end. Never tells what stands in the file.
  static func read(_ path: String) throws -> String {
    let text = try PrivateFile.withBytes(of: path, .secret, limit: maximumBytes) { bytes in
      String(validating: bytes, as: UTF8.self)
    }
    guard var salt = text else { throw ClientError("the salt file \(path) is not UTF-8") }
    // "\r\n" is one character.
    if salt.last?.isNewline == true { salt.removeLast() }
    guard !salt.contains(where: \.isNewline) else { throw ClientError("the salt file \(path) has more than one line") }
    return salt
  }
}
