import Configuration
import Contracts
import Foundation
import Kafka
import KeyRing
import Logging

/// Everything a stage can be told, read from the environment (`CAREDATA_…`) and, below it, from the JSON file that
/// `CAREDATA_CONFIG_FILE` names (`{"caredata": {"database": {"url": …}}}`).
///
/// | key | type | default | meaning |
/// |---|---|---|---|
/// | `caredata.database.url` | string, secret | required | libpq connection string or URL |
/// | `caredata.keys.directory` | string | `keys` | folder with the key ring of this stage and the public keys of others |
/// | `caredata.keys.passphrase`, `.passphrase.file` | string, secret | | what the key ring is opened with: one of these … |
/// | `caredata.keys.wrapping.key`, `.wrapping.key.file` | string, secret | | … or a key of 64 hexadecimal digits |
/// | `caredata.topics.prefix` | string | `caredata.` | prefix of topics and consumer groups |
/// | `caredata.topics.partitions` | int | 12 | partitions of every keyed topic |
/// | `caredata.http.host`, `.port` | string, int | `127.0.0.1`, 0 | health and metrics; port 0 takes a free one |
/// | `caredata.batch.messages`, `.bytes` | int | 20000, 16777216; linkage 50000, 67108864 | upper bounds of one batch |
/// | `caredata.backlog.bytes` | int | 0 (off) | bytes per partition ahead of the slowest downstream group |
/// | `caredata.incarnation` | string | empty | life of an embedded broker; a new one makes ingestion re-emit |
/// | `caredata.supervised` | bool | false | stop when standard input ends (child process of `caredata up`) |
/// | `caredata.ready.file` | string | empty | file that exists while the stage is ready |
/// | `caredata.specification.directory` | string | `compose/specification` | extract specifications and exclusion lists |
/// | `caredata.policy.file` | string | `compose/policy/attributes.yaml` | what remains of a person behind pseudonymisation |
/// | `caredata.postcodes.file` | string | empty (none) | CSV, postcode to small area and commissioner |
/// | `caredata.practices.notice.days` | int | 56 | days between telling patients and the first extract |
/// | `caredata.national.list.days` | int or `off` | 7 | age at which the national list of objections stops everything |
/// | `caredata.extracts.hold.seconds` | int | 10 | quiet time after which an incomplete extract is reported as held |
/// | `caredata.reidentification` | `on` or `off` | `off` | whether the NHS numbers of records are kept, sealed |
/// | `caredata.audit.file` | string | empty | where commands log what they do with identifiable data |
/// | `caredata.log.level` | string | `info` | swift-log level |
/// | `CAREDATA_KAFKA_…` | string | | librdkafka properties: `.` as `_`, `_` as `__`, `-` as `___` |
public struct StageConfiguration: Sendable {
  public var databaseURL: String
  public var keysDirectory: String
  public var keysUnlocking: KeyUnlocking.Sources
  public var layout: TopicLayout
  public var httpHost: String
  public var httpPort: Int
  /// Nil: as the stage has it, see ``Stage/batch``.
  public var batchMessages: Int?
  /// The same.
  public var batchBytes: Int?
  public var backlogBytes: Int
  public var incarnation: String
  public var supervised: Bool
  public var readyFile: String
  public var specificationDirectory: String
  public var policyFile: String
  /// Empty: none.
  public var postcodesFile: String
  public var noticeDays: Int
  public var holdSeconds: Int
  public var nationalList: NationalListRule
  public var reidentification: Bool
  public var auditFile: String
  public var logLevel: Logger.Level
  public var kafka: KafkaConfiguration

  public static func load(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) async throws -> StageConfiguration {
    var providers: [any ConfigProvider] = [EnvironmentVariablesProvider(environmentVariables: environment)]
    if let path = environment["CAREDATA_CONFIG_FILE"] {
      do {
        providers.append(try await FileProvider<JSONSnapshot>(filePath: .init(path)))
      } catch {
        throw StageError.configuration("CAREDATA_CONFIG_FILE names \(path), which is no readable JSON file")
      }
    }
    let reader = ConfigReader(providers: providers).scoped(to: "caredata")
    guard let database = reader.string(forKey: "database.url", isSecret: true), !database.isEmpty else {
      throw StageError.configuration("CAREDATA_DATABASE_URL is not set; give a libpq connection string")
    }
    let level = reader.string(forKey: "log.level", default: "info")
    guard let logLevel = Logger.Level(rawValue: level) else {
      throw StageError.configuration(
        "CAREDATA_LOG_LEVEL is '\(level)'; use trace, debug, info, notice, warning or error")
    }
    let layout = TopicLayout(
      prefix: reader.string(forKey: "topics.prefix", default: "caredata."),
      partitions: reader.int(forKey: "topics.partitions", default: 12))
    guard layout.partitions > 0 else { throw StageError.configuration("CAREDATA_TOPICS_PARTITIONS must be at least 1") }
    let noticeDays = reader.int(forKey: "practices.notice.days", default: PracticeGate.usualNoticeDays)
    guard 0...3_650 ~= noticeDays else {
      throw StageError.configuration("CAREDATA_PRACTICES_NOTICE_DAYS is \(noticeDays); use 0 to 3650")
    }
    let listDays = reader.string(forKey: "national.list.days", default: "\(NationalListRule.usualDays)")
    guard listDays == "off" || Int(listDays).map({ 1...366 ~= $0 }) == true else {
      throw StageError.configuration("CAREDATA_NATIONAL_LIST_DAYS is '\(listDays)'; use 1 to 366, or off")
    }
    let reidentification = reader.string(forKey: "reidentification", default: "off")
    guard ["on", "off"].contains(reidentification) else {
      throw StageError.configuration("CAREDATA_REIDENTIFICATION is '\(reidentification)'; use on or off")
    }
    return StageConfiguration(
      databaseURL: database,
      keysDirectory: reader.string(forKey: "keys.directory", default: "keys"),
      keysUnlocking: .init(
        passphrase: reader.string(forKey: "keys.passphrase", isSecret: true),
        passphraseFile: reader.string(forKey: "keys.passphrase.file"),
        key: reader.string(forKey: "keys.wrapping.key", isSecret: true),
        keyFile: reader.string(forKey: "keys.wrapping.key.file")),
      layout: layout,
      httpHost: reader.string(forKey: "http.host", default: "127.0.0.1"),
      httpPort: reader.int(forKey: "http.port", default: 0),
      batchMessages: reader.int(forKey: "batch.messages"),
      batchBytes: reader.int(forKey: "batch.bytes"),
      backlogBytes: reader.int(forKey: "backlog.bytes", default: 0),
      incarnation: reader.string(forKey: "incarnation", default: ""),
      supervised: reader.bool(forKey: "supervised", default: false),
      readyFile: reader.string(forKey: "ready.file", default: ""),
      specificationDirectory: reader.string(forKey: "specification.directory", default: "compose/specification"),
      policyFile: reader.string(forKey: "policy.file", default: "compose/policy/attributes.yaml"),
      postcodesFile: reader.string(forKey: "postcodes.file", default: ""),
      noticeDays: noticeDays,
      holdSeconds: reader.int(forKey: "extracts.hold.seconds", default: 10),
      nationalList: NationalListRule(maximumDays: Int(listDays)),
      reidentification: reidentification == "on",
      auditFile: reader.string(forKey: "audit.file", default: ""),
      logLevel: logLevel,
      kafka: try kafkaConfiguration(environment))
  }

  /// `CAREDATA_KAFKA_BOOTSTRAP_SERVERS` -> `bootstrap.servers`. The Kafka module refuses unknown properties by name.
  public static func kafkaConfiguration(_ environment: [String: String]) throws -> KafkaConfiguration {
    let prefix = "CAREDATA_KAFKA_"
    var properties: [String: String] = [:]
    for (name, value) in environment where name.hasPrefix(prefix) {
      properties[propertyName(String(name.dropFirst(prefix.count)))] = value
    }
    guard let servers = properties["bootstrap.servers"], !servers.isEmpty else {
      throw StageError.configuration("CAREDATA_KAFKA_BOOTSTRAP_SERVERS is not set")
    }
    var kafka = KafkaConfiguration(bootstrapServers: servers)
    kafka.properties.merge(properties) { _, new in new }
    return kafka
  }

  static func propertyName(_ variable: String) -> String {
    variable.lowercased()
      .replacingOccurrences(of: "___", with: "-")
      .replacingOccurrences(of: "__", with: "\u{0}")
      .replacingOccurrences(of: "_", with: ".")
      .replacingOccurrences(of: "\u{0}", with: "_")
  }
}
