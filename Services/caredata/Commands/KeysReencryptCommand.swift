import ArgumentParser
import Audit
import Contracts
import Foundation
import KeyRing
import Postgres
import StageKit

extension KeysCommand {
  struct Reencrypt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Put the tokens that linkage has stored under the newest linkage key; rotate does so by itself.",
      discussion: """
        Needs the keys of pseudonymisation, the database and the broker. Linkage waits while tokens are replaced. Ended \
        before it is done, it has changed nothing, or leaves records put aside under the former key: run it again.
        """)
    @OptionGroup var options: KeyTargetOptions

    func run() async throws {
      let ring = try options.ring(of: .pseudonymisation)
      let target = try await KeysCommand.installation(options)
      try options.audit().append(
        event: .keyRotated,
        details: [
          "service": KeyService.pseudonymisation.rawValue, "purpose": KeyPurpose.linkage.rawValue,
          "version": "\(try ring.active(.linkage).version)", "step": "stored tokens",
        ])
      try Self.reencrypt(ring, target)
    }

    static func reencrypt(_ ring: KeyRing, _ target: Installation) throws {
      guard let database = try linkage(target) else {
        return print("linkage has stored nothing yet")
      }
      defer { database.close() }
      var stragglers = try LinkageStragglers(target)
      var told: String?
      while true {
        // Asked before, so that what comes in between is found in the next turn.
        let wait = try stragglers.waits()
        let outcome = try LinkageReencryption.run(ring, database) { count in
          if count % 100_000 == 0 { print("  \(count) identities") }
        }
        if !outcome.isNothing {
          print(
            "under version \(outcome.version) of the linkage key: \(outcome.combinations) stored identities, "
              + "\(outcome.parked) that were put aside")
        }
        guard let wait else { return print("nothing is under a former linkage key any more") }
        if wait != told { print("waiting for \(wait)") }
        told = wait
        usleep(200_000)
      }
    }

    /// A connection to linkage's tables; nil where it has none.
    static func linkage(_ target: Installation) throws -> Connection? {
      let database = try Connection(target.configuration.databaseURL)
      guard try database.has(table: "linkage.token_version") else {
        database.close()
        return nil
      }
      try database.execute("set search_path to \(StageName.linkage.schema)")
      return database
    }
  }

  static func installation(_ options: KeyTargetOptions) async throws -> Installation {
    var installation = InstallationOptions()
    installation.state = options.state
    return try await installation.installation()
  }
}
