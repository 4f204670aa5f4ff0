import Contracts
import Cryptography
import KeyRing
import StageKit

/// Seals sections: under ingestion's own key while a record is staged, to the stages that own them once its header is
/// known. What has left cannot be opened here.
///
/// The staged form is the two serialised sections one after the other, with the record id as associated data.
final class SectionSealing {
  private let keys: StageKeys
  private var staging: StagingCipher
  private var identity: SealedBoxSealer
  private var clinical: SealedBoxSealer
  private var plaintext: [UInt8] = []
  private var sealedIdentity: [UInt8] = []
  private var sealedClinical: [UInt8] = []

  init(keys: StageKeys) throws {
    self.keys = keys
    staging = try StagingCipher(keys.ring)
    identity = try keys.sealer(.identity)
    clinical = try keys.sealer(.clinical)
  }

  /// After the keys have changed on disk.
  func reload() throws {
    staging = try StagingCipher(keys.ring)
    identity = try keys.sealer(.identity)
    clinical = try keys.sealer(.clinical)
  }

  func stage(_ plaintext: [UInt8], recordID: Token16) throws -> [UInt8] {
    keys.uses.count(.staging)
    return try plaintext.withUnsafeBytes { plaintext in
      try recordID.withUnsafeBytes { try staging.seal(plaintext, associated: $0) }
    }
  }

  /// An NHS number as the table of superseded ones keeps it.
  func sealNumber(_ number: String, token: Token16) throws -> [UInt8] {
    try stage(Array(number.utf8), recordID: token)
  }

  func openNumber(_ sealed: [UInt8], token: Token16) throws -> String {
    try sealed.withUnsafeBytes { sealed in
      try token.withUnsafeBytes { try openStaged(sealed, associated: $0) }
    }
    return String(decoding: plaintext, as: UTF8.self)
  }

  private func openStaged(_ sealed: UnsafeRawBufferPointer, associated: UnsafeRawBufferPointer) throws {
    keys.uses.count(.staging)
    do {
      try staging.open(sealed, associated: associated, into: &plaintext)
    } catch {
      throw StageError(.key, "a staged record cannot be opened: \(error)")
    }
  }

  /// Writes the envelope of a staged record under its final header.
  func envelope(
    _ staged: UnsafeRawBufferPointer, recordID: UnsafeRawBufferPointer, header: [UInt8], to writer: inout WireWriter
  ) throws {
    try openStaged(staged, associated: recordID)
    writer.reset()
    writer.varint(EnvelopeView.Field.kind, UInt64(Kind.record.rawValue))
    writer.bytes(EnvelopeView.Field.header, header)
    keys.uses.count(.identity)
    keys.uses.count(.clinical)
    try plaintext.withUnsafeBytes { plaintext in
      try header.withUnsafeBytes { header in
        var reader = WireReader(plaintext)
        while let (field, value) = try reader.next() {
          guard case .bytes(let section) = value else { continue }
          switch field {
          case 1: try identity.seal(section, associated: header, into: &sealedIdentity)
          case 2: try clinical.seal(section, associated: header, into: &sealedClinical)
          default: break
          }
        }
      }
    }
    writer.bytes(EnvelopeView.Field.identity, sealedIdentity)
    writer.bytes(EnvelopeView.Field.clinical, sealedClinical)
  }
}
