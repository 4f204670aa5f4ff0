import ArgumentParser
import Contracts
import Cryptography
import Foundation
import Kafka
import KeyRing
import StageKit

/// How a command reaches its installation; the same variables that configure the services.
struct Installation {
  let environment: [String: String]
  let configuration: StageConfiguration
  /// Of the `caredata up` it was found through, if it was.
  let state: StateDirectory?

  var layout: TopicLayout { configuration.layout }
  var kafka: KafkaConfiguration { configuration.kafka }

  /// A producer for what connectors send, held back where ingestion is behind.
  func producer() throws -> Producer {
    let limit = configuration.backlogBytes
    return try Producer(
      kafka, backlog: limit > 0 ? BacklogLimit(bytesPerPartition: limit, groups: layout.readers()) : nil)
  }

  init(environment: [String: String], state: StateDirectory? = nil) async throws {
    self.environment = environment
    self.state = state
    var configuration = try await StageConfiguration.load(environment: environment)
    // A command says in its own words what failed; only what stops librdkafka itself is worth a line of its own.
    configuration.kafka.log = { level, facility, text in
      if level <= 2 { print("\(facility): \(text)", to: &standardError) }
    }
    self.configuration = configuration
  }
}

extension Installation {
  /// The key ring of a service: in `folder`, else in that of the `up` it was found through, else where the environment
  /// says.
  func ring(of service: KeyService, folder: String? = nil) throws -> KeyRing {
    try KeyEvents.unlocking(service, audit) {
      if folder == nil, let state { return try state.keys.ring(of: service) }
      let folder = KeyFolder(folder ?? configuration.keysDirectory)
      return try KeyRing(folder.ring, of: service, try KeyUnlocking(configuration.keysUnlocking))
    }
  }

  /// - Parameter publicKeys: file that ingestion's keys were exported to.
  func sealerToIngestion(publicKeys: String?) throws -> SealedBoxSealer {
    let folder = state?.keys.folder(of: .ingestion) ?? KeyFolder(configuration.keysDirectory)
    let keys = try PublicKeys(publicKeys ?? folder.exported(by: .ingestion), of: .ingestion)
    return try SealedBoxSealer(to: try keys.active(.extracts), purpose: KeyPurpose.extracts.rawValue)
  }

  /// An embedded broker that has started anew has forgotten what was sent to it.
  ///
  /// - Throws: ``ClientError`` when it has, so that nobody waits for an answer that cannot come.
  func checkBrokerLife() throws {
    guard let state, let running = try state.running(),
      running.environment["CAREDATA_INCARNATION"] != configuration.incarnation
    else { return }
    throw ClientError("the embedded broker has started anew and may have forgotten what was sent; send it again")
  }
}

struct InstallationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "State folder of a running `caredata up`. Without it: CAREDATA_… variables, else .caredata.", valueName: "dir"))
  var state: String?

  func installation() async throws -> Installation {
    let own = ProcessInfo.processInfo.environment
    if state == nil, own["CAREDATA_KAFKA_BOOTSTRAP_SERVERS"] != nil { return try await Installation(environment: own) }
    let folder = StateDirectory(path: state ?? StateDirectory.defaultPath)
    guard let running = try folder.running() else {
      throw ClientError(
        """
        nothing is running in \(folder.path): start it with `caredata up --state \(folder.path)`, or set \
        CAREDATA_KAFKA_BOOTSTRAP_SERVERS and CAREDATA_DATABASE_URL
        """)
    }
    return try await Installation(environment: own.merging(running.environment) { _, new in new }, state: folder)
  }
}

/// A failure that a command reports in one line.
struct ClientError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
