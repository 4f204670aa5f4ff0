import Cryptography
import Foundation

/// Where a service has its keys: `ring.json`, its own ring, and `public/SERVICE.json`, what the others have exported.
public struct KeyFolder: Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  public var ring: String { "\(path)/ring.json" }
  public func exported(by service: KeyService) -> String { "\(path)/public/\(service.rawValue).json" }
}

/// The keys of all services of one machine: a folder for each, `ROOT/SERVICE`, its wrapping key in it, and exports that all
/// see. For trials and tests; where services run apart, each has its own part only.
public struct KeyInstallation: Sendable {
  public let root: String

  public init(_ root: String) { self.root = root }

  public func folder(of service: KeyService) -> KeyFolder { KeyFolder("\(root)/\(service.rawValue)") }

  public func wrappingKey(of service: KeyService) -> String { "\(root)/\(service.rawValue)/wrapping.key" }

  public func unlocking(_ service: KeyService) throws(KeyRingError) -> KeyUnlocking {
    try KeyUnlocking(.init(keyFile: wrappingKey(of: service)))
  }

  public func ring(of service: KeyService) throws(KeyRingError) -> KeyRing {
    try KeyRing(folder(of: service).ring, of: service, try unlocking(service))
  }

  /// Makes what is missing; what exists is never replaced. Returns the rings that were made.
  public func make() throws -> [KeyRing] {
    var made: [KeyRing] = []
    try makeFolder("\(root)/public")
    for service in KeyService.allCases {
      let folder = folder(of: service)
      try makeFolder(folder.path)
      if !FileManager.default.fileExists(atPath: wrappingKey(of: service)) {
        try KeyFile.create(wrappingKey(of: service))
      }
      if !FileManager.default.fileExists(atPath: folder.ring) {
        made.append(try KeyRing.create(folder.ring, of: service, try unlocking(service)))
      }
      if !FileManager.default.fileExists(atPath: "\(folder.path)/public") {
        try FileManager.default.createSymbolicLink(
          atPath: "\(folder.path)/public", withDestinationPath: "../public")
      }
    }
    try export()
    return made
  }

  /// Writes what every service lets the others have, those first whose keys secrets are sealed to.
  public func export() throws(KeyRingError) {
    let pseudonymisation = try PublicKeys(of: try ring(of: .pseudonymisation))
    try pseudonymisation.write("\(root)/public/\(KeyService.pseudonymisation.rawValue).json")
    let publication = try PublicKeys(of: try ring(of: .publication))
    try publication.write("\(root)/public/\(KeyService.publication.rawValue).json")
    let ingestion = try PublicKeys(of: try ring(of: .ingestion), recipients: [pseudonymisation])
    try ingestion.write("\(root)/public/\(KeyService.ingestion.rawValue).json")
  }

  private func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }
}
