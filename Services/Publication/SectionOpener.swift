import Contracts
import Cryptography
import KeyRing
import StageKit

/// Opens the sections sealed to publication, and tells a poisoned one from one whose key is missing.
final class SectionOpener {
  enum Section { case clinical, attributes }

  private let keys: StageKeys
  private var clinical: SealedBoxOpener
  private var attributes: SealedBoxOpener
  private var plaintext: [UInt8] = []

  /// - Throws: `StageError` with code `key`.
  init(keys: StageKeys) throws {
    self.keys = keys
    clinical = try keys.opener(.clinical)
    attributes = try keys.opener(.attributes)
  }

  /// Reads the keys again where they have changed on disk. Returns whether they had.
  func refresh() throws -> Bool {
    guard try keys.refresh() else { return false }
    clinical = try keys.opener(.clinical)
    attributes = try keys.opener(.attributes)
    return true
  }

  /// Gives the opened bytes to `decode`; they are overwritten by the next call.
  ///
  /// Throws `sectionUnreadable` for a poisoned section, and `missingKey` for one that is sealed to a key that is not held.
  func open<T>(
    _ section: Section, _ sealed: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer,
    decode: (UnsafeRawBufferPointer) throws(ContractError) -> T
  ) throws(ReadingFault) -> T {
    keys.uses.count(section == .clinical ? .clinical : .attributes)
    do throws(CryptographyError) {
      try (section == .clinical ? clinical : attributes).open(sealed, associated: header, into: &plaintext)
    } catch {
      guard error.code == .unknownKey else { throw .sectionUnreadable }
      // Sealed to a key that is newer than what was read of the ring, or to one that is nobody's.
      if (try? refresh()) == true { return try open(section, sealed, header: header, decode: decode) }
      throw .missingKey("a \(section) section is \(error)")
    }
    return try plaintext.withUnsafeBytes { bytes in
      Result { () throws(ReadingFault) in
        do throws(ContractError) { return try decode(bytes) } catch { throw .sectionUnreadable }
      }
    }.get()
  }
}
