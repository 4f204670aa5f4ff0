import Cryptography
import KeyRing

/// The keys that a stage may use: its own ring, and what others have exported for it. A missing, wrong or unreadable key
/// stops the service: nothing passes.
public final class StageKeys {
  public let ring: KeyRing
  /// Since they were last published.
  public var uses = KeyUses()
  private let others: [KeyService: PublicKeysFile]

  /// - Parameter others: whose exported keys the stage seals to or shares.
  public convenience init(
    _ configuration: StageConfiguration, of service: KeyService, others: [KeyService] = []
  ) throws {
    try self.init(KeyFolder(configuration.keysDirectory), configuration.keysUnlocking, of: service, others: others)
  }

  public convenience init(
    _ installation: KeyInstallation, of service: KeyService, others: [KeyService] = []
  ) throws {
    try self.init(
      installation.folder(of: service), .init(keyFile: installation.wrappingKey(of: service)), of: service,
      others: others)
  }

  private init(
    _ folder: KeyFolder, _ unlocking: KeyUnlocking.Sources, of service: KeyService, others: [KeyService]
  ) throws {
    (ring, self.others) = try Self.orStop {
      let ring = try KeyRing(folder.ring, of: service, try KeyUnlocking(unlocking))
      var files: [KeyService: PublicKeysFile] = [:]
      for other in others { files[other] = try PublicKeysFile(folder.exported(by: other), of: other) }
      return (ring, files)
    }
  }

  /// What `service` has exported.
  public func exported(by service: KeyService) throws -> PublicKeys {
    guard let file = others[service] else {
      throw StageError(.key, "\(ring.service.rawValue) was not given the public keys of \(service.rawValue)")
    }
    return file.keys
  }

  /// Seals to whoever opens sections of this purpose.
  public func sealer(_ purpose: KeyPurpose) throws -> SealedBoxSealer {
    try Self.orStop {
      try SealedBoxSealer(to: try exported(by: purpose.service).active(purpose), purpose: purpose.rawValue)
    }
  }

  /// Opens sections of this purpose, sealed to any key that is held for it.
  public func opener(_ purpose: KeyPurpose) throws -> SealedBoxOpener {
    try Self.orStop { SealedBoxOpener(keys: try ring.privateKeys(purpose), purpose: purpose.rawValue) }
  }

  /// Reads again what has changed on disk; costs one look at each file. Returns whether anything had.
  public func refresh() throws -> Bool {
    try Self.orStop {
      var isChanged = try ring.refresh()
      for file in others.values where try file.refresh() { isChanged = true }
      return isChanged
    }
  }

  /// - Throws: `StageError` with code `key` in place of what `body` throws.
  public static func orStop<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as StageError {
      throw error
    } catch {
      throw StageError(.key, "\(error)")
    }
  }
}

/// How often keys were used, by purpose; plain, because it is raised once per section.
public struct KeyUses {
  private var counts = [Int](repeating: 0, count: KeyPurpose.allCases.count)

  @inline(__always)
  public mutating func count(_ purpose: KeyPurpose) { counts[purpose.place] += 1 }

  /// Those of which there were any, and starts anew.
  public mutating func take() -> [(purpose: KeyPurpose, uses: Int)] {
    defer { counts = [Int](repeating: 0, count: counts.count) }
    return zip(KeyPurpose.allCases, counts).filter { $0.1 > 0 }.map { ($0, $1) }
  }
}
