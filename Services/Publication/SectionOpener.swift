import Contracts
import Cryptography
import StageKit

/// Opens the sections sealed to publication and tells a poisoned record from a wrong key.
///
/// Both look alike in one record. A key counts as proven once it has opened anything, now or in an earlier run; until
/// then a batch of which it opens nothing stops the service instead of turning every record into a rejection.
final class SectionOpener {
  enum Section: String, CaseIterable, Sendable { case clinical, attributes }

  private final class Lock {
    let section: Section
    let cipher: AES256GCM
    let fingerprint: Token16
    var isProven = false
    var opened = 0
    var refused = 0

    init(_ section: Section, key: SecretKey) throws(CryptographyError) {
      self.section = section
      cipher = try AES256GCM(key: key)
      fingerprint = try HMACSHA256(key: key).token("caredata key fingerprint")
    }
  }

  private let clinical: Lock
  private let attributes: Lock
  private var locks: [Lock] { [clinical, attributes] }
  private var plaintext: [UInt8] = []

  init(clinical: SecretKey, attributes: SecretKey) throws(CryptographyError) {
    self.clinical = try Lock(.clinical, key: clinical)
    self.attributes = try Lock(.attributes, key: attributes)
  }

  /// - Parameter keysDirectory: folder with `clinical.key` and `attributes.key`.
  /// - Throws: `StageError` with code `key`.
  convenience init(keysDirectory: String) throws {
    try self.init(
      clinical: try StageKey.read(Section.clinical.rawValue, in: keysDirectory),
      attributes: try StageKey.read(Section.attributes.rawValue, in: keysDirectory))
  }

  /// - Parameter proven: fingerprints of the keys that opened something in earlier runs.
  func load(proven: [Section: Token16]) {
    for lock in locks { lock.isProven = lock.fingerprint == proven[lock.section] }
  }

  /// Gives the opened bytes to `decode`; they are overwritten by the next call.
  func open<T>(
    _ section: Section, _ sealed: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer,
    decode: (UnsafeRawBufferPointer) throws(ContractError) -> T
  ) throws(ContractError) -> T {
    let lock = section == .clinical ? clinical : attributes
    do {
      try lock.cipher.open(sealed, associated: header, into: &plaintext)
    } catch {
      lock.refused += 1
      throw .malformed
    }
    lock.opened += 1
    return try plaintext.withUnsafeBytes { bytes in
      Result { () throws(ContractError) in try decode(bytes) }
    }.get()
  }

  /// Ends a batch: the fingerprints to remember with it.
  /// - Throws: `StageError` with code `key` when an unproven key opened nothing.
  func endBatch() throws -> [Section: Token16] {
    var fresh: [Section: Token16] = [:]
    for lock in locks {
      let (opened, refused) = (lock.opened, lock.refused)
      lock.opened = 0
      lock.refused = 0
      guard !lock.isProven else { continue }
      if opened > 0 { fresh[lock.section] = lock.fingerprint }
      if opened == 0, refused > 0 {
        let name = lock.section.rawValue
        throw StageError(
          .key,
          """
          \(name).key opens none of the \(refused) \(name) sections received and has never opened one: it is not the \
          key they were sealed with
          """)
      }
    }
    return fresh
  }

  /// The batch that proved these keys is committed.
  func stored(_ fresh: [Section: Token16]) {
    for lock in locks where fresh[lock.section] != nil { lock.isProven = true }
  }
}
