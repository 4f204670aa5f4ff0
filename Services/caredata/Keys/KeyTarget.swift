import ArgumentParser
import Audit
import Foundation
import KeyRing
import StageKit

/// Whose keys a command means: those of a state folder, or of a folder that one service has for itself.
struct KeyTargetOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "State folder of `caredata up`, running or not. Without it: CAREDATA_KEYS_DIRECTORY, else .caredata.",
      valueName: "dir"))
  var state: String?

  func target() throws -> KeyTarget {
    let environment = ProcessInfo.processInfo.environment
    if state == nil, let folder = environment["CAREDATA_KEYS_DIRECTORY"] {
      return .folder(
        KeyFolder(folder),
        KeyUnlocking.Sources(
          passphrase: environment["CAREDATA_KEYS_PASSPHRASE"],
          passphraseFile: environment["CAREDATA_KEYS_PASSPHRASE_FILE"], key: environment["CAREDATA_KEYS_WRAPPING_KEY"],
          keyFile: environment["CAREDATA_KEYS_WRAPPING_KEY_FILE"]))
    }
    let folder = StateDirectory(path: state ?? StateDirectory.defaultPath)
    guard FileManager.default.fileExists(atPath: folder.keys.root) else {
      throw ClientError(
        "\(folder.path) holds no keys: `caredata up` makes them there, or set CAREDATA_KEYS_DIRECTORY for one service")
    }
    return .installation(folder.keys)
  }
}

extension KeyTargetOptions {
  /// What is done with keys is logged before it is done.
  func audit() throws -> AuditLog { try AuditPlace.log(state: state) }

  /// A passphrase or key that does not open the ring is logged.
  func ring(of service: KeyService) throws -> KeyRing {
    let target = try target()
    return try KeyEvents.unlocking(service, audit) { try target.ring(of: service) }
  }
}

/// What the audit log says of keys: what they are for, never what they are.
enum KeyEvents {
  static func created(_ service: KeyService) -> [String: String] {
    [
      "service": service.rawValue,
      "purposes": KeyPurpose.of(service).map(\.rawValue).joined(separator: ","),
    ]
  }

  static func rotated(_ purpose: KeyPurpose, _ ring: KeyRing) -> [String: String] {
    let latest = ring.entries.filter { $0.purpose == purpose }.map(\.version).max() ?? 0
    return ["service": ring.service.rawValue, "purpose": purpose.rawValue, "version": "\(latest + 1)"]
  }

  static func details(_ entry: KeyEntry, of service: KeyService) -> [String: String] {
    [
      "service": service.rawValue, "purpose": entry.purpose.rawValue, "version": "\(entry.version)", "id": entry.id,
    ]
  }

  /// Nothing is answered where the ring does not open, so its log is asked for only then.
  static func unlocking<Result>(
    _ service: KeyService, _ log: () throws -> AuditLog, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as KeyRingError where error.code == .wrongPassphrase {
      try log().append(event: .keyUnlockFailed, details: ["service": service.rawValue])
      throw error
    }
  }
}

enum KeyTarget {
  case installation(KeyInstallation)
  case folder(KeyFolder, KeyUnlocking.Sources)

  func ring(of service: KeyService) throws -> KeyRing {
    switch self {
    case .installation(let keys): try keys.ring(of: service)
    case .folder(let folder, let sources): try KeyRing(folder.ring, of: service, try KeyUnlocking(sources))
    }
  }

  /// What the others need to know after a change. In a state folder it is written where they read it.
  ///
  /// - Returns: what is left to be done by hand.
  func export(_ service: KeyService) throws -> String? {
    switch self {
    case .installation(let keys):
      try keys.export()
      return nil
    case .folder:
      return "give the others the new keys: caredata keys export-public --service \(service.rawValue) --output FILE"
    }
  }

  /// - Throws: `KeyRingError` where the keys of somebody that secrets are shared with are not in `public`.
  func exported(_ ring: KeyRing) throws -> PublicKeys {
    let others = try Set(KeyPurpose.of(ring.service).compactMap { $0.sharedWith?.service }).map { service in
      switch self {
      case .installation(let keys): try PublicKeys(of: try keys.ring(of: service))
      case .folder(let folder, _): try PublicKeys(folder.exported(by: service), of: service)
      }
    }
    return try PublicKeys(of: ring, recipients: others)
  }
}

extension KeyService: ExpressibleByArgument {}
extension KeyPurpose: ExpressibleByArgument {}
