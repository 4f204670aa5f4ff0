import Cryptography
import Foundation

/// The keys of one service, opened. Not Sendable: one per thread.
///
/// On disk every secret is wrapped; in memory it is overwritten when the last reference goes. Changes are written before
/// they take effect here, so that nothing is ever sealed with a key that a crash could lose.
public final class KeyRing {
  public let path: String
  public let service: KeyService
  /// In order of purpose and version.
  public var entries: [KeyEntry] { file.keys }

  private var file: KeyRingFile
  private var secrets: [String: SecretKey] = [:]
  private var wrapping: KeyWrapping
  private let unlocking: KeyUnlocking
  private var mark: FileMark?

  /// Throws ``KeyRingError`` when the file is missing, open to others or no key ring of this service, or does not open.
  public init(_ path: String, of service: KeyService, _ unlocking: KeyUnlocking) throws(KeyRingError) {
    let mark = FileMark(path)
    let file = try KeyRingFile.read(path)
    guard file.service == service else {
      throw KeyRingError(.file, "\(path) is the key ring of \(file.service.rawValue), not of \(service.rawValue)")
    }
    (self.path, self.service, self.file, self.unlocking, self.mark) = (path, service, file, unlocking, mark)
    (wrapping, secrets) = try Self.opened(file, path, unlocking)
  }

  /// A new ring with one key of each purpose. Throws `refused` when there is a file already.
  public static func create(
    _ path: String, of service: KeyService, _ unlocking: KeyUnlocking, now: Date = .now
  ) throws(KeyRingError) -> KeyRing {
    guard FileMark(path) == nil else { throw KeyRingError(.refused, "\(path) exists already; it is never replaced") }
    let salt = randomBytes(16)
    var file = KeyRingFile(
      service: service, method: unlocking.method, salt: hexadecimal(salt), check: "", keys: [])
    do throws(CryptographyError) {
      let wrapping = try unlocking.wrapping(salt: salt)
      file.check = hexadecimal(try wrapping.wrap(.random(), associated: KeyRingFile.checkAssociated))
      for purpose in KeyPurpose.of(service) { try Self.add(purpose, to: &file, wrapping, now) }
    } catch {
      throw KeyRingError(.file, error.description)
    }
    try file.write(path)
    return try KeyRing(path, of: service, unlocking)
  }

  // MARK: Use

  /// The key that seals. Throws `missingKey` where there is none.
  public func active(_ purpose: KeyPurpose) throws(KeyRingError) -> HeldKey {
    guard let key = usable(purpose).first(where: { $0.entry.state == .active }) else {
      throw KeyRingError(.missingKey, "\(path) holds no active key for \(purpose.rawValue)")
    }
    return key
  }

  /// Every key that opens, newest first.
  public func usable(_ purpose: KeyPurpose) -> [HeldKey] {
    file.keys.filter { $0.purpose == purpose }.sorted { $0.version > $1.version }.compactMap { entry in
      secrets[entry.id].map { HeldKey(entry: entry, secret: $0) }
    }
  }

  public func privateKeys(_ purpose: KeyPurpose) throws(KeyRingError) -> [X25519PrivateKey] {
    _ = try active(purpose)
    do throws(CryptographyError) {
      return try usable(purpose).map { (key) throws(CryptographyError) in try key.privateKey() }
    } catch {
      throw KeyRingError(.file, error.description)
    }
  }

  /// Reads the ring again where its file has changed. Returns whether it had.
  public func refresh() throws(KeyRingError) -> Bool {
    let mark = FileMark(path)
    guard mark != self.mark else { return false }
    let file = try KeyRingFile.read(path)
    guard file.service == service else { throw KeyRingError(.file, "\(path) is no longer the ring of this service") }
    (wrapping, secrets) = try Self.opened(file, path, unlocking)
    (self.file, self.mark) = (file, mark)
    return true
  }

  // MARK: Change

  /// Adds a key that seals from now on; the one before it opens what it has sealed.
  public func rotate(_ purpose: KeyPurpose, now: Date = .now) throws(KeyRingError) -> KeyEntry {
    guard purpose.service == service else {
      throw KeyRingError(.refused, "\(service.rawValue) has no key for \(purpose.rawValue)")
    }
    guard purpose.isRotatable else {
      throw KeyRingError(.refused, "names rest on the key for \(purpose.rawValue), so it is never replaced")
    }
    return try change { (file) throws(CryptographyError) in
      for place in file.keys.indices where file.keys[place].purpose == purpose && file.keys[place].state == .active {
        try restate(&file.keys[place], as: .opening)
      }
      return try Self.add(purpose, to: &file, wrapping, now)
    }
  }

  /// Destroys the secret of a key that opens. Whether anything still needs it is the caller's to know.
  public func retire(_ id: String) throws(KeyRingError) -> KeyEntry {
    guard let place = file.keys.firstIndex(where: { $0.id == id }) else {
      throw KeyRingError(.missingKey, "\(path) holds no key \(id)")
    }
    switch file.keys[place].state {
    case .retired: throw KeyRingError(.refused, "key \(id) is retired already")
    case .active: throw KeyRingError(.refused, "key \(id) is in use: rotate \(file.keys[place].purpose.rawValue) first")
    case .opening: break
    }
    return try change { (file) throws(CryptographyError) in
      file.keys[place].state = .retired
      file.keys[place].wrapped = nil
      return file.keys[place]
    }
  }

  private func restate(_ entry: inout KeyEntry, as state: KeyState) throws(CryptographyError) {
    guard let secret = secrets[entry.id] else { return }
    entry.state = state
    entry.wrapped = hexadecimal(try wrapping.wrap(secret, associated: entry.associated(service)))
  }

  /// Under a lock beside the file, so that of two who change it neither undoes the other's change.
  private func change(
    _ body: (inout KeyRingFile) throws(CryptographyError) -> KeyEntry
  ) throws(KeyRingError) -> KeyEntry {
    let lock = open("\(path).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else {
      throw KeyRingError(.file, "\(path).lock cannot be made: \(String(cString: strerror(errno)))")
    }
    defer { close(lock) }
    flock(lock, LOCK_EX)
    guard try !refresh() else {
      throw KeyRingError(.refused, "\(path) was changed by somebody else at this moment; look at it and try again")
    }
    var changed = file
    let entry: KeyEntry
    do throws(CryptographyError) { entry = try body(&changed) } catch { throw KeyRingError(.file, error.description) }
    try changed.write(path)
    _ = try refresh()
    return entry
  }

  @discardableResult
  private static func add(
    _ purpose: KeyPurpose, to file: inout KeyRingFile, _ wrapping: KeyWrapping, _ now: Date
  ) throws(CryptographyError) -> KeyEntry {
    var secret = SecretKey.random()
    var (id, publicKey) = try HeldKey.id(of: secret, purpose.algorithm)
    // An id names one key of a ring.
    while file.keys.contains(where: { $0.id == id.description }) {
      secret = .random()
      (id, publicKey) = try HeldKey.id(of: secret, purpose.algorithm)
    }
    var entry = KeyEntry(
      purpose: purpose, version: (file.keys.filter { $0.purpose == purpose }.map(\.version).max() ?? 0) + 1,
      algorithm: purpose.algorithm, id: id.description, created: now.formatted(.iso8601), state: .active,
      publicKey: publicKey, wrapped: nil)
    entry.wrapped = hexadecimal(try wrapping.wrap(secret, associated: entry.associated(file.service)))
    file.keys.append(entry)
    file.keys.sort { ($0.purpose.rawValue, $0.version) < ($1.purpose.rawValue, $1.version) }
    return entry
  }

  private static func opened(
    _ file: KeyRingFile, _ path: String, _ unlocking: KeyUnlocking
  ) throws(KeyRingError) -> (KeyWrapping, [String: SecretKey]) {
    guard let salt = KeyRingFile.bytes(file.salt) else { throw KeyRingError(.file, "\(path) is no key ring") }
    guard file.method == unlocking.method else {
      throw KeyRingError(
        .unlocking,
        file.method == "key"
          ? "\(path) is wrapped by a key, not by a passphrase" : "\(path) is wrapped by a passphrase, not by a key")
    }
    let wrapping: KeyWrapping
    do throws(CryptographyError) { wrapping = try unlocking.wrapping(salt: salt) } catch {
      throw KeyRingError(.file, error.description)
    }
    func unwrap(_ wrapped: String, _ associated: [UInt8], _ failure: String) throws(KeyRingError) -> SecretKey {
      guard let bytes = KeyRingFile.bytes(wrapped), let key = try? wrapping.unwrap(bytes, associated: associated) else {
        throw KeyRingError(.wrongPassphrase, failure)
      }
      return key
    }
    _ = try unwrap(
      file.check, KeyRingFile.checkAssociated,
      "the \(unlocking.method == "key" ? "wrapping key" : "passphrase") is not the one that \(path) was made with")
    var secrets: [String: SecretKey] = [:]
    for entry in file.keys {
      guard let wrapped = entry.wrapped else {
        guard entry.state == .retired else {
          throw KeyRingError(.wrongPassphrase, "\(path) was changed by other hands: key \(entry.id) has no secret")
        }
        continue
      }
      secrets[entry.id] = try unwrap(
        wrapped, entry.associated(file.service), "\(path) was changed by other hands: key \(entry.id) does not open")
    }
    return (wrapping, secrets)
  }
}
