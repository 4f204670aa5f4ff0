import ArgumentParser
import Audit
import Contracts
import Cryptography
import Foundation
import KeyRing
import Postgres
import StageKit

struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "Make, list, rotate, retire and export keys. Secrets are never shown.",
    discussion: """
      Each service has a ring of its own, ring.json in its folder of keys, opened with the passphrase or the wrapping key \
      that CAREDATA_KEYS_… variables give. `caredata up` makes rings for all services in its state folder; there these \
      commands need no variables, and exports reach the other services by themselves.
      """,
    subcommands: [Init.self, List.self, Rotate.self, Reencrypt.self, Retire.self, ExportPublic.self],
    defaultSubcommand: List.self)

  struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a new key ring in CAREDATA_KEYS_DIRECTORY; an existing one is never replaced.")
    @OptionGroup var options: KeyTargetOptions
    @Option(help: "ingestion, pseudonymisation or publication.")
    var service: KeyService

    func run() throws {
      guard case .folder(let folder, let sources) = try options.target() else {
        throw ClientError(
          "`caredata up` makes the keys of its state folder; set CAREDATA_KEYS_DIRECTORY for one service")
      }
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/public", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      guard !FileManager.default.fileExists(atPath: folder.ring) else {
        throw ClientError("\(folder.ring) exists already; it is never replaced")
      }
      try options.audit().append(event: .keyCreated, details: KeyEvents.created(service))
      let ring = try KeyRing.create(folder.ring, of: service, try KeyUnlocking(sources))
      print(KeyTable.text(ring.entries, of: service))
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Keys with version, id, algorithm, creation and state.")
    @OptionGroup var options: KeyTargetOptions
    @Option(help: "Of one service; with a state folder without it those of all.")
    var service: KeyService?
    @Flag(help: "As JSON, one key a line.")
    var json = false

    func run() throws {
      let target = try options.target()
      if service == nil, case .folder = target { throw ValidationError("--service says whose ring it is.") }
      for service in service.map({ [$0] }) ?? KeyService.allCases {
        let ring = try options.ring(of: service)
        print(json ? try KeyTable.json(ring.entries, of: service) : KeyTable.text(ring.entries, of: service))
      }
    }
  }

  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a key that seals from now on; the one before opens what it has sealed. Services may run.")
    @OptionGroup var options: KeyTargetOptions
    @Option(help: "ingestion, pseudonymisation or publication.")
    var service: KeyService
    @Option(help: "What the key is for, as `keys list` names it.")
    var purpose: KeyPurpose

    func run() async throws {
      let target = try options.target()
      let ring = try options.ring(of: service)
      // Whoever cannot be reached now could not be told of the key afterwards.
      let installation = purpose == .linkage ? try await KeysCommand.installation(options) : nil
      if let installation, let database = try Reencrypt.linkage(installation) {
        defer { database.close() }
        if let reason = try LinkageReencryption.unfinished(ring, database) { throw ClientError(reason) }
      }
      try options.audit().append(event: .keyRotated, details: KeyEvents.rotated(purpose, ring))
      let entry = try ring.rotate(purpose)
      print("\(purpose.rawValue): version \(entry.version), key \(entry.id), seals from now on")
      if let rest = try target.export(service) { print(rest) }
      if let installation { try Reencrypt.reencrypt(ring, installation) }
      if purpose == .routing {
        print("ingestion replaces its tokens once all it has admitted is balanced; see caredata status")
      }
    }
  }

  struct Retire: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Destroy a key that only opens, once nothing that is kept needs it any more.",
      discussion: """
        Looks into every retained topic and every table that can hold something sealed to the key, and refuses while there \
        is anything. Needs the broker and the database.
        """)
    @OptionGroup var options: KeyTargetOptions
    @Option(help: "ingestion, pseudonymisation or publication.")
    var service: KeyService
    @Argument(help: ArgumentHelp("Id of the key, as `keys list` shows it.", valueName: "id"))
    var id: String

    func run() async throws {
      let target = try options.target()
      let ring = try options.ring(of: service)
      guard let entry = ring.entries.first(where: { $0.id == id }) else {
        throw ClientError("\(service.rawValue) has no key \(id)")
      }
      guard entry.state == .opening else {
        _ = try ring.retire(id)
        return
      }
      let needs = KeyNeeds(target: try await KeysCommand.installation(options))
      if let need = try needs.need(of: entry) { throw ClientError("key \(id) is still needed: \(need)") }
      try options.audit().append(event: .keyRetired, details: KeyEvents.details(entry, of: service))
      _ = try ring.retire(id)
      print("\(entry.purpose.rawValue): version \(entry.version), key \(id), is destroyed")
      if let rest = try target.export(service) { print(rest) }
    }
  }

  struct ExportPublic: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export-public",
      abstract: "Write what others need to seal to a service, for their folder of keys (public/SERVICE.json).",
      discussion: """
        It holds no secret in the open. Whoever can change it decides who can read what is sealed, so bring it to the \
        others by a way that you trust and compare the ids with `keys list`.
        """)
    @OptionGroup var options: KeyTargetOptions
    @Option(help: "ingestion, pseudonymisation or publication.")
    var service: KeyService
    @Option(help: ArgumentHelp("File to write.", valueName: "file"))
    var output: String

    func run() throws {
      let target = try options.target()
      let keys = try target.exported(try options.ring(of: service))
      try options.audit().append(
        event: .keyExported,
        details: [
          "service": service.rawValue, "output": output,
          "ids": (keys.keys.map(\.id) + keys.shared.map(\.id)).joined(separator: ","),
        ])
      try keys.write(output)
      for key in keys.keys {
        print("\(key.purpose.rawValue) version \(key.version), key \(key.id), \(key.state.rawValue)")
      }
      for key in keys.shared {
        print("\(key.purpose.rawValue) version \(key.version), sealed to \(key.purpose.sharedWith!.service.rawValue)")
      }
    }
  }
}

enum KeyTable {
  static func text(_ entries: [KeyEntry], of service: KeyService) -> String {
    var table = TextTable("service", "purpose", "version", "key", "algorithm", "created", "state")
    for entry in entries {
      table.row([
        service.rawValue, entry.purpose.rawValue, "\(entry.version)", entry.id, entry.algorithm.rawValue, entry.created,
        entry.state.rawValue,
      ])
    }
    return table.render()
  }

  private struct Line: Encodable {
    let service: String
    let purpose: String
    let version: Int
    let key: String
    let algorithm: String
    let created: String
    let state: String
  }

  static func json(_ entries: [KeyEntry], of service: KeyService) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return try entries.map { entry in
      String(
        decoding: try encoder.encode(
          Line(
            service: service.rawValue, purpose: entry.purpose.rawValue, version: entry.version, key: entry.id,
            algorithm: entry.algorithm.rawValue, created: entry.created, state: entry.state.rawValue)), as: UTF8.self)
    }.joined(separator: "\n")
  }
}
