import Contracts
import Cryptography
import KeyRing
import StageKit

/// Opens what connectors have sealed to ingestion.
///
/// Whoever can write to the topic can write something that does not open, so unlike a section it puts the message aside
/// and does not stop the service.
final class SealedSubmissions {
  private let keys: StageKeys
  private var opener: SealedBoxOpener

  init(keys: StageKeys) throws {
    self.keys = keys
    opener = try keys.opener(.extracts)
  }

  /// After the keys have changed on disk.
  func reload() throws { opener = try keys.opener(.extracts) }

  func open(_ sealed: [UInt8], _ content: SealedSubmission) throws -> [UInt8] {
    do throws(CryptographyError) {
      let opened = try opener.open(sealed, associated: content.associated)
      keys.uses.count(.extracts)
      return opened
    } catch {
      throw ExtractReading.RejectionError(code: error.code == .unknownKey ? .unknownKey : .sectionUnreadable)
    }
  }
}
