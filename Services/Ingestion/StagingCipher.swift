import Cryptography
import KeyRing
import StageKit

/// Seals under ingestion's own key in use, and opens what was sealed under any that is still held: id of the key (4
/// bytes) ‖ AES-256-GCM.
struct StagingCipher {
  private let activeID: [UInt8]
  private let active: AES256GCM
  private let ciphers: [KeyID: AES256GCM]

  init(_ ring: KeyRing) throws {
    (activeID, active, ciphers) = try StageKeys.orStop {
      let key = try ring.active(.staging)
      var ciphers: [KeyID: AES256GCM] = [:]
      for key in ring.usable(.staging) { ciphers[key.id] = try AES256GCM(key: key.secret) }
      return (key.id.bytes, try AES256GCM(key: key.secret), ciphers)
    }
  }

  func seal(_ plaintext: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer) throws -> [UInt8] {
    var sealed = activeID + [UInt8](repeating: 0, count: plaintext.count + AES256GCM.overhead)
    try sealed.withUnsafeMutableBytes {
      try active.seal(
        plaintext, associated: associated, into: UnsafeMutableRawBufferPointer(rebasing: $0[KeyID.byteCount...]))
    }
    return sealed
  }

  /// Throws `unknownKey` where the key is no longer held.
  func open(
    _ sealed: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer, into plaintext: inout [UInt8]
  ) throws(CryptographyError) {
    guard sealed.count > KeyID.byteCount else { throw CryptographyError.notSealed }
    let id = KeyID(bytes: UnsafeRawBufferPointer(rebasing: sealed[..<KeyID.byteCount]))
    guard let cipher = ciphers[id] else { throw CryptographyError.unknown(id) }
    try cipher.open(
      UnsafeRawBufferPointer(rebasing: sealed[KeyID.byteCount...]), associated: associated, into: &plaintext)
  }
}
