import Cryptography
import Foundation

/// A key ring as it lies on disk: JSON, mode 0600, secrets wrapped.
struct KeyRingFile: Codable {
  static let currentFormat = "caredata key ring 1"
  /// More than any ring has: a thousand rotations of every key.
  static let limit = 4 << 20

  var format = Self.currentFormat
  let service: KeyService
  /// How the secrets are wrapped: `scrypt` (by a passphrase) or `key`.
  var method: String
  /// 32 hexadecimal digits.
  var salt: String
  /// A random key wrapped like the others, so that a wrong passphrase shows whatever else there is.
  var check: String
  var keys: [KeyEntry]

  static let checkAssociated = Array("caredata key ring 1 check".utf8)

  static func read(_ path: String) throws(KeyRingError) -> KeyRingFile {
    let data = try contents(of: path, .secret)
    guard let file = try? JSONDecoder().decode(KeyRingFile.self, from: data), file.format == currentFormat else {
      throw KeyRingError(.file, "\(path) is no key ring")
    }
    return file
  }

  func write(_ path: String) throws(KeyRingError) { try Self.write(self, to: path, .secret) }

  static func contents(of path: String, _ access: PrivateFile.Access) throws(KeyRingError) -> Data {
    do throws(CryptographyError) {
      return try PrivateFile.withBytes(of: path, access, limit: limit) { Data($0) }
    } catch {
      throw KeyRingError(.file, error.description)
    }
  }

  static func write(
    _ content: some Encodable, to path: String, _ access: PrivateFile.Access
  ) throws(KeyRingError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try PrivateFile.replace(path, access, with: Array(try encoder.encode(content)) + [0x0A])
    } catch {
      throw KeyRingError(.file, "\(error)")
    }
  }

  static func bytes(_ hexadecimal: String) -> [UInt8]? {
    let digits = hexadecimal.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0]! << 4 | digits[$0 + 1]!) }
  }
}

/// Tells when a file was replaced, by what costs one call.
struct FileMark: Equatable {
  private let inode: UInt64
  private let changed: Int
  private let changedNanoseconds: Int
  private let size: Int64

  /// Nil where there is no such file.
  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    inode = UInt64(status.st_ino)
    (changed, changedNanoseconds) = (Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec))
    size = Int64(status.st_size)
  }
}
