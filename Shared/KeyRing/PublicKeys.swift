import Cryptography
import Foundation

/// What a service lets others have of its keys: public keys to seal with, and secrets shared with one other service,
/// sealed to that one's key. No secret lies open in it; it must be trusted all the same, since whoever can change it
/// decides who can read what is sealed. So it may be written by its owner only.
public struct PublicKeys: Codable, Equatable, Sendable {
  public struct PublicKey: Codable, Equatable, Sendable {
    public let purpose: KeyPurpose
    public let version: Int
    public let id: String
    public let algorithm: KeyAlgorithm
    public let created: String
    public let state: KeyState
    /// 64 hexadecimal digits.
    public let key: String
  }

  public struct SharedKey: Codable, Equatable, Sendable {
    public let purpose: KeyPurpose
    public let version: Int
    public let id: String
    public let state: KeyState
    /// A ``SealedBox`` in hexadecimal.
    let sealed: String
  }

  static let currentFormat = "caredata public keys 1"

  private(set) var format = Self.currentFormat
  public let service: KeyService
  public let keys: [PublicKey]
  public let shared: [SharedKey]

  /// - Parameter recipients: of the services that share secrets of this one, as far as they are known.
  /// - Throws: `refused` where a secret is to be shared and its recipient's keys are not known.
  public init(of ring: KeyRing, recipients: [PublicKeys] = []) throws(KeyRingError) {
    service = ring.service
    keys = ring.entries.filter { $0.state != .retired }.compactMap { entry in
      entry.publicKey.map {
        PublicKey(
          purpose: entry.purpose, version: entry.version, id: entry.id, algorithm: entry.algorithm,
          created: entry.created, state: entry.state, key: $0)
      }
    }
    var shared: [SharedKey] = []
    for purpose in KeyPurpose.of(ring.service) {
      guard let other = purpose.sharedWith else { continue }
      guard let recipient = recipients.first(where: { $0.service == other.service }) else {
        throw KeyRingError(
          .refused,
          "the key for \(purpose.rawValue) is shared with \(other.service.rawValue): export its public keys first")
      }
      let sealer = try Self.sealer(to: try recipient.active(other), purpose)
      for key in ring.usable(purpose) {
        shared.append(
          SharedKey(
            purpose: purpose, version: key.version, id: key.entry.id, state: key.entry.state,
            sealed: hexadecimal(try Self.seal(key, sealer))))
      }
    }
    self.shared = shared
  }

  /// Reads what a service has exported. Throws `file` where it is missing, open to change, or of another service.
  public init(_ path: String, of service: KeyService) throws(KeyRingError) {
    let data = try KeyRingFile.contents(of: path, .trusted)
    guard let keys = try? JSONDecoder().decode(PublicKeys.self, from: data), keys.format == Self.currentFormat,
      keys.service == service
    else { throw KeyRingError(.file, "\(path) holds no public keys of \(service.rawValue)") }
    self = keys
  }

  public func write(_ path: String) throws(KeyRingError) { try KeyRingFile.write(self, to: path, .trusted) }

  /// The key to seal with now.
  public func active(_ purpose: KeyPurpose) throws(KeyRingError) -> X25519PublicKey {
    guard let key = keys.first(where: { $0.purpose == purpose && $0.state == .active }),
      let bytes = KeyRingFile.bytes(key.key), let publicKey = X25519PublicKey(bytes: bytes),
      publicKey.id.description == key.id
    else {
      throw KeyRingError(.missingKey, "the public keys of \(service.rawValue) hold none for \(purpose.rawValue)")
    }
    return publicKey
  }

  /// Secrets shared with the holder of these keys, by version, newest first; with the state each has at its owner.
  public func shared(
    _ purpose: KeyPurpose, opening keys: [X25519PrivateKey]
  ) throws(KeyRingError) -> [(version: Int, state: KeyState, secret: SecretKey)] {
    let opener = SealedBoxOpener(keys: keys, purpose: "shared key \(purpose.rawValue)")
    var secrets: [(version: Int, state: KeyState, secret: SecretKey)] = []
    for key in shared where key.purpose == purpose {
      do throws(CryptographyError) {
        var bytes = try opener.open(KeyRingFile.bytes(key.sealed) ?? [], associated: Self.associated(key.version))
        defer { overwrite(&bytes) }
        secrets.append((key.version, key.state, try SecretKey(bytes: bytes)))
      } catch {
        throw KeyRingError(
          .missingKey,
          "version \(key.version) of the key for \(purpose.rawValue), shared by \(service.rawValue), cannot be opened: "
            + error.description + "; export the public keys of \(service.rawValue) again")
      }
    }
    guard secrets.contains(where: { $0.state == .active }) else {
      throw KeyRingError(.missingKey, "\(service.rawValue) shares no key for \(purpose.rawValue)")
    }
    return secrets.sorted { $0.version > $1.version }
  }

  private static func associated(_ version: Int) -> [UInt8] { Array("version \(version)".utf8) }

  private static func sealer(
    to key: X25519PublicKey, _ purpose: KeyPurpose
  ) throws(KeyRingError) -> SealedBoxSealer {
    do throws(CryptographyError) {
      return try SealedBoxSealer(to: key, purpose: "shared key \(purpose.rawValue)")
    } catch {
      throw KeyRingError(.file, error.description)
    }
  }

  private static func seal(_ key: HeldKey, _ sealer: SealedBoxSealer) throws(KeyRingError) -> [UInt8] {
    var box: [UInt8] = []
    do throws(CryptographyError) {
      try key.secret.withUnsafeBytes { (secret) throws(CryptographyError) in
        try associated(key.version).span.withUnsafeBytes { (associated) throws(CryptographyError) in
          try sealer.seal(secret, associated: associated, into: &box)
        }
      }
    } catch {
      throw KeyRingError(.file, error.description)
    }
    return box
  }
}

/// What another service has exported, read again when its file changes.
public final class PublicKeysFile {
  public let path: String
  public private(set) var keys: PublicKeys
  private let service: KeyService
  private var mark: FileMark?

  public init(_ path: String, of service: KeyService) throws(KeyRingError) {
    (self.path, self.service) = (path, service)
    mark = FileMark(path)
    keys = try PublicKeys(path, of: service)
  }

  /// Returns whether the file had changed.
  public func refresh() throws(KeyRingError) -> Bool {
    let mark = FileMark(path)
    guard mark != self.mark else { return false }
    keys = try PublicKeys(path, of: service)
    self.mark = mark
    return true
  }
}
