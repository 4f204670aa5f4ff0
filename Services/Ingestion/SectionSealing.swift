import Contracts
import Cryptography
import StageKit

/// Seals sections: to ingestion itself while a record is staged, to the stages that own them once its header is known.
///
/// The staged form is the two serialised sections one after the other, sealed with the record id as associated data.
final class SectionSealing {
  private let staging: AES256GCM
  private let identity: AES256GCM
  private let clinical: AES256GCM
  private var plaintext: [UInt8] = []
  private var sealedIdentity: [UInt8] = []
  private var sealedClinical: [UInt8] = []

  init(keysDirectory: String) throws {
    staging = try AES256GCM(key: try StageKey.read("staging", in: keysDirectory))
    identity = try AES256GCM(key: try StageKey.read("identity", in: keysDirectory))
    clinical = try AES256GCM(key: try StageKey.read("clinical", in: keysDirectory))
  }

  func stage(_ plaintext: [UInt8], recordID: Token16) throws -> [UInt8] {
    var sealed: [UInt8] = []
    try plaintext.withUnsafeBytes { plaintext in
      try recordID.withUnsafeBytes { try staging.seal(plaintext, associated: $0, into: &sealed) }
    }
    return sealed
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
    do {
      try staging.open(sealed, associated: associated, into: &plaintext)
    } catch {
      throw StageError(.key, "a staged record cannot be opened: the staging key is not the one it was sealed with")
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
